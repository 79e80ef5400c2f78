-- Who does the duties of the store, and workers that people drain. Frozen: a change is a new migration.
-- One row for each time that a process took the duties up: the newest one has them, and no older epoch may do any.
-- until: when somebody else may take them up; null where nobody else can hold the store. refused: duties that were given
-- under this epoch after another had begun.
create table leaders (
  epoch bigint primary key check (epoch > 0),
  holder text not null,
  host text not null,
  pid bigint not null,
  since bigint not null,
  until bigint,
  ended_at bigint,
  refused bigint not null default 0,
  refused_at bigint
);

-- role: 'all' runs beside the server, 'worker' in a process of its own. drain_until: when what still runs is handed back;
-- null lets it come to its end.
alter table workers add column role text not null default 'worker' check (role in ('all', 'worker'));
alter table workers add column drain_asked_at bigint;
alter table workers add column drain_asked_by text;
alter table workers add column drain_reason text;
alter table workers add column drain_until bigint;
