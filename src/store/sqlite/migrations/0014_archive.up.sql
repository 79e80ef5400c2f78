-- What has ended long ago, one document for each execution. The log stays where it is. Frozen: a change is a new migration.
-- n, head, fence and requested_position keep the history readable: they are what the log's rows leave out.
create table archives (
  id integer primary key,
  public_id text not null unique,
  tenant text not null,
  action text not null,
  subject text,
  state integer not null check (state between 7 and 10),
  finished_at integer not null,
  archived_at integer not null,
  idem_key text,
  generation integer not null,
  record_only integer not null check (record_only in (0, 1)),
  input_hash text not null,
  trace_id text not null,
  n integer not null,
  head integer not null,
  fence integer not null,
  requested_position integer not null,
  document blob not null,
  sha256 text not null
) strict;

create index archives_key
on archives (idem_key, tenant, action, record_only, generation)
where idem_key is not null;

create index archives_tenant
on archives (tenant, id);

-- Only what has ended, without a doubt, and with the event that says so, comes into an archive, and only once.
create trigger archives_guard_insert before insert on archives
when exists (select 1 from archives where id = new.id)
  or not exists (
    select 1
    from executions
    join log on log.position = executions.head
    where executions.id = new.id
    and executions.state = new.state
    and executions.state in (7, 8, 9, 10)
    and executions.open_effects = 0
    and executions.n = new.n
    and executions.head = new.head
    and log.type = 64
  )
begin
  select raise(abort, 'append_only: only an ended execution is archived, once, by its own event.');
end;
create trigger archives_no_update before update on archives
begin
  select raise(abort, 'append_only: an archive is never changed.');
end;
create trigger archives_no_delete before delete on archives
when not exists (select 1 from executions where id = old.id and n = old.n and state = old.state)
begin
  select raise(abort, 'append_only: an archive is left only by restoring what it holds.');
end;

drop trigger requests_no_delete;
create trigger requests_no_delete before delete on requests
when not exists (select 1 from archives where id = old.id)
begin
  select raise(abort, 'append_only: a request is never deleted.');
end;
drop trigger outcomes_no_delete;
create trigger outcomes_no_delete before delete on outcomes
when not exists (select 1 from archives where id = old.id)
begin
  select raise(abort, 'append_only: an outcome is never deleted.');
end;
drop trigger execution_steps_no_delete;
create trigger execution_steps_no_delete before delete on execution_steps
when not exists (select 1 from archives where id = old.execution)
begin
  select raise(abort, 'append_only: a recorded step is never deleted.');
end;
drop trigger execution_effects_no_delete;
create trigger execution_effects_no_delete before delete on execution_effects
when not exists (select 1 from archives where id = old.execution)
begin
  select raise(abort, 'append_only: the effect ledger is never shortened.');
end;
drop trigger executions_no_delete;
create trigger executions_no_delete before delete on executions
when not exists (select 1 from archives where id = old.id)
begin
  select raise(abort, 'append_only: an execution is never deleted.');
end;

-- What an archive holds comes back as it went; everything else begins at the beginning.
drop trigger executions_guard_insert;
create trigger executions_guard_insert before insert on executions
when exists (select 1 from executions where id = new.id)
  or not (
    (new.n = 1 and new.state in (1, 3) and new.fence = 0)
    or (new.n = 2 and new.state = 4 and new.fence > 0)
    or exists (
      select 1
      from archives
      where id = new.id
      and state = new.state
      and n = new.n
      and head = new.head
      and fence = new.fence
    )
  )
begin
  select case
    when exists (select 1 from executions where id = new.id)
      then raise(abort, 'row_exists: an execution is never replaced.')
    else raise(abort, 'illegal_transition: an execution begins as requested or queued with event 1, or as running with event 2.')
  end;
end;

drop view execution_queue_transition_audit;
drop view execution_events;
create view execution_events as
select
  ifnull(requests.public_id, archives.public_id) as execution_id,
  entry.value as execution,
  json_extract(log.numbers, '$[' || entry.key || ']') as n,
  log.position,
  log.tenant,
  event_type.name as type,
  source.name as from_state,
  target.name as to_state,
  log.principal,
  log.worker,
  ifnull(requests.trace_id, archives.trace_id) as trace_id,
  log.at,
  log.data -> ('$[' || entry.key || ']') as data
from log
join json_each(log.executions) as entry
join event_type on event_type.code = log.type
join execution_status as target on target.code = log.to_state
left join execution_status as source on source.code = log.from_state
left join requests on requests.id = entry.value
left join archives on archives.id = entry.value;

create view execution_queue_transition_audit as
select
  execution_events.execution_id as task_id,
  ifnull(requests.action, archives.action) as operation_kind,
  datetime(execution_events.at / 1000, 'unixepoch') as occurred_at,
  execution_events.from_state,
  execution_events.to_state,
  execution_events.type as transition_reason,
  execution_events.data ->> '$.errorClass' as error_class,
  execution_events.principal as actor_id,
  execution_events.trace_id as correlation_id
from execution_events
left join requests on requests.id = execution_events.execution
left join archives on archives.id = execution_events.execution
where execution_events.from_state is not execution_events.to_state;
