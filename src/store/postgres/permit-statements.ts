const permitColumns = 'tenant, key, slot, execution, fence, step, taken_at, granted'
const waiterColumns = 'tenant, key, rank, turn, since, execution, fence, step'

/** What a batch asks of permits, lines and rates. */
export const permitStatements = {
  permits: `select ${permitColumns}
from execution_locks
where tenant = $1
and key = $2
order by slot`,

  permitsOf: `select ${permitColumns}
from execution_locks
where execution = any($1::bigint[])
order by tenant collate "C", key collate "C", slot`,

  holders: `select execution
from execution_locks
union
select execution
from permit_waiters`,

  waiters: `select ${waiterColumns}
from permit_waiters
where tenant = $1
and key = $2
order by rank, turn`,

  waitersOf: `select ${waiterColumns}
from permit_waiters
where execution = any($1::bigint[])
order by tenant collate "C", key collate "C", rank, turn`,

  limits: `select tenant, key, capacity, by, reason, at
from limits
order by tenant collate "C", key collate "C"`,

  rate: `select tenant, key, due_us, wake_at
from rate_limits
where tenant = $1
and key = $2`,

  dueRates: `select tenant, key, due_us, wake_at
from rate_limits
where wake_at <= $1
order by wake_at
limit $2`,
} as const
