import { executionColumnNames, requestColumnNames } from '../sqlite/columns.ts'
import { insertInto, rowsFrom } from './rows-from.ts'

const texts = new Set(
  'tenant cancelled_by last_error_class last_error waiting_on public_id action subject idem_key input input_hash seed trace_id requested_by sla_class action_class permits on_parent_cancel gate'.split(
    ' ',
  ),
)
const typed = (names: readonly string[]): string =>
  names.map((name) => `${name} ${texts.has(name) ? 'text' : 'bigint'}`).join(', ')

/** Columns of a full update behind the four that say which row is expected. */
const updatedColumns = executionColumnNames.filter((name) => !['id', 'tenant', 'queue', 'parent'].includes(name))

const expected = 'id bigint, was_fence bigint, was_state bigint, was_n bigint'
const asExpected = `where e.id = x.id
and e.fence = x.was_fence
and e.state = x.was_state
and e.n = x.was_n
returning e.id`

const update = (columns: readonly string[], set: string): string => `update executions e
set ${set}
from ${rowsFrom(`${expected}, ${typed(columns)}`)}
${asExpected}`

const setTo = (columns: readonly string[]): string => columns.map((name) => `${name} = x.${name}`).join(', ')

const claimedColumns = [
  'n',
  'fence',
  'head',
  'attempt',
  'worker',
  'lease_until',
  'reconciles',
  'updated_at',
  'started_at',
]
const succeededColumns = ['n', 'head', 'updated_at', 'finished_at']
const leaseColumns = ['lease_until', 'lease_renewals', 'cancel_checks', 'updated_at']

const scheduleTypes =
  'id text, tenant text, name text, action text, action_version bigint, input text, cron text, time_zone text, misfire text, catch_up_max bigint, paused bigint, next_at bigint, last_at bigint, last_error text, created_by text, created_at bigint, updated_at bigint, version bigint'

