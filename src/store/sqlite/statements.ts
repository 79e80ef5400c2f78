import { archiveStatements } from './archive-statements.ts'
import { bulkStatements } from './bulk-statements.ts'
import { executionColumns, logColumns, outcomeColumns, requestColumns, scheduleColumns } from './columns.ts'
import { depthStatements } from './depth-statements.ts'
import { keptStatements } from './kept-statements.ts'
import { permitStatements } from './permit-statements.ts'
import { planStatements } from './plan-statements.ts'
import { policyStatements } from './policy-statements.ts'
import { quarantineStatements } from './quarantine-statements.ts'
import { rightsStatements } from './rights-statements.ts'
import { signInStatements } from './sign-in-statements.ts'
import { timeStatements } from './time-statements.ts'
import { voteStatements } from './vote-statements.ts'
import { waitingStatements } from './waiting-statements.ts'
import { workerStatements } from './worker-statements.ts'

/**
 * Every statement of the store by name. One clause a line and each conjunct on a line of its own, so that a test can
 * take one away at a time: a conjunct that nothing misses does not belong here.
 */
export const statements = {
  ...bulkStatements,
  ...depthStatements,
  ...waitingStatements,
  ...workerStatements,
  ...permitStatements,
  ...keptStatements,

  ...timeStatements,
  ...rightsStatements,
  ...policyStatements,
  ...planStatements,
  ...voteStatements,
  ...quarantineStatements,
  ...signInStatements,
  begin: 'begin immediate',
  commit: 'commit',
  rollback: 'rollback',

  addQueue: `insert into queues (key, action, version)
values (?1, ?2, ?3)`,

  appendLog: `insert into log (position, tenant, type, from_state, to_state, principal, worker, at, executions, numbers, previous, data)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`,

  addRequest: `insert into requests (id, public_id, tenant, action, action_version, subject, idem_key, generation, record_only, input, input_hash, seed, trace_id, requested_by, mode, priority, sla_class, action_class, policy_version, parent_id, position, at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)`,

  addFullRequest: `insert into requests (id, public_id, tenant, action, action_version, subject, idem_key, generation, record_only, input, input_hash, seed, trace_id, requested_by, mode, priority, sla_class, action_class, policy_version, parent_id, position, at, depth, rerun_of, permits, on_parent_cancel)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26)`,

  addNewExecution: `insert into executions (id, tenant, queue, state, n, max_attempts, head, rank, available_at, deadline_at, updated_at)
values (?1, ?2, ?3, ?4, 1, ?5, ?6, ?7, ?8, ?9, ?10)`,

  addClaimedExecution: `insert into executions (id, tenant, queue, state, n, attempt, max_attempts, fence, head, rank, available_at, deadline_at, worker, lease_until, updated_at, started_at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`,

  addExecution: `insert into executions (id, tenant, queue, state, n, attempt, max_attempts, fence, head, rank, available_at, deadline_at, worker, lease_until, lease_renewals, waiting_for, ending, open_effects, journal, reconciles, cancelled_by, cancelled_at, cancel_checks, last_error_class, last_error, updated_at, started_at, finished_at, planning_until, waiting_on, losses, lone_losses, idle_since, hold_until, parent, gate)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27, ?28, ?29, ?30, ?31, ?32, ?33, ?34, ?35, ?36)`,

  updateClaimed: `update executions
set state = 4, n = ?5, fence = ?6, head = ?7, attempt = ?8, worker = ?9, lease_until = ?10, lease_renewals = 0, cancel_checks = 0, reconciles = ?11, updated_at = ?12, started_at = ?13
where id = ?1
and fence = ?2
and state = ?3
and n = ?4`,

  updateSucceeded: `update executions
set state = 7, n = ?5, head = ?6, lease_until = null, ending = null, updated_at = ?7, finished_at = ?8
where id = ?1
and fence = ?2
and state = ?3
and n = ?4`,

  updateLease: `update executions
set lease_until = ?5, lease_renewals = ?6, cancel_checks = ?7, updated_at = ?8
where id = ?1
and fence = ?2
and state = ?3
and n = ?4`,

  updateExecution: `update executions
set state = ?5, n = ?6, attempt = ?7, fence = ?8, head = ?9, rank = ?10, available_at = ?11, deadline_at = ?12, worker = ?13, lease_until = ?14, lease_renewals = ?15, waiting_for = ?16, ending = ?17, open_effects = ?18, journal = ?19, reconciles = ?20, cancelled_by = ?21, cancelled_at = ?22, cancel_checks = ?23, last_error_class = ?24, last_error = ?25, updated_at = ?26, started_at = ?27, finished_at = ?28, max_attempts = ?29, planning_until = ?30, waiting_on = ?31, losses = ?32, lone_losses = ?33, idle_since = ?34, hold_until = ?35, gate = ?36
where id = ?1
and fence = ?2
and state = ?3
and n = ?4`,

  addOutcome: `insert into outcomes (id, n, tenant, state, result, fingerprint, position, at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,

  addStep: `insert into execution_steps (execution, name, ordinal, value, fence, started_at, at)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,

  addEffect: `insert into execution_effects (execution, effect_key, step, name, ordinal, target, reconcilable, state, intents, fence, worker, intended_at, concluded_at, value, error_class, error)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)`,

  updateEffect: `update execution_effects
set reconcilable = ?3, state = ?4, intents = ?5, fence = ?6, worker = ?7, intended_at = ?8, concluded_at = ?9, value = ?10, error_class = ?11, error = ?12
where execution = ?1
and effect_key = ?2`,

  addReady: `insert into ready (queue, rank, turn, id, available_at, paid)
values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict do nothing`,

  removeReady: `delete from ready
where queue = ?1
and rank = ?2
and turn = ?3
and id = ?4`,

  addTimer: `insert into timers (at, kind, id)
values (?1, ?2, ?3)
on conflict do nothing`,

  removeTimer: `delete from timers
where at = ?1
and kind = ?2
and id = ?3`,

  addParked: `insert into parked (key, rank, turn, id, queue, available_at, paid)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7)`,

  removeParked: `delete from parked
where id = ?1`,

  addPause: `insert into pauses (scope, value, tenant, reason, by, at)
values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (scope, value, ifnull(tenant, '')) do update
set reason = excluded.reason, by = excluded.by, at = excluded.at`,

  removePause: `delete from pauses
where scope = ?1
and value = ?2
and tenant is ?3`,

  ...archiveStatements,

  saveSchedule: `insert into schedules (${scheduleColumns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18)
on conflict (id) do update
set paused = excluded.paused, next_at = excluded.next_at, last_at = excluded.last_at, last_error = excluded.last_error, updated_at = excluded.updated_at, version = excluded.version`,

  removeSchedule: `delete from schedules
where id = ?1`,

  schedule: `select ${scheduleColumns}
from schedules
where tenant = ?1
and name = ?2`,

  schedules: `select ${scheduleColumns}
from schedules
where tenant = ?1
and name > ?2
order by name
limit ?3`,

  dueSchedules: `select ${scheduleColumns}
from schedules indexed by schedules_due
where paused = 0
and next_at <= ?1
order by next_at, id
limit ?2`,

  queues: `select key, action, version
from queues`,

  execution: `select ${executionColumns()}
from executions
where id = ?1`,

  request: `select ${requestColumns()}
from requests
where id = ?1`,

  keyOwner: `select id, input_hash, generation
from requests
where tenant = ?1
and action = ?2
and record_only = ?3
and idem_key = ?4
and generation = ?5`,

  newestKeyOwner: `select id, input_hash, generation
from requests
where tenant = ?1
and action = ?2
and record_only = ?3
and idem_key = ?4
order by generation desc
limit 1`,

  effects: `select *
from execution_effects
where execution = ?1`,

  steps: `select execution, name, ordinal, value, fence, started_at, at
from execution_steps
where execution = ?1`,

  fingerprint: `select fingerprint
from outcomes
where id = ?1
and fingerprint is not null
order by n desc
limit 1`,

  ready: `select queue, rank, turn, id, available_at, paid
from ready
where queue = ?1
order by rank, turn, id
limit ?2`,

  dueTimers: `select at, kind, id
from timers
where at <= ?1
order by at, kind, id
limit ?2`,

  nextTimerAt: `select min(at)
from timers`,

  parked: `select key, rank, turn, id, queue, available_at, paid
from parked
where key = ?1
order by rank, turn, id
limit ?2`,

  parkedUnder: `select key
from parked
where id = ?1`,

  pauses: `select scope, value, tenant, reason, by, at
from pauses`,

  find: `select ${executionColumns('e')}, ${requestColumns('r')}
from executions e
join requests r on r.id = e.id
where e.id = ?1`,

  list: `select ${executionColumns('e')}, ${requestColumns('r')}
from requests r
cross join executions e on e.id = r.id
where r.id < ?1
and (?2 is null or r.tenant = ?2)
and (?3 is null or r.action = ?3)
and (?4 is null or e.state in (select value from json_each(?4)))
order by r.id desc
limit ?5`,

  listBySubject: `select ${executionColumns('e')}, ${requestColumns('r')}
from requests r indexed by requests_subject
cross join executions e on e.id = r.id
where r.id < ?1
and (?2 is null or r.tenant = ?2)
and (?3 is null or r.action = ?3)
and (?4 is null or e.state in (select value from json_each(?4)))
and r.subject = ?6
and (?7 is null or r.idem_key = ?7)
order by r.id desc
limit ?5`,

  listByKey: `select ${executionColumns('e')}, ${requestColumns('r')}
from requests r indexed by requests_key
cross join executions e on e.id = r.id
where r.id < ?1
and (?2 is null or r.tenant = ?2)
and (?3 is null or r.action = ?3)
and (?4 is null or e.state in (select value from json_each(?4)))
and r.idem_key = ?6
order by r.id desc
limit ?5`,

  outcome: `select ${outcomeColumns}
from outcomes
where id = ?1
order by n desc
limit 1`,

  listEffects: `select *
from execution_effects
where (?1 is null or execution = ?1)
and (?2 is null or (select tenant from requests where id = execution) = ?2)
order by execution desc, effect_key
limit ?3`,

  listOpenEffects: `select *
from execution_effects indexed by execution_effects_open
where state in (1, 2)
and (?1 is null or execution = ?1)
and (?2 is null or (select tenant from requests where id = execution) = ?2)
order by execution desc, effect_key
limit ?3`,

  logRow: `select ${logColumns}
from log
where position = ?1`,

  logAfter: `select ${logColumns}
from log
where position > ?1
and (?2 is null or tenant = ?2)
order by position
limit ?3`,

  whereabouts: `select e.n, e.head, e.fence, r.position
from executions e
join requests r on r.id = e.id
where e.id = ?1
union all
select n, head, fence, requested_position
from archives
where id = ?1`,

  headPosition: `select ifnull(max(position), 0)
from log`,

  countsByState: `select q.action, e.state, count(*)
from executions e
join queues q on q.key = e.queue
where (?1 is null or e.tenant = ?1)
and not (e.state in (3, 6) and e.rank <= -5000)
group by q.action, e.state
order by q.action, e.state`,

  // Asked again and again from rank to rank: the first of each is its oldest, however long the queue is.
  firstReadyBehind: `select ready.queue, ready.rank, ready.available_at
from ready
join executions e on e.id = ready.id
where (ready.queue, ready.rank) > (?1, ?2)
and e.state in (1, 3, 6)
order by ready.queue, ready.rank, ready.turn, ready.id
limit 1`,

  oldestReadyAtOf: `select min(ready.available_at)
from ready
join executions e on e.id = ready.id
where e.tenant = ?1
and e.state in (1, 3, 6)`,

  // What an archive gave back has failed when it failed.
  failuresSince: `select q.action, e.state, e.last_error_class, count(*), max(ifnull(e.finished_at, e.updated_at))
from executions e
join queues q on q.key = e.queue
where ifnull(e.finished_at, e.updated_at) >= ?1
and e.last_error_class is not null
and e.state <> 7
and (?2 is null or e.tenant = ?2)
group by q.action, e.state, e.last_error_class
order by count(*) desc, q.action, e.state, e.last_error_class`,

  running: `select ${executionColumns('e')}, ${requestColumns('r')}
from executions e indexed by executions_running
join requests r on r.id = e.id
where e.state = 4
and (?1 is null or e.tenant = ?1)
order by e.id
limit ?2`,
} as const

export type StatementName = keyof typeof statements
export type Statements = { readonly [N in StatementName]: string }
