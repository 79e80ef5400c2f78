-- What tenants have laid down: approvals, limits, flags. Every change is a further version, and the newest is in force.
-- Frozen: a change is a new migration.
-- position: of the event in the log that tells of it.
create table policies (
  id integer primary key,
  tenant text not null,
  version integer not null check (version > 1),
  document text not null,
  hash text not null,
  kind text not null check (kind in ('set', 'rollback', 'flag')),
  restored integer,
  by text not null,
  reason text not null,
  at integer not null,
  position integer not null,
  unique (tenant, version)
) strict;

create trigger policies_guard_update
before update on policies
begin
  select raise(abort, 'append_only: a policy is changed by a new version');
end;

create trigger policies_guard_delete
before delete on policies
begin
  select raise(abort, 'append_only: a policy is changed by a new version');
end;

-- The names and the guard are written anew as a whole, with the events of a policy.
drop trigger executions_guard_update;
delete from execution_status;
delete from event_type;
delete from execution_mode;
delete from wait_reason;
delete from effect_target;
delete from effect_state;
delete from timer_kind;
delete from pause_scope;

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
  (55, 'artifact_stored'),
  (56, 'planning_started'),
  (57, 'signal_received'),
  (58, 'child_spawned'),
  (59, 'target_settled'),
  (60, 'deadline_moved'),
  (61, 'quarantined'),
  (62, 'permit_broken'),
  (63, 'rerun_requested'),
  (64, 'archived'),
  (65, 'restored'),
  (66, 'schedule_fired'),
  (67, 'policy_changed'),
  (68, 'policy_refused');

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
  (3, 'deadline'),
  (4, 'rate'),
  (5, 'release'),
  (6, 'hold'),
  (7, 'cascade');

insert into pause_scope (code, name) values
  (1, 'all'),
  (2, 'tenant'),
  (3, 'action'),
  (4, 'subject');

-- Each case holds the illegal targets of one state, as bits numbered by the codes above.
create trigger executions_guard_update
after update of id, tenant, queue, state, n, fence, head on executions
when 1 << new.state & case old.state
  when 1 then 248
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
      when 1 then 248
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

create view flags as
select p.tenant, flag.key as name, iif(flag.type in ('true', 'false'), flag.type, flag.value) as value, p.version
from policies p, json_each(p.document, '$.flags') as flag
where not exists (select 1 from policies newer where newer.tenant = p.tenant and newer.version > p.version);
