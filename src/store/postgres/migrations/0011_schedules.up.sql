-- What runs at which times. Occurrences fire by their idempotency key; next_at is moved on by compare-and-set.
create table schedules (
  id text primary key,
  tenant text not null,
  name text not null,
  action text not null,
  action_version bigint,
  input text not null,
  cron text not null,
  time_zone text not null,
  misfire text not null check (misfire in ('skip', 'latest', 'all')),
  catch_up_max bigint not null check (catch_up_max between 1 and 10000),
  paused bigint not null check (paused in (0, 1)),
  next_at bigint,
  last_at bigint,
  last_error text,
  created_by text not null,
  created_at bigint not null,
  updated_at bigint not null,
  version bigint not null check (version >= 1),
  unique (tenant, name)
);

-- The few that are due are found without reading the others.
create index schedules_due
on schedules (next_at)
where paused = 0
and next_at is not null;
