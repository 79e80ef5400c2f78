-- Paused time, and the paced end of a pause. Frozen: a change is a new migration.
-- What a pause held back while it stood: deadlines do not run meanwhile. Open as long as the pause stands.
create table pause_intervals (
  scope bigint not null,
  value text not null,
  tenant text,
  from_at bigint not null,
  to_at bigint
);

insert into pause_intervals (scope, value, tenant, from_at)
select scope, value, tenant, at
from pauses;

create unique index pause_intervals_open
on pause_intervals (scope, value, coalesce(tenant, ''))
where to_at is null;

create index pause_intervals_end
on pause_intervals (to_at);

-- Pauses that ended and whose work is let go in parts. The id is what a timer of kind release names.
create table releases (
  key text primary key,
  id bigint not null unique,
  scope bigint not null,
  value text not null,
  tenant text,
  pace_per_second bigint not null check (pace_per_second > 0),
  since bigint not null
);
