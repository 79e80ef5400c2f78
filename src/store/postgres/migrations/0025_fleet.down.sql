alter table workers drop column drain_until;
alter table workers drop column drain_reason;
alter table workers drop column drain_asked_by;
alter table workers drop column drain_asked_at;
alter table workers drop column role;
drop table leaders;
