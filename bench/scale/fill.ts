import type { DatabaseSync } from 'node:sqlite'
import { needsOf, writeNeeds } from '../../src/execution/permit.ts'
import { lockKey } from '../../src/store/place.ts'

export interface Sizes {
  /** Executions that wait in line for one lock. */
  readonly parked: number
  readonly delayed: number
  readonly finished: number
  /** Tenants with one due execution each. */
  readonly tenants: number
}

export const tenant = 't0'
export const hotKey = 'hot'

/** Due work of many tenants (queue 1) and work that needs one lock (queue 2). */
export const actions = ['scale.plain', 'scale.locked'] as const

export const hotNeeds = (): string => {
  const needs = needsOf([{ key: hotKey, capacity: 1, shared: false }])
  if (needs === null || 'refused' in needs) throw new Error('a lock is a need')
  return writeNeeds(needs)
}

/** Writes rows as a store would have them that has seen all this, in statements over whole ranges: a minute, not hours. */
export function fill(db: DatabaseSync, sizes: Sizes, now: number): void {
  const { parked, delayed, finished, tenants } = sizes
  db.exec('begin')
  // Work that has ended is written as it stands: the guards, which want its history, stand aside meanwhile.
  const guards = db
    .prepare("select name, sql from sqlite_schema where type = 'trigger' and tbl_name = 'executions'")
    .all()
  for (const { name } of guards) db.exec(`drop trigger ${String(name)}`)
  for (const [index, action] of actions.entries()) {
    db.prepare('insert or ignore into queues (key, action, version) values (?, ?, 1)').run(index + 1, action)
  }
  let first = 1
  const range = (count: number): { first: number; last: number } => {
    const from = first
    first += count
    return { first: from, last: first - 1 }
  }
  // The first in line is the holder: its lock is free, so that the first claim takes it.
  const locked = range(parked)
  executions(db, locked, { queue: 2, state: 3, at: now, of: tenant, permits: hotNeeds() })
  db.prepare(
    `insert into parked (key, rank, turn, id, queue, available_at, paid)
     select ?, 0, id - ? + 1, id, 2, ?, 0 from executions where id between ? and ?`,
  ).run(lockKey(tenant, hotKey), locked.first, now, locked.first + 1, locked.last)
  db.prepare(
    `insert into ready (queue, rank, turn, id, available_at, paid) select 2, 0, 1, id, ?, 0 from executions where id = ?`,
  ).run(now, locked.first)
  const due = range(tenants)
  executions(db, due, { queue: 1, state: 3, at: now, of: null, permits: null })
  db.prepare(
    `insert into ready (queue, rank, turn, id, available_at, paid)
     select 1, 0, 1, id, ?, 0 from executions where id between ? and ?`,
  ).run(now, due.first, due.last)
  db.prepare(
    `insert into turns (queue, rank, tenant, last) select 1, 0, tenant, 1 from executions where id between ? and ?`,
  ).run(due.first, due.last)
  const later = range(delayed)
  executions(db, later, { queue: 1, state: 3, at: now + 86_400_000, of: tenant, permits: null })
  db.prepare(
    'insert into timers (at, kind, id) select available_at, 1, id from executions where id between ? and ?',
  ).run(later.first, later.last)
  executions(db, range(finished), { queue: 1, state: 7, at: now, of: tenant, permits: null })
  db.exec(
    'insert into depth (queue, tenant, count) select queue, tenant, count(*) from executions where state = 3 group by 1, 2',
  )
  for (const { sql } of guards) db.exec(String(sql))
  // One row of the log for all: what is counted here reads none of it.
  db.prepare(
    `insert into log (position, tenant, type, from_state, to_state, principal, worker, at, executions, numbers, previous, data)
     values (1, ?, 2, null, 3, 'service:scale', null, 1, '[1]', '[1]', null, null)`,
  ).run(tenant)
  db.exec('commit')
  db.exec('pragma wal_checkpoint(truncate)')
}

interface Kind {
  readonly queue: number
  readonly state: number
  readonly at: number
  /** Null gives each a tenant of its own. */
  readonly of: string | null
  readonly permits: string | null
}

function executions(db: DatabaseSync, { first, last }: { first: number; last: number }, kind: Kind): void {
  if (last < first) return
  const { queue, state, at, of, permits } = kind
  const ids = 'with recursive ids (id) as (select cast(? as integer) union all select id + 1 from ids where id < ?)'
  db.prepare(
    `${ids}
     insert into requests (id, public_id, tenant, action, action_version, subject, idem_key, generation, record_only,
       input, input_hash, seed, trace_id, requested_by, mode, priority, sla_class, action_class, policy_version,
       parent_id, position, at, permits)
     select id, 'p' || id, ifnull(?, 't' || id), ?, 1, null, null, 1, 0, '{}', 'h', 's', 't', 'service:scale', 2, 0,
       'standard', 'default', 1, null, 1, 1, ? from ids`,
  ).run(first, last, of, actions[queue - 1] ?? '', permits)
  db.prepare(
    `${ids}
     insert into executions (id, tenant, queue, state, n, max_attempts, head, rank, available_at, updated_at, finished_at)
     select id, ifnull(?, 't' || id), ?, ?, 1, 3, 1, 0, ?, 1, ? from ids`,
  ).run(first, last, of, queue, state, at, state === 7 ? 1 : null)
}
