-- Permits, rates and fair turns. Frozen: a change is a new migration.
-- Due work is handed out by rank and turn: turns alternate between tenants, and grow with the time for one of them.
create table ready_by_turn (
  queue integer not null,
  rank integer not null,
  turn integer not null,
  id integer not null,
  available_at integer not null,
  paid integer not null check (paid in (0, 1)),
  primary key (queue, rank, turn, id)
) strict, without rowid;

insert into ready_by_turn (queue, rank, turn, id, available_at, paid)
select queue, rank, row_number() over (partition by queue, rank order by available_at, id), id, available_at, 0
from ready;

drop table ready;
alter table ready_by_turn rename to ready;

-- Parked work keeps its turn, so that it is in front when it is woken, and its paid share of a rate.
create table parked_by_turn (
  key text not null,
  rank integer not null,
  turn integer not null,
  id integer not null unique,
  queue integer not null,
  available_at integer not null,
  paid integer not null check (paid in (0, 1)),
  primary key (key, rank, turn, id)
) strict, without rowid;

insert into parked_by_turn (key, rank, turn, id, queue, available_at, paid)
select key, rank, row_number() over (partition by queue, rank order by available_at, id), id, queue, available_at, 0
from parked;

drop table parked;
alter table parked_by_turn rename to parked;

-- The newest turn that each tenant was given.
create table turns (
  queue integer not null,
  rank integer not null,
  tenant text not null,
  last integer not null,
  primary key (queue, rank, tenant)
) strict, without rowid;

create index turns_last
on turns (queue, rank, last);

-- One row for each permit: one slot of one key. The tenant is empty for a key that all tenants share.
create table execution_locks (
  tenant text not null,
  key text not null,
  slot integer not null check (slot >= 0),
  execution integer not null references executions (id),
  fence integer not null,
  step text,
  taken_at integer not null,
  granted integer not null check (granted in (0, 1)),
  primary key (tenant, key, slot)
) strict, without rowid;

create index execution_locks_execution
on execution_locks (execution);

-- Steps of running executions that wait for a permit, in line by the time they asked.
create table permit_waiters (
  tenant text not null,
  key text not null,
  rank integer not null,
  since integer not null,
  execution integer not null references executions (id),
  fence integer not null,
  step text not null,
  primary key (tenant, key, rank, since, execution, step)
) strict, without rowid;

create index permit_waiters_execution
on permit_waiters (execution);

-- What an operator has set a capacity to.
create table limits (
  tenant text not null,
  key text not null,
  capacity integer not null check (capacity >= 1),
  by text not null,
  reason text not null,
  at integer not null,
  primary key (tenant, key)
) strict, without rowid;

-- When the next start would be due at an even pace, in microseconds; wake_at while somebody waits for it.
create table rate_limits (
  tenant text not null,
  key text not null,
  due_us integer not null,
  wake_at integer,
  primary key (tenant, key)
) strict, without rowid;

create index rate_limits_wake
on rate_limits (wake_at)
where wake_at is not null;
