import {
  executionColumns,
  logColumns,
  planStepColumns,
  processColumns,
  requestColumns,
  scheduleColumns,
  workerColumns,
} from '../sqlite/columns.ts'

const bulkColumns = 'key, tenant, command, query, reason, by, state, total, done, refused, created_at, finished_at'
const found = `${executionColumns('e')}, ${requestColumns('r')}`
const effectColumns =
  'e.execution, e.effect_key, e.step, e.name, e.ordinal, e.target, e.reconcilable, e.state, e.intents, e.fence, e.worker, e.intended_at, e.concluded_at, e.value, e.error_class, e.error'

/** What people are shown. */
export const viewStatements = {
  find: `select ${found}
from executions e
join requests r on r.id = e.id
where e.id = $1`,

  list: `select ${found}
from requests r
join executions e on e.id = r.id
where r.id < $1
and ($2::text is null or r.tenant = $2)
and ($3::text is null or r.action = $3)
and ($4::bigint[] is null or e.state = any($4))
order by r.id desc
limit $5`,

  listBySubject: `select ${found}
from requests r
join executions e on e.id = r.id
where r.id < $1
and ($2::text is null or r.tenant = $2)
and ($3::text is null or r.action = $3)
and ($4::bigint[] is null or e.state = any($4))
and r.subject = $6
and ($7::text is null or r.idem_key = $7)
order by r.id desc
limit $5`,

  listByKey: `select ${found}
from requests r
join executions e on e.id = r.id
where r.id < $1
and ($2::text is null or r.tenant = $2)
and ($3::text is null or r.action = $3)
and ($4::bigint[] is null or e.state = any($4))
and r.idem_key = $6
order by r.id desc
limit $5`,

  listEffects: `select ${effectColumns}
from execution_effects e
where ($1::bigint is null or e.execution = $1)
and ($2::text is null or (select tenant from requests where id = e.execution) = $2)
order by e.execution desc, e.effect_key collate "C"
limit $3`,

  listOpenEffects: `select ${effectColumns}
from execution_effects e
where e.state in (1, 2)
and ($1::bigint is null or e.execution = $1)
and ($2::text is null or (select tenant from requests where id = e.execution) = $2)
order by e.execution desc, e.effect_key collate "C"
limit $3`,

  planSteps: `select ${planStepColumns}
from plan_steps
where execution = $1
and idx > $2
order by idx
limit $3`,

  gated: `select ${executionColumns('e')}, ${requestColumns('r')}
from executions e
join requests r on r.id = e.id
where e.gate is not null
and e.tenant = $1
and e.id < $2
and e.state = any($3::bigint[])
order by e.id desc
limit $4`,

  artifacts: `select execution, name, sha256, bytes, media_type, path, content, at
from artifacts
where execution = $1
order by name collate "C", at, ctid`,

  artifactsNamed: `select x.sha256
from unnest($1::text[]) with ordinality as x (sha256, place)
where exists (
  select 1
  from artifacts
  where sha256 = x.sha256
  and path is not null
)
or exists (
  select 1
  from archived_contents
  where sha256 = x.sha256
)
order by x.place`,

  logs: `select execution, seq, at, level, message, fields, fence, line, bytes, dropped
from execution_logs
where execution = $1
and seq > $2
and level >= $4
order by seq
limit $3`,

  signals: `select execution, name, seq, payload, sent_by, at, dedupe, taken_at
from signals
where execution = $1
order by at desc, name collate "C", seq desc
limit $2`,

  logRow: `select ${logColumns}
from log
where position = $1`,

  logAfter: `select ${logColumns}
from log
where position > $1
and ($2::text is null or tenant = $2)
order by position
limit $3`,

  changedBehind: `select position, executions
from log
where position > $1
order by position
limit $2`,

  whereabouts: `select e.id, e.n, e.head, e.fence, r.position
from executions e
join requests r on r.id = e.id
where e.id = any($1::bigint[])
union all
select id, n, head, fence, requested_position
from archives
where id = any($1::bigint[])`,

  headPosition: `select coalesce(max(position), 0)
from log`,

  countsByState: `select q.action, e.state, count(*)
from executions e
join queues q on q.key = e.queue
where ($1::text is null or e.tenant = $1)
and not (e.state in (3, 6) and e.rank <= -5000)
group by q.action, e.state
order by q.action collate "C", e.state`,

  firstReadyBehind: `select ready.queue, ready.rank, ready.available_at
from ready
join executions e on e.id = ready.id
where (ready.queue, ready.rank) > ($1, $2)
and e.state in (1, 3, 6)
order by ready.queue, ready.rank, ready.turn, ready.id
limit 1`,

  oldestReadyAtOf: `select min(ready.available_at)
from ready
join executions e on e.id = ready.id
where e.tenant = $1
and e.state in (1, 3, 6)`,

  failuresSince: `select q.action, e.state, e.last_error_class, count(*), max(coalesce(e.finished_at, e.updated_at))
from executions e
join queues q on q.key = e.queue
where coalesce(e.finished_at, e.updated_at) >= $1
and e.last_error_class is not null
and e.state <> 7
and ($2::text is null or e.tenant = $2)
group by q.action, e.state, e.last_error_class
order by count(*) desc, q.action collate "C", e.state, e.last_error_class collate "C"`,

  running: `select ${found}
from executions e
join requests r on r.id = e.id
where e.state = 4
and ($1::text is null or e.tenant = $1)
order by e.id
limit $2`,

  parkedUnder: `select key
from parked
where id = $1`,

  parkedBefore: `select count(*)
from parked
where key = $1
and (rank, turn, id) < ($2, $3, $4)`,

  listPermits: `select tenant, key, slot, execution, fence, step, taken_at, granted
from execution_locks
where ($1::text is null or tenant in ($1, ''))
and ($2::text is null or key = $2)
order by tenant collate "C", key collate "C", slot
limit $3`,

  bulks: `select ${bulkColumns}
from bulks
where tenant = $1
order by key desc
limit 100`,

  openBulks: `select ${bulkColumns}
from bulks
where state in ('collecting', 'running')
order by key`,

  bulkRefusals: `select outcome, count(*)
from bulk_items
where bulk = $1
and outcome <> 'done'
group by outcome
order by count(*) desc, outcome collate "C"`,

  allWorkers: `select ${workerColumns}
from workers
order by key`,

  processes: `select ${processColumns}
from processes
order by started_at, id collate "C"`,

  archives: `select id, public_id, tenant, action, subject, state, finished_at, archived_at, idem_key, octet_length(document), sha256
from archives
where tenant = $1
and id < $2
order by id desc
limit $3`,

  schedules: `select ${scheduleColumns}
from schedules
where tenant = $1
and name > $2 collate "C"
order by name collate "C"
limit $3`,

  dueSchedules: `select ${scheduleColumns}
from schedules
where paused = 0
and next_at <= $1
order by next_at, id collate "C"
limit $2`,
} as const
