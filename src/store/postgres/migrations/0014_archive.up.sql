-- What has ended long ago, one document for each execution. The log stays where it is. Frozen: a change is a new migration.
-- n, head, fence and requested_position keep the history readable: they are what the log's rows leave out.
create table archives (
  id bigint primary key,
  public_id text not null unique,
  tenant text not null,
  action text not null,
  subject text,
  state bigint not null check (state between 7 and 10),
  finished_at bigint not null,
  archived_at bigint not null,
  idem_key text,
  generation bigint not null,
  record_only bigint not null check (record_only in (0, 1)),
  input_hash text not null,
  trace_id text not null,
  n bigint not null,
  head bigint not null,
  fence bigint not null,
  requested_position bigint not null,
  document bytea not null,
  sha256 text not null
);

create index archives_key
on archives (idem_key, tenant, action, record_only, generation)
where idem_key is not null;

create index archives_tenant
on archives (tenant, id);

-- Only what has ended, without a doubt, and with the event that says so, comes into an archive, and only once.
create function archives_guard_insert() returns trigger language plpgsql as $$
begin
  if exists (select 1 from archives where id = new.id)
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
    ) then
    raise exception 'append_only: only an ended execution is archived, once, by its own event.';
  end if;
  return new;
end $$;
create trigger archives_guard_insert before insert on archives
for each row execute function archives_guard_insert();
create trigger archives_no_update before update on archives
for each row execute function refuse_change('append_only: an archive is never changed.');
create function archives_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from executions where id = old.id and n = old.n and state = old.state) then
    raise exception 'append_only: an archive is left only by restoring what it holds.';
  end if;
  return old;
end $$;
create trigger archives_no_delete before delete on archives
for each row execute function archives_no_delete();

drop trigger requests_no_delete on requests;
create function requests_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.id) then
    raise exception 'append_only: a request is never deleted.';
  end if;
  return old;
end $$;
create trigger requests_no_delete before delete on requests
for each row execute function requests_no_delete();
drop trigger outcomes_no_delete on outcomes;
create function outcomes_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.id) then
    raise exception 'append_only: an outcome is never deleted.';
  end if;
  return old;
end $$;
create trigger outcomes_no_delete before delete on outcomes
for each row execute function outcomes_no_delete();
drop trigger execution_steps_no_delete on execution_steps;
create function execution_steps_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: a recorded step is never deleted.';
  end if;
  return old;
end $$;
create trigger execution_steps_no_delete before delete on execution_steps
for each row execute function execution_steps_no_delete();
drop trigger execution_effects_no_delete on execution_effects;
create function execution_effects_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: the effect ledger is never shortened.';
  end if;
  return old;
end $$;
create trigger execution_effects_no_delete before delete on execution_effects
for each row execute function execution_effects_no_delete();
drop trigger executions_no_delete on executions;
create function executions_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.id) then
    raise exception 'append_only: an execution is never deleted.';
  end if;
  return old;
end $$;
create trigger executions_no_delete before delete on executions
for each row execute function executions_no_delete();

-- What an archive holds comes back as it went; everything else begins at the beginning.
drop trigger executions_guard_insert on executions;
create function executions_guard_insert() returns trigger language plpgsql as $$
begin
  if not exists (
    select 1
    from archives
    where id = new.id
    and state = new.state
    and n = new.n
    and head = new.head
    and fence = new.fence
  ) then
    raise exception 'illegal_transition: an execution begins as requested or queued with event 1, or as running with event 2.';
  end if;
  return new;
end $$;
create trigger executions_guard_insert before insert on executions
for each row when (not (
  (new.n = 1 and new.state in (1, 3) and new.fence = 0)
  or (new.n = 2 and new.state = 4 and new.fence > 0)
))
execute function executions_guard_insert();

drop view execution_queue_transition_audit;
drop view execution_events;
create view execution_events as
select
  coalesce(requests.public_id, archives.public_id) as execution_id,
  entry.value::bigint as execution,
  (log.numbers::json ->> (entry.place - 1)::int)::bigint as n,
  log.position,
  log.tenant,
  event_type.name as type,
  source.name as from_state,
  target.name as to_state,
  log.principal,
  log.worker,
  coalesce(requests.trace_id, archives.trace_id) as trace_id,
  log.at,
  (log.data::json -> (entry.place - 1)::int)::text as data
from log
cross join lateral json_array_elements_text(log.executions::json) with ordinality as entry (value, place)
join event_type on event_type.code = log.type
join execution_status as target on target.code = log.to_state
left join execution_status as source on source.code = log.from_state
left join requests on requests.id = entry.value::bigint
left join archives on archives.id = entry.value::bigint;

create view execution_queue_transition_audit as
select
  execution_events.execution_id as task_id,
  coalesce(requests.action, archives.action) as operation_kind,
  to_char(to_timestamp(execution_events.at / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as occurred_at,
  execution_events.from_state,
  execution_events.to_state,
  execution_events.type as transition_reason,
  execution_events.data::json ->> 'errorClass' as error_class,
  execution_events.principal as actor_id,
  execution_events.trace_id as correlation_id
from execution_events
left join requests on requests.id = execution_events.execution
left join archives on archives.id = execution_events.execution
where execution_events.from_state is distinct from execution_events.to_state;
