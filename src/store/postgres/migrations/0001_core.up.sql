-- The tables of the store. Frozen: a change is a new migration.
-- Keys and states are integers, times are epoch milliseconds, JSON is canonical text.

-- What the database knows about itself: one row.
-- Public ids derive from the key; the epoch grows with every owner; clean says that the last one closed it.
create table meta (
  "only" bigint primary key check ("only" = 1),
  public_id_key bytea not null check (length(public_id_key) = 16),
  owner_epoch bigint not null,
  clean bigint not null check (clean in (0, 1))
);
insert into meta ("only", public_id_key, owner_epoch, clean)
values (1, decode(replace(gen_random_uuid()::text, '-', ''), 'hex'), 0, 1);

-- Names of the codes that rows hold.
create table execution_status (code bigint primary key, name text not null unique);
create table event_type (code bigint primary key, name text not null unique);
create table execution_mode (code bigint primary key, name text not null unique);
create table wait_reason (code bigint primary key, name text not null unique);
create table effect_target (code bigint primary key, name text not null unique);
create table effect_state (code bigint primary key, name text not null unique);
create table timer_kind (code bigint primary key, name text not null unique);
create table pause_scope (code bigint primary key, name text not null unique);

-- The newest commit of each writer, by a number that grows with every commit of any of them: says who has written since,
-- and whether a commit was made whose answer was lost.
create table writers (
  writer text primary key,
  number bigint not null,
  at timestamptz not null
) with (fillfactor = 50);

-- One queue for each action and version.
create table queues (
  key bigint primary key,
  action text not null,
  version bigint not null,
  unique (action, version)
);

-- What was asked, by whom. Insert-only: the payload of an execution's first event.
create table requests (
  id bigint primary key,
  public_id text not null,
  tenant text not null,
  action text not null,
  action_version bigint not null,
  subject text,
  idem_key text,
  generation bigint not null,
  record_only bigint not null check (record_only in (0, 1)),
  input text not null,
  input_hash text not null,
  seed text not null,
  trace_id text not null,
  requested_by text not null,
  mode bigint not null,
  priority bigint not null,
  sla_class text not null,
  action_class text not null,
  policy_version bigint not null,
  parent_id bigint,
  position bigint not null,
  at bigint not null
);

-- The key comes first, so that it is found without knowing the rest.
create unique index requests_key
on requests (idem_key, tenant, action, record_only, generation)
where idem_key is not null;

create index requests_subject
on requests (subject, id)
where subject is not null;

-- The present state of one execution: narrow, and nothing that changes is indexed.
create table executions (
  id bigint primary key references requests (id),
  tenant text not null,
  queue bigint not null references queues (key),
  state bigint not null check (state between 1 and 10),
  n bigint not null,
  attempt bigint not null default 0,
  max_attempts bigint not null,
  fence bigint not null default 0,
  head bigint not null,
  rank bigint not null,
  available_at bigint not null,
  deadline_at bigint,
  worker bigint,
  lease_until bigint,
  lease_renewals bigint not null default 0,
  waiting_for bigint,
  ending bigint,
  open_effects bigint not null default 0 check (open_effects >= 0),
  journal bigint not null default 0,
  reconciles bigint not null default 0,
  cancelled_by text,
  cancelled_at bigint,
  cancel_checks bigint not null default 0,
  last_error_class text,
  last_error text,
  updated_at bigint not null,
  started_at bigint,
  finished_at bigint,
  check ((cancelled_by is null) = (cancelled_at is null)),
  check ((state = 4) = (worker is not null and lease_until is not null))
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.05);

-- Running ones only: found by sweeps and by a worker's restart without reading the others.
create index executions_running
on executions (id)
where state = 4;

-- Work that is due: the index of the claim, not the truth.
create table ready (
  queue bigint not null,
  rank bigint not null,
  available_at bigint not null,
  id bigint not null,
  primary key (queue, rank, available_at, id)
);

create table timers (
  at bigint not null,
  kind bigint not null,
  id bigint not null,
  primary key (at, kind, id)
);

-- Work taken out of the claim's way until its key is freed.
create table parked (
  key text not null,
  rank bigint not null,
  available_at bigint not null,
  id bigint not null unique,
  queue bigint not null,
  primary key (key, rank, available_at, id)
);

-- The end of an execution, once per time it ended. Insert-only: the payload of the event that ended it.
create table outcomes (
  id bigint not null references executions (id),
  n bigint not null,
  tenant text not null,
  state bigint not null,
  result text check (octet_length(result) <= 10240),
  fingerprint text,
  position bigint not null,
  at bigint not null,
  primary key (id, n)
);

-- One row for one commit's events of one kind and tenant. Append-only.
-- executions, numbers, previous and data are JSON arrays that run in parallel.
-- previous (the position of each execution's event before) is null where it follows from other rows:
-- 0 for an event 1, the request's position for an event 2, the claim's (the fence) for a succeed straight after it.
create table log (
  position bigint primary key,
  tenant text not null,
  type bigint not null,
  from_state bigint,
  to_state bigint not null,
  principal text not null,
  worker bigint,
  at bigint not null,
  executions text not null,
  numbers text not null,
  previous text,
  data text
);

create table execution_steps (
  execution bigint not null references executions (id),
  name text not null,
  ordinal bigint not null,
  value text not null,
  fence bigint not null,
  started_at bigint not null,
  at bigint not null,
  primary key (execution, name, ordinal)
);

-- The effect ledger: the intent is committed before the call, the outcome after it.
create table execution_effects (
  execution bigint not null references executions (id),
  effect_key text not null,
  step text not null,
  name text not null,
  ordinal bigint not null,
  target bigint not null,
  reconcilable bigint not null check (reconcilable in (0, 1)),
  state bigint not null,
  intents bigint not null check (intents >= 1),
  fence bigint not null,
  worker bigint not null,
  intended_at bigint not null,
  concluded_at bigint,
  value text,
  error_class text,
  error text,
  primary key (execution, effect_key)
);

-- Effects whose outcome nobody knows yet: few, and looked for often.
create index execution_effects_open
on execution_effects (execution)
where state in (1, 2);

create table artifacts (
  execution bigint not null references executions (id),
  name text not null,
  sha256 text not null,
  bytes bigint not null,
  media_type text not null,
  path text not null,
  at bigint not null,
  primary key (execution, name)
);

-- One row for each incarnation of a worker.
create table workers (
  key bigint primary key,
  identity text not null,
  incarnation text not null,
  host text not null,
  pid bigint not null,
  started_ticks text,
  boot_id text,
  actions text not null,
  slots bigint not null,
  registered_at bigint not null,
  seen_at bigint not null,
  gone_at bigint,
  gone_proof text
);

create index workers_live
on workers (key)
where gone_at is null;

create table pauses (
  scope bigint not null,
  value text not null,
  tenant text,
  reason text not null,
  by text not null,
  at bigint not null
);

create unique index pauses_target
on pauses (scope, value, coalesce(tenant, ''));

create table tokens (
  id text primary key,
  hash text not null unique,
  name text not null,
  principal text not null,
  tenant text not null,
  role text not null,
  created_at bigint not null,
  expires_at bigint,
  last_used_at bigint,
  revoked_at bigint
);
