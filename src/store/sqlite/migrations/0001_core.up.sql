-- The core of the store. Frozen: a change is a new migration.
-- Keys and states are integers, times are epoch milliseconds, JSON is canonical text.

-- What the database knows about itself: one row.
-- Public ids derive from the key; the epoch grows with every owner; clean says that the last one closed it.
create table meta (
  only integer primary key check (only = 1),
  public_id_key blob not null check (length(public_id_key) = 16),
  owner_epoch integer not null,
  clean integer not null check (clean in (0, 1))
) strict;
insert into meta (only, public_id_key, owner_epoch, clean)
values (1, randomblob(16), 0, 1);

-- Names of the codes that rows hold.
create table execution_status (code integer primary key, name text not null unique) strict;
create table event_type (code integer primary key, name text not null unique) strict;
create table execution_mode (code integer primary key, name text not null unique) strict;
create table wait_reason (code integer primary key, name text not null unique) strict;
create table effect_target (code integer primary key, name text not null unique) strict;
create table effect_state (code integer primary key, name text not null unique) strict;
create table timer_kind (code integer primary key, name text not null unique) strict;
create table pause_scope (code integer primary key, name text not null unique) strict;

-- One queue for each action and version.
create table queues (
  key integer primary key,
  action text not null,
  version integer not null,
  unique (action, version)
) strict;

-- What was asked, by whom. Insert-only: the payload of an execution's first event.
create table requests (
  id integer primary key,
  public_id text not null,
  tenant text not null,
  action text not null,
  action_version integer not null,
  subject text,
  idem_key text,
  generation integer not null,
  record_only integer not null check (record_only in (0, 1)),
  input text not null,
  input_hash text not null,
  seed text not null,
  trace_id text not null,
  requested_by text not null,
  mode integer not null,
  priority integer not null,
  sla_class text not null,
  action_class text not null,
  policy_version integer not null,
  parent_id integer,
  position integer not null,
  at integer not null
) strict;

-- The key comes first, so that it is found without knowing the rest.
create unique index requests_key
on requests (idem_key, tenant, action, record_only, generation)
where idem_key is not null;

create index requests_subject
on requests (subject, id)
where subject is not null;

-- The present state of one execution: narrow, and nothing that changes is indexed.
create table executions (
  id integer primary key references requests (id),
  tenant text not null,
  queue integer not null references queues (key),
  state integer not null check (state between 1 and 10),
  n integer not null,
  attempt integer not null default 0,
  max_attempts integer not null,
  fence integer not null default 0,
  head integer not null,
  rank integer not null,
  available_at integer not null,
  deadline_at integer,
  worker integer,
  lease_until integer,
  lease_renewals integer not null default 0,
  waiting_for integer,
  ending integer,
  open_effects integer not null default 0 check (open_effects >= 0),
  journal integer not null default 0,
  reconciles integer not null default 0,
  cancelled_by text,
  cancelled_at integer,
  cancel_checks integer not null default 0,
  last_error_class text,
  last_error text,
  updated_at integer not null,
  started_at integer,
  finished_at integer,
  check ((cancelled_by is null) = (cancelled_at is null)),
  check ((state = 4) = (worker is not null and lease_until is not null))
) strict;

-- Running ones only: found by sweeps and by a worker's restart without reading the others.
create index executions_running
on executions (id)
where state = 4;

-- Work that is due: the index of the claim, not the truth.
create table ready (
  queue integer not null,
  rank integer not null,
  available_at integer not null,
  id integer not null,
  primary key (queue, rank, available_at, id)
) strict, without rowid;

create table timers (
  at integer not null,
  kind integer not null,
  id integer not null,
  primary key (at, kind, id)
) strict, without rowid;

-- Work taken out of the claim's way until its key is freed.
create table parked (
  key text not null,
  rank integer not null,
  available_at integer not null,
  id integer not null unique,
  queue integer not null,
  primary key (key, rank, available_at, id)
) strict, without rowid;

-- The end of an execution, once per time it ended. Insert-only: the payload of the event that ended it.
create table outcomes (
  id integer not null references executions (id),
  n integer not null,
  tenant text not null,
  state integer not null,
  result text check (octet_length(result) <= 10240),
  fingerprint text,
  position integer not null,
  at integer not null,
  primary key (id, n)
) strict, without rowid;

