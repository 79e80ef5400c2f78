-- Takes the log lines away; of artifacts, short text in rows goes, and a name keeps its newest content.
drop table execution_logs;
create table artifacts_before (
  execution integer not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes integer not null,
  media_type text not null,
  path text not null,
  at integer not null,
  primary key (execution, name)
) strict;
insert or replace into artifacts_before (execution, name, sha256, bytes, media_type, path, at)
select execution, name, sha256, bytes, media_type, path, at
from artifacts
where path is not null
order by at, rowid;
drop table artifacts;
drop table archived_contents;
alter table artifacts_before rename to artifacts;
