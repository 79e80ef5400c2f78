import type { DatabaseSync } from 'node:sqlite'
import type { Changes } from '../rows.ts'

/** What comes next: read once, and counted on by the one who writes. */
export interface Counters {
  readonly execution: number
  readonly queue: number
  readonly worker: number
  readonly position: number
}

export function readCounters(db: DatabaseSync): Counters {
  const next = (table: string, column: string): number => {
    const row = db.prepare(`select ifnull(max(${column}), 0) + 1 as next from ${table}`).get()
    return row?.next as number
  }
  return {
    // An id is never given again, also where its execution has left for an archive.
    execution: Math.max(next('requests', 'id'), next('archives', 'id')),
    queue: next('queues', 'key'),
    worker: next('workers', 'key'),
    position: next('log', 'position'),
  }
}

/** From one row that holds all four. */
export const countersOf = (row: readonly unknown[]): Counters => ({
  execution: row[0] as number,
  queue: row[1] as number,
  worker: row[2] as number,
  position: row[3] as number,
})

export function countOn(counters: Counters, { admitted, queues, workers, log }: Changes): Counters {
  return {
    execution: above(counters.execution, admitted, ({ request }) => request.id),
    queue: above(counters.queue, queues, ({ key }) => key),
    worker: above(counters.worker, workers, ({ key }) => key),
    position: above(counters.position, log, ({ position }) => position),
  }
}

function above<T>(next: number, rows: readonly T[], key: (row: T) => number): number {
  let least = next
  for (const row of rows) least = Math.max(least, key(row) + 1)
  return least
}
