import {
  executionColumns,
  leaderColumns,
  outcomeColumns,
  planStepColumns,
  requestColumns,
  scheduleColumns,
  voteColumns,
  workerColumns,
} from '../sqlite/columns.ts'
import { archiveStatements } from './archive-statements.ts'
import { permitStatements } from './permit-statements.ts'
import { policyReads } from './policy-statements.ts'

const bulkColumns = 'key, tenant, command, query, reason, by, state, total, done, refused, created_at, finished_at'
const readyColumns = 'queue, rank, turn, id, available_at, paid'
const parkedColumns = 'key, rank, turn, id, queue, available_at, paid'
const logLineColumns = 'execution, seq, at, level, message, fields, fence, line, bytes, dropped'
const planColumns = 'execution, revision, hash, summary, reads, parallel, at, worker, diff'
const effectColumns =
  'execution, effect_key, step, name, ordinal, target, reconcilable, state, intents, fence, worker, intended_at, concluded_at, value, error_class, error'

const keyOwnersOf = (table: string): string => `select x.place, o.id, o.input_hash, o.generation
from unnest($1::text[], $2::text[], $3::bigint[], $4::text[], $5::bigint[]) with ordinality as x (tenant, action, record_only, key, generation, place)
cross join lateral (
  select id, input_hash, generation
  from ${table}
  where idem_key = x.key
  and tenant = x.tenant
  and action = x.action
  and record_only = x.record_only
  and (x.generation is null or generation = x.generation)
  order by generation desc
  limit 1
) o`

const headsOf = (table: string, of: string, columns: string): string => `with recursive ranks as (
  (
    select rank
    from ${table}
    where ${of}
    and rank > $2
    order by rank
    limit 1
  )
  union all
  select (
    select rank
    from ${table}
    where ${of}
    and rank > ranks.rank
    order by rank
    limit 1
  )
  from ranks
  where ranks.rank is not null
)
select found.*
from ranks
cross join lateral (
  select ${columns}
  from ${table}
  where ${of}
  and rank = ranks.rank
  order by turn, id
  limit $3
) found
order by found.rank, found.turn, found.id`

