-- What the tables refuse, whoever writes, and the names of the codes that rows hold. Frozen: a change is a new migration.

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
