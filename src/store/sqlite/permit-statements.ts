/** The statements of turns, permits and rates, in the manner of `statements.ts`. */
export const permitStatements = {
  saveTurn: `insert into turns (queue, rank, tenant, last)
values (?1, ?2, ?3, ?4)
on conflict (queue, rank, tenant) do update
set last = excluded.last`,

  turn: `select last
from turns
where queue = ?1
and rank = ?2
and tenant = ?3`,

  newestTurn: `select last
from turns
where queue = ?1
and rank = ?2
order by last desc
limit 1`,

  firstTurn: `select turn
from ready
where queue = ?1
and rank = ?2
order by turn
limit 1`,

  readyBehind: `select queue, rank, turn, id, available_at, paid
from ready
where queue = ?1
and (rank, turn, id) > (?2, ?3, ?4)
order by rank, turn, id
limit ?5`,

  nextReadyRank: `select rank
from ready
where queue = ?1
and rank > ?2
order by rank
limit 1`,

  readyOfRank: `select queue, rank, turn, id, available_at, paid
from ready
where queue = ?1
and rank = ?2
order by turn, id
limit ?3`,

  nextParkedRank: `select rank
from parked
where key = ?1
and rank > ?2
order by rank
limit 1`,

  parkedOfRank: `select key, rank, turn, id, queue, available_at, paid
from parked
where key = ?1
and rank = ?2
order by turn, id
limit ?3`,

  addPermit: `insert into execution_locks (tenant, key, slot, execution, fence, step, taken_at, granted)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (tenant, key, slot) do update
set fence = excluded.fence, step = excluded.step, taken_at = excluded.taken_at, granted = excluded.granted
where execution = excluded.execution`,

  removePermit: `delete from execution_locks
where tenant = ?1
and key = ?2
and slot = ?3
and execution = ?4`,

  permits: `select tenant, key, slot, execution, fence, step, taken_at, granted
from execution_locks
where tenant = ?1
and key = ?2
order by slot`,

  permitsOf: `select tenant, key, slot, execution, fence, step, taken_at, granted
from execution_locks
where execution = ?1
order by tenant, key, slot`,

  holders: `select execution
from execution_locks
union
select execution
from permit_waiters`,

  addWaiter: `insert into permit_waiters (tenant, key, rank, turn, since, execution, fence, step)
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,

  removeWaiter: `delete from permit_waiters
where tenant = ?1
and key = ?2
and rank = ?3
and turn = ?4`,

  waiters: `select tenant, key, rank, turn, since, execution, fence, step
from permit_waiters
where tenant = ?1
and key = ?2
order by rank, turn`,

  waitersOf: `select tenant, key, rank, turn, since, execution, fence, step
from permit_waiters
where execution = ?1`,

  saveLimit: `insert into limits (tenant, key, capacity, by, reason, at)
values (?1, ?2, ?3, ?4, ?5, ?6)
on conflict (tenant, key) do update
set capacity = excluded.capacity, by = excluded.by, reason = excluded.reason, at = excluded.at`,

  removeLimit: `delete from limits
where tenant = ?1
and key = ?2`,

  limits: `select tenant, key, capacity, by, reason, at
from limits
order by tenant, key`,

  saveRate: `insert into rate_limits (tenant, key, due_us, wake_at)
values (?1, ?2, ?3, ?4)
on conflict (tenant, key) do update
set due_us = excluded.due_us, wake_at = excluded.wake_at`,

  rate: `select tenant, key, due_us, wake_at
from rate_limits
where tenant = ?1
and key = ?2`,

  dueRates: `select tenant, key, due_us, wake_at
from rate_limits
where wake_at <= ?1
order by wake_at
limit ?2`,

  listPermits: `select tenant, key, slot, execution, fence, step, taken_at, granted
from execution_locks
where (?1 is null or tenant in (?1, ''))
and (?2 is null or key = ?2)
order by tenant, key, slot
limit ?3`,

  parkedAt: `select key, rank, turn, id, queue, available_at, paid
from parked
where id = ?1`,

  parkedBefore: `select count(*)
from parked
where key = ?1
and (rank, turn, id) < (?2, ?3, ?4)`,
} as const
