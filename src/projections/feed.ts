import type { LogRow } from '../store/rows.ts'
import type { Views } from '../store/store.ts'
import { type Naming, timeText } from './view.ts'

/**
 * The ordered feed behind a position: every event of the tenant, in the order of commits. `next` is the position to go on from.
 * A log row is never cut, so that one position is either told completely or not at all.
 */
export async function orderedFeed(views: Views, naming: Naming, ask: { after: number; rows: number; tenant: string }) {
  const rows = await views.log(ask.after, ask.rows, ask.tenant)
  return {
    items: rows.flatMap((row) => eventsOf(row, naming)),
    next: rows.at(-1)?.position ?? ask.after,
    more: rows.length === ask.rows,
  }
}

function eventsOf(row: LogRow, naming: Naming) {
  // What concerns the tenant alone is one event of no execution.
  const executions: readonly (number | null)[] = row.to === null ? [null] : row.executions
  return executions.map((execution, index) => ({
    position: row.position,
    executionId: execution === null ? null : naming.idOf(execution),
    sequence: row.numbers[index] ?? null,
    type: row.type,
    from: row.from,
    to: row.to,
    principal: row.principal,
    workerId: row.worker === null ? null : naming.workerOf(row.worker),
    at: timeText(row.at),
    data: row.data?.[index] ?? null,
  }))
}
