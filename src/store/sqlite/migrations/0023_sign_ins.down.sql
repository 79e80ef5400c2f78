drop table sign_ins;
alter table tokens drop column old_until;
alter table tokens drop column old_hash;
alter table tokens drop column rotated_at;
alter table tokens drop column scope;
