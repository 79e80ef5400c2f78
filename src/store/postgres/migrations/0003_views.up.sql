-- Read-only views for people and other systems.
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

create view execution_queue as
select
  requests.public_id as id,
  requests.tenant,
  requests.action,
  requests.action_version,
  requests.subject,
  execution_status.name as state,
  requests.priority,
  executions.available_at,
  executions.attempt,
  executions.max_attempts,
  executions.fence,
  workers.identity as worker,
  executions.lease_until as lease_expires_at,
  executions.updated_at
from executions
join requests on requests.id = executions.id
join execution_status on execution_status.code = executions.state
left join workers on workers.key = executions.worker
where executions.state in (3, 4, 5, 6);

create view execution_dlq as
select
  requests.public_id as id,
  requests.tenant,
  requests.action,
  requests.action_version,
  requests.subject,
  executions.attempt,
  executions.max_attempts,
  executions.last_error_class,
  executions.last_error,
  executions.finished_at
from executions
join requests on requests.id = executions.id
where executions.state = 8;

create view idempotency_keys as
select
  requests.tenant,
  requests.action,
  requests.idem_key as key,
  requests.generation,
  requests.record_only,
  requests.input_hash,
  requests.public_id as execution_id,
  execution_status.name as state,
  executions.attempt as attempt_count,
  requests.at as first_seen_at,
  executions.updated_at as last_seen_at,
  (
    select outcomes.fingerprint
    from outcomes
    where outcomes.id = executions.id
    and outcomes.fingerprint is not null
  ) as result_fingerprint,
  case when executions.last_error_class is not null
    then json_build_object('class', executions.last_error_class, 'message', executions.last_error)::text
  end as error_snapshot
from requests
join executions on executions.id = requests.id
join execution_status on execution_status.code = executions.state
where requests.idem_key is not null;

-- The names, states and text times of the execution-queue runbook.
create view execution_alias as
select
  code,
  case
    when code in (1, 2, 3, 5) then 'queued'
    when code = 7 then 'completed'
    when code = 8 then 'failed_terminal'
    else name
  end as state
from execution_status;

create view execution_queue_task as
select
  requests.public_id as id,
  requests.subject as quote_id,
  requests.action as operation_kind,
  execution_alias.state,
  workers.identity as claimed_by,
  case when executions.state = 4
    then to_char(to_timestamp((case executions.lease_renewals when 0 then executions.started_at else executions.updated_at end) / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
  end as claimed_at,
  greatest(executions.attempt - 1, 0) as retry_count,
  to_char(to_timestamp(executions.available_at / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as available_at,
  executions.n as state_version,
  to_char(to_timestamp(executions.updated_at / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as updated_at,
  executions.last_error
from executions
join requests on requests.id = executions.id
join execution_alias on execution_alias.code = executions.state
left join workers on workers.key = executions.worker;

create view execution_idempotency_ledger as
select
  requests.idem_key as operation_key,
  requests.subject as quote_id,
  task.state,
  executions.attempt as attempt_count,
  to_char(to_timestamp(requests.at / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as first_seen_at,
  to_char(to_timestamp(executions.updated_at / 1000) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS') as last_seen_at,
  case when executions.last_error_class is not null
    then json_build_object('class', executions.last_error_class, 'message', executions.last_error)::text
  end as error_snapshot_json
from requests
join executions on executions.id = requests.id
join execution_alias as task on task.code = executions.state
where requests.idem_key is not null;

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
