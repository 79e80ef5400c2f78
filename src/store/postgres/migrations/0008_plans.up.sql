-- What an execution is going to do, and how far each of its steps has come. Frozen: a change is a new migration.

create table plan_step_state (code bigint primary key, name text not null unique);
insert into plan_step_state (code, name) values
  (1, 'pending'),
  (2, 'running'),
  (3, 'succeeded'),
  (4, 'failed'),
  (5, 'skipped');

-- Revision 0 says that somebody has to plan; every later one is a plan. Insert-only: approvals bind to its hash.
create table plans (
  execution bigint not null references executions (id),
  revision bigint not null check (revision >= 0),
  hash text check ((hash is null) = (revision = 0)),
  summary text,
  reads text,
  parallel bigint not null check (parallel between 1 and 64),
  at bigint not null,
  worker bigint,
  primary key (execution, revision)
);

-- One step of the newest plan on its target. What was planned stays; only its progress changes.
create table plan_steps (
  execution bigint not null references executions (id),
  idx bigint not null check (idx >= 0),
  step text not null,
  target text not null,
  args text not null,
  effects text not null,
  state bigint not null,
  tries bigint not null,
  value text,
  error_class text,
  error text,
  fence bigint not null,
  started_at bigint,
  finished_at bigint,
  primary key (execution, idx)
);

create trigger plans_no_update before update on plans
for each row execute function refuse_change('append_only: a plan is never changed.');
create trigger plans_no_delete before delete on plans
for each row execute function refuse_change('append_only: a plan is never deleted.');

create trigger plan_steps_guard_update after update on plan_steps
for each row when (new.execution <> old.execution
  or new.idx <> old.idx
  or new.step <> old.step
  or new.target <> old.target
  or new.args <> old.args
  or new.effects <> old.effects
  or new.fence < old.fence
  or (old.state = 3 and new.state <> 3))
execute function refuse_change('plan_fixed: what was planned stays, and a target that has succeeded stays so.');
