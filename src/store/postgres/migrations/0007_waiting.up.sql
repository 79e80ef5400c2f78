-- What executions wait for: signals that were sent, and the ends of children. Frozen: a change is a new migration.
-- seq counts the signals of one name from 0; taken_at is when a run took it, null while it is unread.
create table signals (
  execution bigint not null references requests,
  name text not null,
  seq bigint not null,
  payload text not null,
  sent_by text not null,
  at bigint not null,
  dedupe text,
  taken_at bigint,
  primary key (execution, name, seq)
);

create unique index signals_dedupe
on signals (execution, dedupe)
where dedupe is not null;

create index signals_unread
on signals (execution)
where taken_at is null;

-- parent is told of the end of this execution; on_parent_cancel says what a cancel of the parent does to it.
alter table executions add column parent bigint;
alter table requests add column on_parent_cancel text check (on_parent_cancel in ('cancel', 'abandon'));

-- Set while handlers that ignore their abort keep a worker from claiming.
alter table workers add column draining_since bigint;
