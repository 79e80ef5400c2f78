-- What people agree to, and who has agreed. Frozen: a change is a new migration.

-- JSON of the rules and of how far the approval has come; null at level auto, so that nothing else pays for it.
alter table executions add column gate text;

create index executions_gated
on executions (tenant, id)
where gate is not null;

-- One principal's agreement to one plan, or to one step of it; step is null for the plan as a whole. A vote is never
-- changed but for its end.
create table approvals (
  execution bigint not null references executions (id),
  seq bigint not null check (seq >= 1),
  plan_hash text not null,
  step bigint check (step >= 0),
  voter text not null,
  voter_groups text not null,
  at bigint not null,
  ended_at bigint,
  ended_by text,
  ended_why text,
  primary key (execution, seq),
  check ((ended_at is null) = (ended_by is null)),
  check ((ended_at is null) = (ended_why is null))
);

-- One principal, one vote.
create unique index approvals_standing
on approvals (execution, plan_hash, voter, coalesce(step, -1))
where ended_at is null;

create trigger approvals_guard_update after update on approvals
for each row when (old.ended_at is not null
  or new.execution <> old.execution
  or new.seq <> old.seq
  or new.plan_hash <> old.plan_hash
  or new.step is distinct from old.step
  or new.voter <> old.voter
  or new.voter_groups <> old.voter_groups
  or new.at <> old.at
  or new.ended_at is null)
execute function refuse_change('vote_fixed: a vote is never changed; it ends, once.');
create function approvals_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution) then
    raise exception 'append_only: a vote is never deleted.';
  end if;
  return old;
end $$;
create trigger approvals_no_delete before delete on approvals
for each row execute function approvals_no_delete();

-- How a revision differs from the one before it, as JSON.
alter table plans add column diff text;

-- The revision that a step is of, and when enough people agreed to this step alone.
alter table plan_steps add column revision bigint not null default 1;
alter table plan_steps add column approved_at bigint;

drop trigger plan_steps_guard_update on plan_steps;
create trigger plan_steps_guard_update after update on plan_steps
for each row when (new.execution <> old.execution
  or new.idx <> old.idx
  or new.step <> old.step
  or new.target <> old.target
  or new.args <> old.args
  or new.effects <> old.effects
  or new.revision <> old.revision
  or new.fence < old.fence
  or (old.state = 3 and new.state <> 3))
execute function refuse_change('plan_fixed: what was planned stays, and a target that has succeeded stays so.');

-- A further revision takes the place of steps of which none has begun.
create or replace function plan_steps_no_delete() returns trigger language plpgsql as $$
begin
  if not exists (select 1 from archives where id = old.execution)
    and not (
      old.state = 1
      and old.fence = 0
      and exists (select 1 from plans where execution = old.execution and revision > old.revision)
    ) then
    raise exception 'append_only: a step of a plan is never deleted.';
  end if;
  return old;
end $$;
