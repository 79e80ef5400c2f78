-- Steps that ask for a permit within one millisecond stand in line in the order in which they asked.
drop index permit_waiters_execution;
alter table permit_waiters rename to permit_waiters_before;

create table permit_waiters (
  tenant text not null,
  key text not null,
  rank integer not null,
  turn integer not null,
  since integer not null,
  execution integer not null references executions (id),
  fence integer not null,
  step text not null,
  primary key (tenant, key, rank, turn)
) strict, without rowid;

insert into permit_waiters (tenant, key, rank, turn, since, execution, fence, step)
select tenant, key, rank, row_number() over (partition by tenant, key order by since, execution, step), since, execution, fence, step
from permit_waiters_before;

drop table permit_waiters_before;

create index permit_waiters_execution
on permit_waiters (execution);
