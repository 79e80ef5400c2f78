-- Takes the log lines away; of artifacts, short text in rows goes, and a name keeps its newest content.
drop table execution_logs;
create table artifacts_before (
  execution bigint not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes bigint not null,
  media_type text not null,
  path text not null,
  at bigint not null,
  primary key (execution, name)
);
insert into artifacts_before (execution, name, sha256, bytes, media_type, path, at)
select distinct on (execution, name) execution, name, sha256, bytes, media_type, path, at
from artifacts
where path is not null
order by execution, name, at desc, ctid desc;
drop table artifacts;
drop function artifacts_leave();
drop function artifacts_return();
drop table archived_contents;
alter table artifacts_before rename to artifacts;
