-- What permits, waiting, plans and blame need on the rows of an execution. Frozen: a change is a new migration.
-- planning_until is the lease of whoever plans a requested execution; lease_until stays that of a run.
alter table executions add column planning_until bigint check (planning_until is null or state = 1);
alter table executions add column waiting_on text;
alter table executions add column losses bigint not null default 0;
alter table executions add column lone_losses bigint not null default 0;
alter table executions add column idle_since bigint;
alter table executions add column hold_until bigint;

alter table requests add column depth bigint not null default 0;
alter table requests add column rerun_of bigint;
alter table requests add column permits text;

-- Being planned: found by sweeps and by a worker's restart without reading the others.
create index executions_planning
on executions (id)
where planning_until is not null;

create index requests_parent
on requests (parent_id, id)
where parent_id is not null;