/** What executions and their histories are written with: each statement takes any number of rows. */
export const writeStatements = {
  addQueues: insertInto('queues', 'key bigint, action text, version bigint'),

  saveWorkers: `${insertInto('workers', 'key bigint, identity text, incarnation text, host text, pid bigint, started_ticks text, boot_id text, actions text, slots bigint, registered_at bigint, seen_at bigint, gone_at bigint, gone_proof text, draining_since bigint, isolates bigint, role text, drain_asked_at bigint, drain_asked_by text, drain_reason text, drain_until bigint')}
on conflict (key) do update
set actions = excluded.actions, slots = excluded.slots, seen_at = excluded.seen_at, gone_at = excluded.gone_at, gone_proof = excluded.gone_proof, draining_since = excluded.draining_since, drain_asked_at = excluded.drain_asked_at, drain_asked_by = excluded.drain_asked_by, drain_reason = excluded.drain_reason, drain_until = excluded.drain_until`,

  saveLeaders: `${insertInto('leaders', 'epoch bigint, holder text, host text, pid bigint, since bigint, until bigint, ended_at bigint, refused bigint, refused_at bigint')}
on conflict (epoch) do update
set until = excluded.until, ended_at = excluded.ended_at, refused = excluded.refused, refused_at = excluded.refused_at
where leaders.holder = excluded.holder`,

  removeLeaders: `delete from leaders
where epoch = any($1::bigint[])`,

  saveProcesses: `${insertInto('processes', 'id text, role text, name text, host text, pid bigint, started_ticks text, boot_id text, version text, schema bigint, started_at bigint, seen_at bigint, ended_at bigint, proof text')}
on conflict (id) do update
set seen_at = excluded.seen_at, ended_at = excluded.ended_at, proof = excluded.proof`,

  forgetProcesses: `delete from processes
where seen_at < any($1::bigint[])`,

  appendLog: `${insertInto('log', 'position bigint, tenant text, type bigint, from_state bigint, to_state bigint, principal text, worker bigint, at bigint, executions text, numbers text, previous text, data text')}
order by position`,

  addRequests: insertInto('requests', typed(requestColumnNames)),

  addNewExecutions: insertInto(
    'executions',
    typed([
      'id',
      'tenant',
      'queue',
      'state',
      'n',
      'max_attempts',
      'head',
      'rank',
      'available_at',
      'deadline_at',
      'updated_at',
    ]),
  ),

  addClaimedExecutions: insertInto(
    'executions',
    typed(
      'id tenant queue state n attempt max_attempts fence head rank available_at deadline_at worker lease_until updated_at started_at'.split(
        ' ',
      ),
    ),
  ),

  addExecutions: insertInto('executions', typed(executionColumnNames)),

  updateClaimed: update(claimedColumns, `state = 4, lease_renewals = 0, cancel_checks = 0, ${setTo(claimedColumns)}`),

  updateSucceeded: update(succeededColumns, `state = 7, lease_until = null, ending = null, ${setTo(succeededColumns)}`),

  updateLeases: update(leaseColumns, setTo(leaseColumns)),

  updateExecutions: update(updatedColumns, setTo(updatedColumns)),

  addOutcomes: insertInto(
    'outcomes',
    'id bigint, n bigint, tenant text, state bigint, result text, fingerprint text, position bigint, at bigint',
  ),

  addSteps: insertInto(
    'execution_steps',
    'execution bigint, name text, ordinal bigint, value text, fence bigint, started_at bigint, at bigint',
  ),

  addEffects: insertInto(
    'execution_effects',
    'execution bigint, effect_key text, step text, name text, ordinal bigint, target bigint, reconcilable bigint, state bigint, intents bigint, fence bigint, worker bigint, intended_at bigint, concluded_at bigint, value text, error_class text, error text',
  ),

  updateEffects: `update execution_effects e
set reconcilable = x.reconcilable, state = x.state, intents = x.intents, fence = x.fence, worker = x.worker, intended_at = x.intended_at, concluded_at = x.concluded_at, value = x.value, error_class = x.error_class, error = x.error
from ${rowsFrom('execution bigint, effect_key text, reconcilable bigint, state bigint, intents bigint, fence bigint, worker bigint, intended_at bigint, concluded_at bigint, value text, error_class text, error text')}
where e.execution = x.execution
and e.effect_key = x.effect_key
returning e.execution, e.effect_key`,

  saveArtifacts: `${insertInto('artifacts', 'execution bigint, name text, sha256 text, bytes bigint, media_type text, path text, content text, at bigint')}
on conflict (execution, name, sha256) do update
set media_type = excluded.media_type, path = excluded.path, content = excluded.content, at = excluded.at`,

  saveLogs: `${insertInto('execution_logs', 'execution bigint, seq bigint, at bigint, level bigint, message text, fields text, fence bigint, line bigint, bytes bigint, dropped bigint')}
on conflict (execution, seq) do update
set at = excluded.at, message = excluded.message, fence = excluded.fence, line = excluded.line, dropped = excluded.dropped`,

  addPlans: insertInto(
    'plans',
    'execution bigint, revision bigint, hash text, summary text, reads text, parallel bigint, at bigint, worker bigint, diff text',
  ),

  addPlanSteps: insertInto(
    'plan_steps',
    'execution bigint, idx bigint, step text, target text, args text, effects text, state bigint, tries bigint, value text, error_class text, error text, fence bigint, started_at bigint, finished_at bigint, revision bigint, approved_at bigint',
  ),

  dropPlanSteps: `delete from plan_steps p
using ${rowsFrom('execution bigint')}
where p.execution = x.execution`,

  saveVotes: `${insertInto('approvals', 'execution bigint, seq bigint, plan_hash text, step bigint, voter text, voter_groups text, at bigint, ended_at bigint, ended_by text, ended_why text')}
on conflict (execution, seq) do update
set ended_at = excluded.ended_at, ended_by = excluded.ended_by, ended_why = excluded.ended_why`,

  updatePlanSteps: `update plan_steps p
set state = x.state, tries = x.tries, value = x.value, error_class = x.error_class, error = x.error, fence = x.fence, started_at = x.started_at, finished_at = x.finished_at, approved_at = x.approved_at
from ${rowsFrom('execution bigint, idx bigint, state bigint, tries bigint, value text, error_class text, error text, fence bigint, started_at bigint, finished_at bigint, approved_at bigint')}
where p.execution = x.execution
and p.idx = x.idx`,

  addSignals: insertInto(
    'signals',
    'execution bigint, name text, seq bigint, payload text, sent_by text, at bigint, dedupe text',
  ),

  takeSignals: `update signals s
set taken_at = x.taken_at
from ${rowsFrom('execution bigint, name text, seq bigint, taken_at bigint')}
where s.execution = x.execution
and s.name = x.name
and s.seq = x.seq`,

  addReady: `${insertInto('ready', 'queue bigint, rank bigint, turn bigint, id bigint, available_at bigint, paid bigint')}
on conflict do nothing`,

  removeReady: `delete from ready r
using ${rowsFrom('queue bigint, rank bigint, turn bigint, id bigint')}
where r.queue = x.queue
and r.rank = x.rank
and r.turn = x.turn
and r.id = x.id`,

  addTimers: `${insertInto('timers', 'at bigint, kind bigint, id bigint')}
on conflict do nothing`,

  removeTimers: `delete from timers t
using ${rowsFrom('at bigint, kind bigint, id bigint')}
where t.at = x.at
and t.kind = x.kind
and t.id = x.id`,

  addParked: insertInto(
    'parked',
    'key text, rank bigint, turn bigint, id bigint, queue bigint, available_at bigint, paid bigint',
  ),

  removeParked: `delete from parked
where id = any($1::bigint[])`,

  saveTurns: `${insertInto('turns', 'queue bigint, rank bigint, tenant text, last bigint')}
on conflict (queue, rank, tenant) do update
set last = excluded.last`,

  addPermits: `${insertInto('execution_locks', 'tenant text, key text, slot bigint, execution bigint, fence bigint, step text, taken_at bigint, granted bigint')}
on conflict (tenant, key, slot) do update
set fence = excluded.fence, step = excluded.step, taken_at = excluded.taken_at, granted = excluded.granted
where execution_locks.execution = excluded.execution
returning tenant, key, slot`,

  removePermits: `delete from execution_locks l
using ${rowsFrom('tenant text, key text, slot bigint, execution bigint')}
where l.tenant = x.tenant
and l.key = x.key
and l.slot = x.slot
and l.execution = x.execution`,

  addWaiters: insertInto(
    'permit_waiters',
    'tenant text, key text, rank bigint, turn bigint, since bigint, execution bigint, fence bigint, step text',
  ),

  removeWaiters: `delete from permit_waiters w
using ${rowsFrom('tenant text, key text, rank bigint, turn bigint')}
where w.tenant = x.tenant
and w.key = x.key
and w.rank = x.rank
and w.turn = x.turn`,

  saveLimits: `${insertInto('limits', 'tenant text, key text, capacity bigint, by text, reason text, at bigint')}
on conflict (tenant, key) do update
set capacity = excluded.capacity, by = excluded.by, reason = excluded.reason, at = excluded.at`,

  removeLimits: `delete from limits l
using ${rowsFrom('tenant text, key text')}
where l.tenant = x.tenant
and l.key = x.key`,

  saveRates: `${insertInto('rate_limits', 'tenant text, key text, due_us bigint, wake_at bigint')}
on conflict (tenant, key) do update
set due_us = excluded.due_us, wake_at = excluded.wake_at`,

  addPauses: `${insertInto('pauses', 'scope bigint, value text, tenant text, reason text, by text, at bigint')}
on conflict (scope, value, coalesce(tenant, '')) do update
set reason = excluded.reason, by = excluded.by, at = excluded.at`,

  removePauses: `delete from pauses p
using ${rowsFrom('scope bigint, value text, tenant text')}
where p.scope = x.scope
and p.value = x.value
and p.tenant is not distinct from x.tenant`,

  saveDepths: `${insertInto('depth', 'queue bigint, tenant text, count bigint')}
on conflict (queue, tenant) do update
set count = excluded.count`,

  removeDepths: `delete from depth d
using ${rowsFrom('queue bigint, tenant text')}
where d.queue = x.queue
and d.tenant = x.tenant`,

  addTimeoutPolicies: insertInto(
    'timeout_policies',
    'version bigint, sla_class text, action_class text, attempt_ms bigint, overall_ms bigint, by text, reason text, at bigint, from_position bigint',
  ),

  openPauseIntervals: insertInto('pause_intervals', 'scope bigint, value text, tenant text, from_at bigint'),

  closePauseIntervals: `update pause_intervals p
set to_at = x.to_at
from ${rowsFrom('scope bigint, value text, tenant text, to_at bigint')}
where p.scope = x.scope
and p.value = x.value
and coalesce(p.tenant, '') = coalesce(x.tenant, '')
and p.to_at is null`,

  saveReleases: `${insertInto('releases', 'key text, id bigint, scope bigint, value text, tenant text, pace_per_second bigint, since bigint')}
on conflict (key) do update
set id = excluded.id, pace_per_second = excluded.pace_per_second, since = excluded.since`,

  removeReleases: `delete from releases
where key = any($1::text[])`,

  addQuarantined: `${insertInto('quarantine', 'tenant text, execution bigint, place text, row text, reason text, at bigint')}
on conflict (place, row) do nothing`,

  removeQuarantined: `delete from quarantine
where key = any($1::bigint[])`,

  saveBulks: `${insertInto('bulks', 'key bigint, tenant text, command text, query text, reason text, by text, state text, total bigint, done bigint, refused bigint, created_at bigint, finished_at bigint')}
on conflict (key) do update
set state = excluded.state, total = excluded.total, done = excluded.done, refused = excluded.refused, finished_at = excluded.finished_at`,

  saveBulkItems: `${insertInto('bulk_items', 'bulk bigint, execution bigint, outcome text')}
on conflict (bulk, execution) do update
set outcome = excluded.outcome`,

  addRights: insertInto(
    'rights',
    'version bigint, tenant text, kind text, principal text, role text, actions text, subjects text, level_max bigint, permissions text, ref text, expires_at bigint, by text, reason text, at bigint',
  ),

  addPolicies: insertInto(
    'policies',
    'id bigint, tenant text, version bigint, document text, hash text, kind text, restored bigint, by text, reason text, at bigint, position bigint',
  ),

  saveSchedules: `${insertInto('schedules', scheduleTypes)}
on conflict (id) do update
set paused = excluded.paused, next_at = excluded.next_at, last_at = excluded.last_at, last_error = excluded.last_error, updated_at = excluded.updated_at, version = excluded.version`,

  removeSchedules: `delete from schedules
where id = any($1::text[])`,
} as const
