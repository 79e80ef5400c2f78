-- What an execution is going to do, and how far each of its steps has come. Frozen: a change is a new migration.

create table plan_step_state (code integer primary key, name text not null unique) strict;
insert into plan_step_state (code, name) values
  (1, 'pending'),
  (2, 'running'),
  (3, 'succeeded'),
  (4, 'failed'),
  (5, 'skipped');

-- Revision 0 says that somebody has to plan; every later one is a plan. Insert-only: approvals bind to its hash.
create table plans (
  execution integer not null references executions (id),
  revision integer not null check (revision >= 0),
  hash text check ((hash is null) = (revision = 0)),
  summary text,
  reads text,
  parallel integer not null check (parallel between 1 and 64),
  at integer not null,
  worker integer,
  primary key (execution, revision)
) strict, without rowid;

-- One step of the newest plan on its target. What was planned stays; only its progress changes.
create table plan_steps (
  execution integer not null references executions (id),
  idx integer not null check (idx >= 0),
  step text not null,
  target text not null,
  args text not null,
  effects text not null,
  state integer not null,
  tries integer not null,
  value text,
  error_class text,
  error text,
  fence integer not null,
  started_at integer,
  finished_at integer,
  primary key (execution, idx)
) strict;

create trigger plans_no_replace before insert on plans
when exists (select 1 from plans where execution = new.execution and revision = new.revision)
begin
  select raise(abort, 'row_exists: a revision of a plan is written once and never replaced.');
end;
create trigger plans_no_update before update on plans
begin
  select raise(abort, 'append_only: a plan is never changed.');
end;
create trigger plans_no_delete before delete on plans
begin
  select raise(abort, 'append_only: a plan is never deleted.');
end;

create trigger plan_steps_guard_update after update on plan_steps
when new.execution <> old.execution
  or new.idx <> old.idx
  or new.step <> old.step
  or new.target <> old.target
  or new.args <> old.args
  or new.effects <> old.effects
  or new.fence < old.fence
  or (old.state = 3 and new.state <> 3)
begin
  select raise(abort, 'plan_fixed: what was planned stays, and a target that has succeeded stays so.');
end;
