-- Reruns, the depth of queues and commands on many executions. Frozen: a change is a new migration.
create index requests_rerun
on requests (rerun_of, id)
where rerun_of is not null;

-- How many executions of a tenant wait to be claimed in a queue, those of immediate mode left out: changed in the commit
-- that changes one of them, and equal to a recount at all times.
create table depth (
  queue bigint not null references queues (key),
  tenant text not null,
  count bigint not null check (count >= 0),
  primary key (queue, tenant)
);
insert into depth (queue, tenant, count)
select queue, tenant, count(*)
from executions
where state in (3, 6)
and rank > -5000
group by queue, tenant;

-- A command on every execution that a query found when it was given.
create table bulks (
  key bigint primary key,
  tenant text not null,
  command text not null check (command in ('cancel', 'retry', 'redrive', 'rerun')),
  query text not null,
  reason text,
  by text not null,
  state text not null check (state in ('collecting', 'running', 'done', 'canceled')),
  total bigint not null,
  done bigint not null,
  refused bigint not null,
  created_at bigint not null,
  finished_at bigint
);

create index bulks_open
on bulks (key)
where state in ('collecting', 'running');

-- outcome: null until it is done, then `done` or the code of the refusal.
create table bulk_items (
  bulk bigint not null references bulks (key),
  execution bigint not null,
  outcome text,
  primary key (bulk, execution)
);

create index bulk_items_open
on bulk_items (bulk, execution)
where outcome is null;
