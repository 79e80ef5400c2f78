-- What the tables refuse, whoever writes, and the names of the codes that rows hold. Frozen: a change is a new migration.

-- Refuses with the text that its trigger gives.
create function refuse_change() returns trigger language plpgsql as $$
begin
  raise exception using message = tg_argv[0];
end $$;

-- What is insert-only stays so; the keys of the tables refuse what is there already.
create trigger requests_no_update before update on requests
for each row execute function refuse_change('append_only: a request is never changed.');
create trigger requests_no_delete before delete on requests
for each row execute function refuse_change('append_only: a request is never deleted.');

create function log_next_position() returns trigger language plpgsql as $$
begin
  if new.position is distinct from (select coalesce(max(position), 0) + 1 from log) then
    raise exception 'append_only: the log grows only at its end, by the next position.';
  end if;
  return new;
end $$;
create trigger log_next_position before insert on log
for each row execute function log_next_position();
create trigger log_no_update before update on log
for each row execute function refuse_change('append_only: the log is never changed.');
create trigger log_no_delete before delete on log
for each row execute function refuse_change('append_only: the log is never shortened.');

create trigger outcomes_no_update before update on outcomes
for each row execute function refuse_change('append_only: an outcome is never changed.');
create trigger outcomes_no_delete before delete on outcomes
for each row execute function refuse_change('append_only: an outcome is never deleted.');

create trigger execution_steps_no_update before update on execution_steps
for each row execute function refuse_change('append_only: a recorded step is never changed.');
create trigger execution_steps_no_delete before delete on execution_steps
for each row execute function refuse_change('append_only: a recorded step is never deleted.');

create trigger execution_effects_guard_update after update on execution_effects
for each row when (old.state in (3, 5)
  or new.execution <> old.execution
  or new.effect_key <> old.effect_key
  or new.intents < old.intents
  or new.fence < old.fence)
execute function refuse_change('effect_concluded: a concluded effect keeps its verdict, and no effect loses an intent or its key.');
create trigger execution_effects_no_delete before delete on execution_effects
for each row execute function refuse_change('append_only: the effect ledger is never shortened.');

create trigger executions_guard_insert before insert on executions
for each row when (not (
  (new.n = 1 and new.state in (1, 3) and new.fence = 0)
  or (new.n = 2 and new.state = 4 and new.fence > 0)
))
execute function refuse_change('illegal_transition: an execution begins as requested or queued with event 1, or as running with event 2.');
create trigger executions_no_delete before delete on executions
for each row execute function refuse_change('append_only: an execution is never deleted.');

create trigger requests_no_truncate before truncate on requests
for each statement execute function refuse_change('append_only: requests is never emptied.');
create trigger executions_no_truncate before truncate on executions
for each statement execute function refuse_change('append_only: executions is never emptied.');
create trigger outcomes_no_truncate before truncate on outcomes
for each statement execute function refuse_change('append_only: outcomes is never emptied.');
create trigger log_no_truncate before truncate on log
for each statement execute function refuse_change('append_only: log is never emptied.');
create trigger execution_steps_no_truncate before truncate on execution_steps
for each statement execute function refuse_change('append_only: execution_steps is never emptied.');
create trigger execution_effects_no_truncate before truncate on execution_effects
for each statement execute function refuse_change('append_only: execution_effects is never emptied.');

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
create function executions_guard_update() returns trigger language plpgsql as $$
begin
  if new.id <> old.id or new.tenant <> old.tenant or new.queue <> old.queue then
    raise exception 'identity_changed: id, tenant and queue of an execution never change.';
  elsif new.fence < old.fence then
    raise exception 'fence_fell: the fence of an execution never falls.';
  elsif (1::bigint << new.state::int & case old.state
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
    end <> 0) then
    raise exception 'illegal_transition: execution % may not go from % to %.',
      old.id,
      (select name from execution_status where code = old.state),
      (select name from execution_status where code = new.state);
  elsif new.fence <= old.fence and new.state = 4 and old.state <> 4 then
    raise exception 'fence_not_raised: a claim raises the fence.';
  else
    raise exception 'unrecorded_change: a change of an execution takes the next number and the position of its event.';
  end if;
end $$;
create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
for each row when (1::bigint << new.state::int & case old.state
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
  end <> 0
  or not (
    (new.n = old.n + 1 and new.head > old.head)
    or (new.n = old.n and new.head = old.head and new.state = old.state)
  )
  or new.fence < old.fence
  or (new.fence <= old.fence and new.state = 4 and old.state <> 4)
  or new.id <> old.id
  or new.tenant <> old.tenant
  or new.queue <> old.queue)
execute function executions_guard_update();
-- generated from src/execution/machine.ts: end
