-- Takes permits away and puts due work back in order of its time.
drop table rate_limits;
drop table limits;
drop table permit_waiters;
drop table execution_locks;
drop table turns;

create table ready_by_time (
  queue bigint not null,
  rank bigint not null,
  available_at bigint not null,
  id bigint not null,
  primary key (queue, rank, available_at, id)
);
insert into ready_by_time (queue, rank, available_at, id)
select queue, rank, available_at, id
from ready
on conflict do nothing;
drop table ready;
alter table ready_by_time rename to ready;

create table parked_by_time (
  key text not null,
  rank bigint not null,
  available_at bigint not null,
  id bigint not null unique,
  queue bigint not null,
  primary key (key, rank, available_at, id)
);
insert into parked_by_time (key, rank, available_at, id, queue)
select key, rank, available_at, id, queue
from parked;
drop table parked;
alter table parked_by_time rename to parked;
