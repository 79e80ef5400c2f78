drop index permit_waiters_execution;
alter table permit_waiters rename to permit_waiters_before;
alter index permit_waiters_pkey rename to permit_waiters_before_pkey;

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

insert into permit_waiters (tenant, key, rank, since, execution, fence, step)
select tenant, key, rank, since, execution, fence, step
from permit_waiters_before;

drop table permit_waiters_before;

create index permit_waiters_execution
on permit_waiters (execution);
