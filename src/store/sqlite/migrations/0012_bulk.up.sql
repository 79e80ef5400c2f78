-- Reruns, the depth of queues and commands on many executions. Frozen: a change is a new migration.
create index requests_rerun
on requests (rerun_of, id)
where rerun_of is not null;

-- How many executions of a tenant wait to be claimed in a queue, those of immediate mode left out: changed in the commit
-- that changes one of them, and equal to a recount at all times.
create table depth (
  queue integer not null references queues (key),
  tenant text not null,
  count integer not null check (count >= 0),
  primary key (queue, tenant)
) strict, without rowid;
insert into depth (queue, tenant, count)
select queue, tenant, count(*)
from executions
where state in (3, 6)
and rank > -5000
group by queue, tenant;

-- A command on every execution that a query found when it was given.
create table bulks (
  key integer primary key,
  tenant text not null,
  command text not null check (command in ('cancel', 'retry', 'redrive', 'rerun')),
  query text not null,
  reason text,
  by text not null,
  state text not null check (state in ('collecting', 'running', 'done', 'canceled')),
  total integer not null,
  done integer not null,
  refused integer not null,
  created_at integer not null,
  finished_at integer
) strict;

create index bulks_open
on bulks (key)
where state in ('collecting', 'running');

-- outcome: null until it is done, then `done` or the code of the refusal.
create table bulk_items (
  bulk integer not null references bulks (key),
  execution integer not null,
  outcome text,
  primary key (bulk, execution)
) strict, without rowid;

create index bulk_items_open
on bulk_items (bulk, execution)
where outcome is null;