/** What a batch asks. Lists of keys are one parameter; text is put in order by its bytes, as SQLite does. */
export const readStatements = {
  ...policyReads,

  ...permitStatements,
  ...archiveStatements,

  counters: `select
  greatest((select coalesce(max(id), 0) from requests), (select coalesce(max(id), 0) from archives)) + 1,
  (select coalesce(max(key), 0) + 1 from queues),
  (select coalesce(max(key), 0) + 1 from workers),
  (select coalesce(max(position), 0) + 1 from log),
  exists (select 1 from archives)`,

  queues: `select key, action, version
from queues
order by key`,

  executions: `select ${executionColumns()}
from executions
where id = any($1::bigint[])`,

  requests: `select ${requestColumns()}
from requests
where id = any($1::bigint[])`,

  keyOwners: keyOwnersOf('requests'),

  archivedKeyOwners: keyOwnersOf('archives'),

  effects: `select ${effectColumns}
from execution_effects
where execution = any($1::bigint[])
order by effect_key collate "C"`,

  steps: `select execution, name, ordinal, value, fence, started_at, at
from execution_steps
where execution = any($1::bigint[])
order by name collate "C", ordinal`,

  plans: `select distinct on (execution) ${planColumns}
from plans
where execution = any($1::bigint[])
order by execution, revision desc`,

  planStepsOf: `select ${planStepColumns}
from plan_steps
where execution = any($1::bigint[])
order by idx`,

  planStepsAt: `select ${planStepColumns
    .split(', ')
    .map((column) => `p.${column}`)
    .join(', ')}
from unnest($1::bigint[], $2::bigint[]) with ordinality as x (execution, idx, place)
join plan_steps p on p.execution = x.execution
and p.idx = x.idx
order by x.place`,

  votes: `select ${voteColumns}
from approvals
where execution = any($1::bigint[])
order by execution, seq`,

  newestLogs: `select distinct on (execution) ${logLineColumns}
from execution_logs
where execution = any($1::bigint[])
order by execution, seq desc`,

  unreadSignals: `select execution, name, seq, payload, sent_by, at, dedupe
from signals
where execution = any($1::bigint[])
and taken_at is null
order by name collate "C", seq`,

  signalHeads: `select execution, name, seq, dedupe, taken_at
from signals
where execution = any($1::bigint[])
order by name collate "C", seq`,

  childCounts: `select x.id, (select count(*) from requests where parent_id = x.id)
from unnest($1::bigint[]) as x (id)`,

  openChildren: `select r.id
from requests r
join executions e on e.id = r.id
where r.parent_id = $1
and r.on_parent_cancel = 'cancel'
and e.state < 7
and e.cancelled_at is null
order by r.id
limit $2`,

  fingerprints: `select distinct on (id) id, fingerprint
from outcomes
where id = any($1::bigint[])
and fingerprint is not null
order by id, n desc`,

  ready: `select ${readyColumns}
from ready
where queue = $1
order by rank, turn, id
limit $2`,

  readyBehind: `select ${readyColumns}
from ready
where queue = $1
and (rank, turn, id) > ($2, $3, $4)
order by rank, turn, id
limit $5`,

  readyHeads: headsOf('ready', 'queue = $1', readyColumns),

  turns: `select coalesce(t.last, 0)
from unnest($1::bigint[], $2::bigint[], $3::text[]) with ordinality as x (queue, rank, tenant, place)
left join turns t on t.queue = x.queue
and t.rank = x.rank
and t.tenant = x.tenant
order by x.place`,

  firstTurn: `select turn
from ready
where queue = $1
and rank = $2
order by turn
limit 1`,

  newestTurn: `select last
from turns
where queue = $1
and rank = $2
order by last desc
limit 1`,

  dueTimers: `select at, kind, id
from timers
where at <= $1
order by at, kind, id
limit $2`,

  nextTimerAt: `select min(at)
from timers`,

  expiredLeases: `select id
from executions
where state = 4
and lease_until <= $1
and id > $2
order by id
limit $3`,

  heldBy: `select id
from executions
where state = 4
and worker = $1
and id > $2
order by id
limit $3`,

  expiredPlanning: `select id
from executions
where planning_until <= $1
and id > $2
order by id
limit $3`,

  plannedBy: `select id
from executions
where planning_until is not null
and worker = $1
and id > $2
order by id
limit $3`,

  doubtedBy: `select distinct execution
from execution_effects
where state in (1, 2)
and worker = $1
and execution > $2
order by execution
limit $3`,

  parked: `select ${parkedColumns}
from parked
where key = $1
order by rank, turn, id
limit $2`,

  parkedHeads: headsOf('parked', 'key = $1', parkedColumns),

  parkedAt: `select ${parkedColumns}
from parked
where id = $1`,

  pauses: `select scope, value, tenant, reason, by, at
from pauses
order by at, scope, value collate "C"`,

  pauseIntervals: `select scope, value, tenant, from_at, to_at
from pause_intervals
where to_at > $1
union all
select scope, value, tenant, from_at, to_at
from pause_intervals
where to_at is null`,

  openPauseIntervalCount: `select count(*)
from pause_intervals
where to_at is null`,

  lastPauseEnd: `select max(to_at)
from pause_intervals`,

  releases: `select key, id, scope, value, tenant, pace_per_second, since
from releases
order by id`,

  timeoutPolicies: `select version, sla_class, action_class, attempt_ms, overall_ms, by, reason, at, from_position
from timeout_policies
order by version`,

  rights: `select version, tenant, kind, principal, role, actions, subjects, level_max, permissions, ref, expires_at, by, reason, at
from rights
where version > $1
order by version`,

  depths: `select queue, tenant, count
from depth
order by queue, tenant collate "C"`,

  bulk: `select ${bulkColumns}
from bulks
where key = $1`,

  nextBulk: `select coalesce(max(key), 0) + 1
from bulks`,

  bulkItems: `select execution
from bulk_items
where bulk = $1
and outcome is null
order by execution
limit $2`,

  workersAt: `select ${workerColumns}
from workers
where key = any($1::bigint[])`,

  liveWorkers: `select ${workerColumns}
from workers
where gone_at is null
order by key`,

  leaderAt: `select ${leaderColumns}
from leaders
where epoch = $1`,

  leaders: `select ${leaderColumns}
from leaders
order by epoch desc
limit $1`,

  schedule: `select ${scheduleColumns}
from schedules
where tenant = $1
and name = $2`,

  quarantine: `select key, tenant, execution, place, row, reason, at
from quarantine
order by key`,

  tenantsOf: `select id, tenant
from executions
where id = any($1::bigint[])`,

  outcome: `select ${outcomeColumns}
from outcomes
where id = $1
order by n desc
limit 1`,
} as const
