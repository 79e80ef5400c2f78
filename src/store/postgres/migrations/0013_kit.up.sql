-- Artifacts keep every content that a name has had, and short text in the row itself; log lines of executions. Frozen.
create table artifacts_kept (
  execution bigint not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes bigint not null,
  media_type text not null,
  path text,
  content text check (octet_length(content) <= 10240),
  at bigint not null,
  check ((path is null) = (content is not null)),
  primary key (execution, name, sha256)
);
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
  id bigint not null,
  primary key (sha256, id)
);
create function artifacts_leave() returns trigger language plpgsql as $$
begin
  insert into archived_contents (sha256, id)
  values (old.sha256, old.execution)
  on conflict do nothing;
  return null;
end $$;
create trigger artifacts_leave after delete on artifacts
for each row when (old.path is not null)
execute function artifacts_leave();
create function artifacts_return() returns trigger language plpgsql as $$
begin
  delete from archived_contents
  where sha256 = new.sha256
  and id = new.execution;
  return null;
end $$;
create trigger artifacts_return after insert on artifacts
for each row when (new.path is not null)
execute function artifacts_return();

-- What handlers said. line counts within a fence, so that a doubled message is known; bytes and dropped are running totals
-- of the execution, so that the newest row alone says whether more may be kept.
create table execution_logs (
  execution bigint not null references executions (id),
  seq bigint not null,
  at bigint not null,
  level bigint not null check (level between 1 and 4),
  message text not null,
  fields text,
  fence bigint not null,
  line bigint not null,
  bytes bigint not null,
  dropped bigint not null,
  primary key (execution, seq)
);
