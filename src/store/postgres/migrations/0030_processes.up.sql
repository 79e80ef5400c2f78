-- Every process that holds the store, whatever it is there for. Frozen: a change is a new migration.
-- A table of its own beside workers: nothing here is ever given work, counted as a slot or looked through for leases.
-- seen_at: its last word. ended_at: when it ended by itself, or was proven dead; proof: how that is known.
create table processes (
  id text primary key,
  role text not null check (role in ('all', 'api', 'worker', 'leader')),
  name text not null,
  host text not null,
  pid bigint not null,
  started_ticks text,
  boot_id text,
  version text not null,
  schema bigint not null,
  started_at bigint not null,
  seen_at bigint not null,
  ended_at bigint,
  proof text
);