-- One row for one commit's events of one kind and tenant. Append-only.
-- executions, numbers, previous and data are JSON arrays that run in parallel.
-- previous (the position of each execution's event before) is null where it follows from other rows:
-- 0 for an event 1, the request's position for an event 2, the claim's (the fence) for a succeed straight after it.
create table log (
  position integer primary key,
  tenant text not null,
  type integer not null,
  from_state integer,
  to_state integer not null,
  principal text not null,
  worker integer,
  at integer not null,
  executions text not null,
  numbers text not null,
  previous text,
  data text
) strict;

create table execution_steps (
  execution integer not null references executions (id),
  name text not null,
  ordinal integer not null,
  value text not null,
  fence integer not null,
  started_at integer not null,
  at integer not null,
  primary key (execution, name, ordinal)
) strict;

-- The effect ledger: the intent is committed before the call, the outcome after it.
create table execution_effects (
  execution integer not null references executions (id),
  effect_key text not null,
  step text not null,
  name text not null,
  ordinal integer not null,
  target integer not null,
  reconcilable integer not null check (reconcilable in (0, 1)),
  state integer not null,
  intents integer not null check (intents >= 1),
  fence integer not null,
  worker integer not null,
  intended_at integer not null,
  concluded_at integer,
  value text,
  error_class text,
  error text,
  primary key (execution, effect_key)
) strict;

-- Effects whose outcome nobody knows yet: few, and looked for often.
create index execution_effects_open
on execution_effects (execution)
where state in (1, 2);

create table artifacts (
  execution integer not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes integer not null,
  media_type text not null,
  path text not null,
  at integer not null,
  primary key (execution, name)
) strict;

-- One row for each incarnation of a worker.
create table workers (
  key integer primary key,
  identity text not null,
  incarnation text not null,
  host text not null,
  pid integer not null,
  started_ticks text,
  boot_id text,
  actions text not null,
  slots integer not null,
  registered_at integer not null,
  seen_at integer not null,
  gone_at integer,
  gone_proof text
) strict;

create index workers_live
on workers (key)
where gone_at is null;

create table pauses (
  scope integer not null,
  value text not null,
  tenant text,
  reason text not null,
  by text not null,
  at integer not null
) strict;

create unique index pauses_target
on pauses (scope, value, ifnull(tenant, ''));

create table tokens (
  id text primary key,
  hash text not null unique,
  name text not null,
  principal text not null,
  tenant text not null,
  role text not null,
  created_at integer not null,
  expires_at integer,
  last_used_at integer,
  revoked_at integer
) strict;

-- What is insert-only stays so, also past INSERT OR REPLACE, which would delete without asking a delete trigger.
create trigger requests_no_replace before insert on requests
when exists (select 1 from requests where id = new.id)
  or (new.idem_key is not null and exists (
    select 1
    from requests
    where tenant = new.tenant
    and action = new.action
    and record_only = new.record_only
    and idem_key = new.idem_key
    and generation = new.generation
  ))
begin
  select raise(abort, 'row_exists: a request is written once and never replaced; its id and its key are taken.');
end;
create trigger requests_no_update before update on requests
begin
  select raise(abort, 'append_only: a request is never changed.');
end;
create trigger requests_no_delete before delete on requests
begin
  select raise(abort, 'append_only: a request is never deleted.');
end;

create trigger log_next_position before insert on log
when new.position is not (select ifnull(max(position), 0) + 1 from log)
begin
  select raise(abort, 'append_only: the log grows only at its end, by the next position.');
end;
create trigger log_no_update before update on log
begin
  select raise(abort, 'append_only: the log is never changed.');
end;
create trigger log_no_delete before delete on log
begin
  select raise(abort, 'append_only: the log is never shortened.');
end;

create trigger outcomes_no_replace before insert on outcomes
when exists (select 1 from outcomes where id = new.id and n = new.n)
begin
  select raise(abort, 'row_exists: an outcome is written once and never replaced.');
end;
create trigger outcomes_no_update before update on outcomes
begin
  select raise(abort, 'append_only: an outcome is never changed.');
end;
create trigger outcomes_no_delete before delete on outcomes
begin
  select raise(abort, 'append_only: an outcome is never deleted.');
end;

create trigger execution_steps_no_replace before insert on execution_steps
when exists (
  select 1
  from execution_steps
  where execution = new.execution
  and name = new.name
  and ordinal = new.ordinal
)
begin
  select raise(abort, 'row_exists: a step is recorded once and never replaced.');
end;
create trigger execution_steps_no_update before update on execution_steps
begin
  select raise(abort, 'append_only: a recorded step is never changed.');
end;
create trigger execution_steps_no_delete before delete on execution_steps
begin
  select raise(abort, 'append_only: a recorded step is never deleted.');
end;

-- An effect that was applied, or that a person accepted as unknown, keeps its verdict; a "no" may be tried again.
create trigger execution_effects_no_replace before insert on execution_effects
when exists (select 1 from execution_effects where execution = new.execution and effect_key = new.effect_key)
begin
  select raise(abort, 'row_exists: an effect stands in the ledger once and is never replaced.');
end;
create trigger execution_effects_guard_update after update on execution_effects
when old.state in (3, 5)
  or new.execution <> old.execution
  or new.effect_key <> old.effect_key
  or new.intents < old.intents
  or new.fence < old.fence
begin
  select raise(abort, 'effect_concluded: a concluded effect keeps its verdict, and no effect loses an intent or its key.');
end;
create trigger execution_effects_no_delete before delete on execution_effects
begin
  select raise(abort, 'append_only: the effect ledger is never shortened.');
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
create trigger executions_no_delete before delete on executions
begin
  select raise(abort, 'append_only: an execution is never deleted.');
end;

-- generated from src/execution/machine.ts: begin
insert into execution_status (code, name) values
  (1, 'requested'),
  (2, 'approved'),
  (3, 'queued'),
  (4, 'running'),
  (5, 'waiting'),
  (6, 'retryable_failed'),
  (7, 'succeeded'),
  (8, 'failed'),
  (9, 'expired'),
  (10, 'canceled');

insert into event_type (code, name) values
  (1, 'request'),
  (2, 'enqueue'),
  (3, 'planned'),
  (4, 'vote'),
  (5, 'replanned'),
  (6, 'approve'),
  (7, 'reject'),
  (8, 'resume'),
  (9, 'invalidate'),
  (10, 'claim'),
  (11, 'succeed'),
  (12, 'fail'),
  (13, 'fail_retryable'),
  (14, 'suspend'),
  (15, 'wake'),
  (16, 'hand_back'),
  (17, 'cancel'),
  (18, 'expire'),
  (19, 'lease_expired'),
  (20, 'redrive'),
  (40, 'cancel_requested'),
  (41, 'retry_requested'),
  (42, 'step_started'),
  (43, 'step_recorded'),
  (44, 'effect_intended'),
  (45, 'effect_recorded'),
  (46, 'effect_in_doubt'),
  (47, 'effect_reconciled'),
  (48, 'progress'),
  (49, 'transition_refused'),
  (50, 'write_fenced'),
  (51, 'rbac_violation'),
  (52, 'worker_stalled'),
  (53, 'idempotent_replay'),
  (54, 'idempotency_conflict'),
  (55, 'artifact_stored');

insert into execution_mode (code, name) values
  (1, 'immediate'),
  (2, 'background');

insert into wait_reason (code, name) values
  (1, 'step_approval'),
  (2, 'approval'),
  (3, 'outcome'),
  (4, 'timer'),
  (5, 'signal');

insert into effect_target (code, name) values
  (1, 'keyed'),
  (2, 'fenced'),
  (3, 'opaque');

insert into effect_state (code, name) values
  (1, 'intended'),
  (2, 'in_doubt'),
  (3, 'applied'),
  (4, 'not_applied'),
  (5, 'unknown_accepted');

insert into timer_kind (code, name) values
  (1, 'available'),
  (2, 'wake'),
  (3, 'deadline');

insert into pause_scope (code, name) values
  (1, 'all'),
  (2, 'tenant'),
  (3, 'action'),
  (4, 'subject');

-- Each case holds the illegal targets of one state, as bits numbered by the codes above.
create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
when 1 << new.state & case old.state
  when 1 then 504
  when 2 then 496
  when 3 then 228
  when 4 then 4
  when 5 then 214
  when 6 then 142
  when 7 then 1918
  when 8 then 1780
  when 9 then 1524
  when 10 then 1012
end
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (new.fence <= old.fence and new.state = 4 and old.state <> 4)
  or new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue
begin
  select case
    when new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue
      then raise(abort, 'identity_changed: id, tenant and queue of an execution never change.')
    when new.fence < old.fence
      then raise(abort, 'fence_fell: the fence of an execution never falls.')
    when 1 << new.state & case old.state
      when 1 then 504
      when 2 then 496
      when 3 then 228
      when 4 then 4
      when 5 then 214
      when 6 then 142
      when 7 then 1918
      when 8 then 1780
      when 9 then 1524
      when 10 then 1012
    end
      then raise(abort, 'illegal_transition: execution ' || old.id || ' may not go from '
        || (select name from execution_status where code = old.state) || ' to '
        || (select name from execution_status where code = new.state) || '.')
    when new.fence <= old.fence and new.state = 4 and old.state <> 4
      then raise(abort, 'fence_not_raised: a claim raises the fence.')
    else raise(abort, 'unrecorded_change: a change of an execution takes the next number and the position of its event.')
  end;
end;
-- generated from src/execution/machine.ts: end

-- Read-only views for people and other systems.
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
    then json_object('class', executions.last_error_class, 'message', executions.last_error)
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
    then datetime((case executions.lease_renewals when 0 then executions.started_at else executions.updated_at end) / 1000, 'unixepoch')
  end as claimed_at,
  max(executions.attempt - 1, 0) as retry_count,
  datetime(executions.available_at / 1000, 'unixepoch') as available_at,
  executions.n as state_version,
  datetime(executions.updated_at / 1000, 'unixepoch') as updated_at,
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
  datetime(requests.at / 1000, 'unixepoch') as first_seen_at,
  datetime(executions.updated_at / 1000, 'unixepoch') as last_seen_at,
  case when executions.last_error_class is not null
    then json_object('class', executions.last_error_class, 'message', executions.last_error)
  end as error_snapshot_json
from requests
join executions on executions.id = requests.id
join execution_alias as task on task.code = executions.state
where requests.idem_key is not null;

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
