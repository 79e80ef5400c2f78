-- Refuses while anything is archived: what is in an archive stands nowhere else. Restore it first.
create table archives_left (id bigint check (id is null));
insert into archives_left (id)
select id from archives;
drop table archives_left;

drop view execution_queue_transition_audit;
drop view execution_events;
drop trigger requests_no_delete on requests;
drop trigger outcomes_no_delete on outcomes;
drop trigger execution_steps_no_delete on execution_steps;
drop trigger execution_effects_no_delete on execution_effects;
drop trigger executions_no_delete on executions;
drop trigger executions_guard_insert on executions;
drop table archives;
drop function requests_no_delete();
drop function outcomes_no_delete();
drop function execution_steps_no_delete();
drop function execution_effects_no_delete();
drop function executions_no_delete();
drop function executions_guard_insert();
drop function archives_guard_insert();
drop function archives_no_delete();

create trigger requests_no_delete before delete on requests
for each row execute function refuse_change('append_only: a request is never deleted.');
create trigger outcomes_no_delete before delete on outcomes
for each row execute function refuse_change('append_only: an outcome is never deleted.');
create trigger execution_steps_no_delete before delete on execution_steps
for each row execute function refuse_change('append_only: a recorded step is never deleted.');
create trigger execution_effects_no_delete before delete on execution_effects
for each row execute function refuse_change('append_only: the effect ledger is never shortened.');
create trigger executions_no_delete before delete on executions
for each row execute function refuse_change('append_only: an execution is never deleted.');
create trigger executions_guard_insert before insert on executions
for each row when (not (
  (new.n = 1 and new.state in (1, 3) and new.fence = 0)
  or (new.n = 2 and new.state = 4 and new.fence > 0)
))
execute function refuse_change('illegal_transition: an execution begins as requested or queued with event 1, or as running with event 2.');

create view execution_events as
select
  requests.public_id as execution_id,
  entry.value::bigint as execution,
  (log.numbers::json ->> (entry.place - 1)::int)::bigint as n,
  log.position,
  log.tenant,
  event_type.name as type,
  source.name as from_state,
  target.name as to_state,
  log.principal,
  log.worker,
  requests.trace_id,
  log.at,
  (log.data::json -> (entry.place - 1)::int)::text as data
from log
cross join lateral json_array_elements_text(log.executions::json) with ordinality as entry (value, place)
join event_type on event_type.code = log.type
join execution_status as target on target.code = log.to_state
left join execution_status as source on source.code = log.from_state
left join requests on requests.id = entry.value::bigint;

create view execution_queue_transition_audit as
select
  execution_events.execution_id as task_id,
  requests.action as operation_kind,
  to_char(to_timestamp(execution_events.at / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as occurred_at,
  execution_events.from_state,
  execution_events.to_state,
  execution_events.type as transition_reason,
  execution_events.data::json ->> 'errorClass' as error_class,
  execution_events.principal as actor_id,
  execution_events.trace_id as correlation_id
from execution_events
join requests on requests.id = execution_events.execution
where execution_events.from_state is distinct from execution_events.to_state;
