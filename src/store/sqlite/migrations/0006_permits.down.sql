-- Takes permits away and puts due work back in order of its time.
drop table rate_limits;
drop table limits;
drop table permit_waiters;
drop table execution_locks;
drop table turns;

create table ready_by_time (
  queue integer not null,
  rank integer not null,
  available_at integer not null,
  id integer not null,
  primary key (queue, rank, available_at, id)
) strict, without rowid;
insert or ignore into ready_by_time (queue, rank, available_at, id)
select queue, rank, available_at, id
from ready;
drop table ready;
alter table ready_by_time rename to ready;

create table parked_by_time (
  key text not null,
  rank integer not null,
  available_at integer not null,
  id integer not null unique,
  queue integer not null,
  primary key (key, rank, available_at, id)
) strict, without rowid;
insert into parked_by_time (key, rank, available_at, id, queue)
select key, rank, available_at, id, queue
from parked;
drop table parked;
alter table parked_by_time rename to parked;
