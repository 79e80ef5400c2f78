-- Takes the signals and columns away with what they hold.
alter table workers drop column draining_since;
alter table requests drop column on_parent_cancel;
alter table executions drop column parent;
drop table signals;
