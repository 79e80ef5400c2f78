-- Refuses while anything is archived: what is in an archive stands nowhere else. Restore it first.
create table archives_left (id integer check (id is null)) strict;
insert into archives_left (id)
select id from archives;
drop table archives_left;

drop view execution_queue_transition_audit;
drop view execution_events;
drop trigger requests_no_delete;
drop trigger outcomes_no_delete;
drop trigger execution_steps_no_delete;
drop trigger execution_effects_no_delete;
drop trigger executions_no_delete;
drop trigger executions_guard_insert;
drop table archives;

create trigger requests_no_delete before delete on requests
begin
  select raise(abort, 'append_only: a request is never deleted.');
end;
create trigger outcomes_no_delete before delete on outcomes
begin
  select raise(abort, 'append_only: an outcome is never deleted.');
end;
create trigger execution_steps_no_delete before delete on execution_steps
begin
  select raise(abort, 'append_only: a recorded step is never deleted.');
end;
create trigger execution_effects_no_delete before delete on execution_effects
begin
  select raise(abort, 'append_only: the effect ledger is never shortened.');
end;
create trigger executions_no_delete before delete on executions
begin
  select raise(abort, 'append_only: an execution is never deleted.');
end;
create trigger executions_guard_insert before insert on executions
when exists (select 1 from executions where id = new.id)
  or not (
    (new.n = 1 and new.state in (1, 3) and new.fence = 0)
    or (new.n = 2 and new.state = 4 and new.fence > 0)
  )
begin
  select case
    when exists (select 1 from executions where id = new.id)
      then raise(abort, 'row_exists: an execution is never replaced.')
    else raise(abort, 'illegal_transition: an execution begins as requested or queued with event 1, or as running with event 2.')
  end;
end;

create view execution_events as
select
  requests.public_id as execution_id,
  entry.value as execution,
  json_extract(log.numbers, '$[' || entry.key || ']') as n,
  log.position,
  log.tenant,
  event_type.name as type,
  source.name as from_state,
  target.name as to_state,
  log.principal,
  log.worker,
  requests.trace_id,
  log.at,
  log.data -> ('$[' || entry.key || ']') as data
from log
join json_each(log.executions) as entry
join event_type on event_type.code = log.type
join execution_status as target on target.code = log.to_state
left join execution_status as source on source.code = log.from_state
left join requests on requests.id = entry.value;

create view execution_queue_transition_audit as
select
  execution_events.execution_id as task_id,
  requests.action as operation_kind,
  datetime(execution_events.at / 1000, 'unixepoch') as occurred_at,
  execution_events.from_state,
  execution_events.to_state,
  execution_events.type as transition_reason,
  execution_events.data ->> '$.errorClass' as error_class,
  execution_events.principal as actor_id,
  execution_events.trace_id as correlation_id
from execution_events
join requests on requests.id = execution_events.execution
where execution_events.from_state is not execution_events.to_state;
