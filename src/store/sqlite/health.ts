import type { DatabaseSync } from 'node:sqlite'
import { Refused, refuse } from '../../errors/refusal.ts'

/** Tables that every start depends on, the most important first. */
const hotTables = [
  'meta',
  'queues',
  'workers',
  'leaders',
  'pauses',
  'timers',
  'parked',
  'execution_locks',
  'ready',
  'executions',
  'log',
] as const

/** Rows that are looked at in one table: about a fifth of a second each on a small machine. */
const rowsMax = 200_000

/**
 * After an unclean stop: looks at the hot tables, bounded by rows so that the start stays within two seconds.
 * A table that is longer has its newest rows read instead.
 *
 * @throws Refused `store_corrupt`
 */
export function quickCheck(db: DatabaseSync): void {
  for (const table of hotTables) {
    const found = guarded(() => {
      const row = db.prepare(`select count(*) as rows from (select 1 from ${table} limit ${rowsMax})`).get()
      if ((row?.rows as number) < rowsMax) return problems(db, `pragma quick_check(${table})`)
      readNewest(db, table)
      return []
    })
    if (found.length > 0) throw damaged(found)
  }
}

/** Reads the whole file: minutes for a large one. Meant for the background, on a connection of its own. */
export function integrityCheck(db: DatabaseSync): readonly string[] {
  return guarded(() => problems(db, 'pragma integrity_check'))
}

export function damaged(problems: readonly string[]): Refused {
  return new Refused(
    refuse('store_corrupt', `The database file is damaged: ${problems[0]}`, { problems: problems.slice(0, 10) }),
  )
}

function problems(db: DatabaseSync, pragma: string): readonly string[] {
  return db
    .prepare(pragma)
    .all()
    .map((row) => String(Object.values(row)[0]))
    .filter((line) => line !== 'ok')
}

function guarded(check: () => readonly string[]): readonly string[] {
  try {
    return check()
  } catch (thrown) {
    return [thrown instanceof Error ? thrown.message : String(thrown)]
  }
}

/** Walks the newest rows through every column: a damaged page on the way throws. */
function readNewest(db: DatabaseSync, table: string): void {
  const rows = db.prepare(`select * from ${table} order by 1 desc limit 10000`).iterate()
  for (const _ of rows);
}
