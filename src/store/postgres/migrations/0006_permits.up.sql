-- Permits, rates and fair turns. Frozen: a change is a new migration.
-- Due work is handed out by rank and turn: turns alternate between tenants, and grow with the time for one of them.
create table ready_by_turn (
  queue bigint not null,
  rank bigint not null,
  turn bigint not null,
  id bigint not null,
  available_at bigint not null,
  paid bigint not null check (paid in (0, 1)),
  primary key (queue, rank, turn, id)
);

insert into ready_by_turn (queue, rank, turn, id, available_at, paid)
select queue, rank, row_number() over (partition by queue, rank order by available_at, id), id, available_at, 0
from ready;

drop table ready;
alter table ready_by_turn rename to ready;

-- Parked work keeps its turn, so that it is in front when it is woken, and its paid share of a rate.
create table parked_by_turn (
  key text not null,
  rank bigint not null,
  turn bigint not null,
  id bigint not null unique,
  queue bigint not null,
  available_at bigint not null,
  paid bigint not null check (paid in (0, 1)),
  primary key (key, rank, turn, id)
);

insert into parked_by_turn (key, rank, turn, id, queue, available_at, paid)
select key, rank, row_number() over (partition by queue, rank order by available_at, id), id, queue, available_at, 0
from parked;

drop table parked;
alter table parked_by_turn rename to parked;

-- The newest turn that each tenant was given.
create table turns (
  queue bigint not null,
  rank bigint not null,
  tenant text not null,
  last bigint not null,
  primary key (queue, rank, tenant)
);

create index turns_last
on turns (queue, rank, last);

-- One row for each permit: one slot of one key. The tenant is empty for a key that all tenants share.
create table execution_locks (
  tenant text not null,
  key text not null,
  slot bigint not null check (slot >= 0),
  execution bigint not null references executions (id),
  fence bigint not null,
  step text,
  taken_at bigint not null,
  granted bigint not null check (granted in (0, 1)),
  primary key (tenant, key, slot)
);

create index execution_locks_execution
on execution_locks (execution);

-- Steps of running executions that wait for a permit, in line by the time they asked.
create table permit_waiters (
  tenant text not null,
  key text not null,
  rank bigint not null,
  since bigint not null,
  execution bigint not null references executions (id),
  fence bigint not null,
  step text not null,
  primary key (tenant, key, rank, since, execution, step)
);

create index permit_waiters_execution
on permit_waiters (execution);

-- What an operator has set a capacity to.
create table limits (
  tenant text not null,
  key text not null,
  capacity bigint not null check (capacity >= 1),
  by text not null,
  reason text not null,
  at bigint not null,
  primary key (tenant, key)
);

-- When the next start would be due at an even pace, in microseconds; wake_at while somebody waits for it.
create table rate_limits (
  tenant text not null,
  key text not null,
  due_us bigint not null,
  wake_at bigint,
  primary key (tenant, key)
);

create index rate_limits_wake
on rate_limits (wake_at)
where wake_at is not null;
