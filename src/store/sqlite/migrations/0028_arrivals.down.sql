drop index permit_waiters_execution;
alter table permit_waiters rename to permit_waiters_before;

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

insert into permit_waiters (tenant, key, rank, since, execution, fence, step)
select tenant, key, rank, since, execution, fence, step
from permit_waiters_before;

drop table permit_waiters_before;

create index permit_waiters_execution
on permit_waiters (execution);
