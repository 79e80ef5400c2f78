-- The tables of the store. Frozen: a change is a new migration.
-- Keys and states are integers, times are epoch milliseconds, JSON is canonical text.

-- What the database knows about itself: one row.
-- Public ids derive from the key; the epoch grows with every owner; clean says that the last one closed it.
create table meta (
  only integer primary key check (only = 1),
  public_id_key blob not null check (length(public_id_key) = 16),
  owner_epoch integer not null,
  clean integer not null check (clean in (0, 1))
) strict;
insert into meta (only, public_id_key, owner_epoch, clean)
values (1, randomblob(16), 0, 1);

-- Names of the codes that rows hold.
create table execution_status (code integer primary key, name text not null unique) strict;
create table event_type (code integer primary key, name text not null unique) strict;
create table execution_mode (code integer primary key, name text not null unique) strict;
create table wait_reason (code integer primary key, name text not null unique) strict;
create table effect_target (code integer primary key, name text not null unique) strict;
create table effect_state (code integer primary key, name text not null unique) strict;
create table timer_kind (code integer primary key, name text not null unique) strict;
create table pause_scope (code integer primary key, name text not null unique) strict;

-- One queue for each action and version.
create table queues (
  key integer primary key,
  action text not null,
  version integer not null,
  unique (action, version)
) strict;

-- What was asked, by whom. Insert-only: the payload of an execution's first event.
create table requests (
  id integer primary key,
  public_id text not null,
  tenant text not null,
  action text not null,
  action_version integer not null,
  subject text,
  idem_key text,
  generation integer not null,
  record_only integer not null check (record_only in (0, 1)),
  input text not null,
  input_hash text not null,
  seed text not null,
  trace_id text not null,
  requested_by text not null,
  mode integer not null,
  priority integer not null,
  sla_class text not null,
  action_class text not null,
  policy_version integer not null,
  parent_id integer,
  position integer not null,
  at integer not null
) strict;

-- The key comes first, so that it is found without knowing the rest.
create unique index requests_key
on requests (idem_key, tenant, action, record_only, generation)
where idem_key is not null;

create index requests_subject
on requests (subject, id)
where subject is not null;

-- The present state of one execution: narrow, and nothing that changes is indexed.
create table executions (
  id integer primary key references requests (id),
  tenant text not null,
  queue integer not null references queues (key),
  state integer not null check (state between 1 and 10),
  n integer not null,
  attempt integer not null default 0,
  max_attempts integer not null,
  fence integer not null default 0,
  head integer not null,
  rank integer not null,
  available_at integer not null,
  deadline_at integer,
  worker integer,
  lease_until integer,
  lease_renewals integer not null default 0,
  waiting_for integer,
  ending integer,
  open_effects integer not null default 0 check (open_effects >= 0),
  journal integer not null default 0,
  reconciles integer not null default 0,
  cancelled_by text,
  cancelled_at integer,
  cancel_checks integer not null default 0,
  last_error_class text,
  last_error text,
  updated_at integer not null,
  started_at integer,
  finished_at integer,
  check ((cancelled_by is null) = (cancelled_at is null)),
  check ((state = 4) = (worker is not null and lease_until is not null))
) strict;

-- Running ones only: found by sweeps and by a worker's restart without reading the others.
create index executions_running
on executions (id)
where state = 4;

-- Work that is due: the index of the claim, not the truth.
create table ready (
  queue integer not null,
  rank integer not null,
  available_at integer not null,
  id integer not null,
  primary key (queue, rank, available_at, id)
) strict, without rowid;

create table timers (
  at integer not null,
  kind integer not null,
  id integer not null,
  primary key (at, kind, id)
) strict, without rowid;

-- Work taken out of the claim's way until its key is freed.
create table parked (
  key text not null,
  rank integer not null,
  available_at integer not null,
  id integer not null unique,
  queue integer not null,
  primary key (key, rank, available_at, id)
) strict, without rowid;

-- The end of an execution, once per time it ended. Insert-only: the payload of the event that ended it.
create table outcomes (
  id integer not null references executions (id),
  n integer not null,
  tenant text not null,
  state integer not null,
  result text check (octet_length(result) <= 10240),
  fingerprint text,
  position integer not null,
  at integer not null,
  primary key (id, n)
) strict, without rowid;

-- One row for one commit's events of one kind and tenant. Append-only.
-- executions, numbers, previous and data are JSON arrays that run in parallel.
-- previous (the position of each execution's event before) is null where it follows from other rows:
-- 0 for an event 1, the request's position for an event 2, the claim's (the fence) for a succeed straight after it.
create table log (
  position integer primary key,
  tenant text not null,
  type integer not null,
  from_state integer,
  to_state integer not null,
  principal text not null,
  worker integer,
  at integer not null,
  executions text not null,
  numbers text not null,
  previous text,
  data text
) strict;

create table execution_steps (
  execution integer not null references executions (id),
  name text not null,
  ordinal integer not null,
  value text not null,
  fence integer not null,
  started_at integer not null,
  at integer not null,
  primary key (execution, name, ordinal)
) strict;

-- The effect ledger: the intent is committed before the call, the outcome after it.
create table execution_effects (
  execution integer not null references executions (id),
  effect_key text not null,
  step text not null,
  name text not null,
  ordinal integer not null,
  target integer not null,
  reconcilable integer not null check (reconcilable in (0, 1)),
  state integer not null,
  intents integer not null check (intents >= 1),
  fence integer not null,
  worker integer not null,
  intended_at integer not null,
  concluded_at integer,
  value text,
  error_class text,
  error text,
  primary key (execution, effect_key)
) strict;

-- Effects whose outcome nobody knows yet: few, and looked for often.
create index execution_effects_open
on execution_effects (execution)
where state in (1, 2);

create table artifacts (
  execution integer not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes integer not null,
  media_type text not null,
  path text not null,
  at integer not null,
  primary key (execution, name)
) strict;

-- One row for each incarnation of a worker.
create table workers (
  key integer primary key,
  identity text not null,
  incarnation text not null,
  host text not null,
  pid integer not null,
  started_ticks text,
  boot_id text,
  actions text not null,
  slots integer not null,
  registered_at integer not null,
  seen_at integer not null,
  gone_at integer,
  gone_proof text
) strict;

create index workers_live
on workers (key)
where gone_at is null;

create table pauses (
  scope integer not null,
  value text not null,
  tenant text,
  reason text not null,
  by text not null,
  at integer not null
) strict;

create unique index pauses_target
on pauses (scope, value, ifnull(tenant, ''));

create table tokens (
  id text primary key,
  hash text not null unique,
  name text not null,
  principal text not null,
  tenant text not null,
  role text not null,
  created_at integer not null,
  expires_at integer,
  last_used_at integer,
  revoked_at integer
) strict;
