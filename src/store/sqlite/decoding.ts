import type { PlanStep } from '../../execution/plan.ts'
import type { Quarantined, UndecodableRow } from '../quarantine.ts'
import { isSameRow, UndecodableRows } from '../quarantine.ts'
import type { Worker } from '../rows.ts'
import { workerOf } from './fleet-rows.ts'
import { planStepOf } from './plan-rows.ts'
import type { Row } from './rows-of.ts'

export const quarantinedOf = ([key, tenant, execution, place, row, reason, at]: Row): Quarantined =>
  ({ key, tenant, execution, place, row, reason, at }) as Quarantined

export const wholeWorkerOf = (row: Row): Worker => withList(workerOf(row), 'actions')
export const wholePlanStepOf = (row: Row): PlanStep => withList(planStepOf(row), 'effects')

/** Text that is JSON, but of another shape than this version knows. */
function withList<T, K extends keyof T>(read: T, field: K): T {
  if (!Array.isArray(read[field])) throw new Error(`its ${String(field)} are no list`)
  return read
}

/** Where a row was read, for whoever has to name it. */
export interface Place {
  readonly place: string
  readonly rowOf: (row: Row) => string
  /** The execution that the row is about, if it is about one. */
  readonly executionOf?: (row: Row) => number
}

/** Rows whose first column is the execution they are about, and which are named by some more of their columns. */
export const aboutExecution = (place: string, ...columns: readonly number[]): Place => ({
  place,
  rowOf: (row) => [0, ...columns].map((column) => String(row[column])).join(' '),
  executionOf: (row) => row[0] as number,
})

export const places = {
  executions: aboutExecution('executions'),
  requests: aboutExecution('requests'),
  effects: aboutExecution('execution_effects', 1),
  planSteps: aboutExecution('plan_steps', 1),
  votes: aboutExecution('approvals', 1),
  logs: aboutExecution('execution_logs', 1),
  outcomes: aboutExecution('outcomes', 1),
  log: { place: 'log', rowOf: (row) => String(row[0]) },
  timers: {
    place: 'timers',
    rowOf: (row) => `${String(row[0])} ${String(row[1])} ${String(row[2])}`,
    executionOf: (row) => row[2] as number,
  },
  workers: { place: 'workers', rowOf: (row) => String(row[0]) },
  pauses: { place: 'pauses', rowOf: (row) => JSON.stringify(row.slice(0, 3)) },
  pauseIntervals: { place: 'pause_intervals', rowOf: (row) => JSON.stringify(row.slice(0, 4)) },
  /** Parts of executions in which nothing is to be decoded. */
  rest: aboutExecution('executions'),
  releases: { place: 'releases', rowOf: (row) => String(row[0]) },
} as const satisfies Record<string, Place>

/**
 * Reads rows at no cost where all can be read. Otherwise each is read for itself, and those that cannot be are named
 * together; one that was set aside already and is about no execution is passed over.
 */
export class Decoding {
  readonly #tenantOf: (execution: number) => string | null
  #known: readonly UndecodableRow[] = []

  constructor(tenantOf: (execution: number) => string | null) {
    this.#tenantOf = tenantOf
  }

  knows(rows: readonly UndecodableRow[]): void {
    this.#known = rows
  }

  /** @throws UndecodableRows */
  all<T>(rows: readonly Row[], place: Place, read: (row: Row) => T): readonly T[] {
    try {
      return rows.map(read)
    } catch {
      const { found, undecodable } = this.each(rows, place, read)
      const news = undecodable.filter(
        (row) => row.execution !== null || !this.#known.some((one) => isSameRow(one, row)),
      )
      if (news.length > 0) throw new UndecodableRows(news)
      return found
    }
  }

  /** What can be read, and what cannot. */
  each<T>(rows: readonly Row[], { place, rowOf, executionOf }: Place, read: (row: Row) => T) {
    const found: T[] = []
    const undecodable: UndecodableRow[] = []
    for (const row of rows) {
      try {
        found.push(read(row))
      } catch (thrown) {
        const execution = executionOf?.(row) ?? null
        const tenant = execution === null ? null : this.#tenantOf(execution)
        undecodable.push({ place, row: rowOf(row), execution, tenant, reason: reasonOf(thrown) })
      }
    }
    return { found, undecodable }
  }
}

/** A parser's message quotes the text it was given, which may be anybody's data. */
const reasonOf = (thrown: unknown): string =>
  thrown instanceof SyntaxError
    ? 'it holds text that is no JSON'
    : thrown instanceof Error
      ? thrown.message
      : 'no reason'
