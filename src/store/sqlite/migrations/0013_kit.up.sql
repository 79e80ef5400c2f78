-- Artifacts keep every content that a name has had, and short text in the row itself; log lines of executions. Frozen.
create table artifacts_kept (
  execution integer not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes integer not null,
  media_type text not null,
  path text,
  content text check (length(cast(content as blob)) <= 10240),
  at integer not null,
  check ((path is null) = (content is not null)),
  primary key (execution, name, sha256)
) strict;
insert into artifacts_kept (execution, name, sha256, bytes, media_type, path, at)
select execution, name, sha256, bytes, media_type, path, at
from artifacts;
drop table artifacts;
alter table artifacts_kept rename to artifacts;

-- Which files does a row name? Asked by the sweep for files that none does.
create index artifacts_content
on artifacts (sha256)
where path is not null;

-- Contents that only the document of an archive names any more: the sweep must not take them.
create table archived_contents (
  sha256 text not null,
  id integer not null,
  primary key (sha256, id)
) strict, without rowid;
create trigger artifacts_leave after delete on artifacts
when old.path is not null
begin
  insert or ignore into archived_contents (sha256, id) values (old.sha256, old.execution);
end;
create trigger artifacts_return after insert on artifacts
when new.path is not null
begin
  delete from archived_contents where sha256 = new.sha256 and id = new.execution;
end;

-- What handlers said. line counts within a fence, so that a doubled message is known; bytes and dropped are running totals
-- of the execution, so that the newest row alone says whether more may be kept.
create table execution_logs (
  execution integer not null references executions (id),
  seq integer not null,
  at integer not null,
  level integer not null check (level between 1 and 4),
  message text not null,
  fields text,
  fence integer not null,
  line integer not null,
  bytes integer not null,
  dropped integer not null,
  primary key (execution, seq)
) strict, without rowid;
