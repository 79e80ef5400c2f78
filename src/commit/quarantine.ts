import { type Refusal, refuse } from '../errors/refusal.ts'
import { isSameRow, type Quarantined, quarantined, type UndecodableRow, UndecodableRows } from '../store/quarantine.ts'
import type { Changes } from '../store/rows.ts'
import type { Answer, OrderOf, Orders } from './order.ts'
import { type Asking, ask } from './reads.ts'
import { standing } from './standing.ts'
import type { Workset } from './workset.ts'

/** The rows that could not be read, as the writer remembers them: their executions are held back from everything. */
export class Quarantine {
  #rows: readonly Quarantined[] = []
  #held: ReadonlySet<number> = new Set()

  constructor(rows: readonly Quarantined[]) {
    this.remember(rows)
  }

  remember(rows: readonly Quarantined[]): void {
    this.#rows = rows
    this.#held = new Set(rows.flatMap(({ execution }) => execution ?? []))
  }

  get rows(): readonly Quarantined[] {
    return this.#rows
  }

  holds(execution: number): boolean {
    return this.#held.size > 0 && this.#held.has(execution)
  }

  /** Those of `rows` that are not here yet. */
  news(rows: readonly UndecodableRow[]): readonly UndecodableRow[] {
    return rows.filter((row) => !this.#rows.some((known) => isSameRow(known, row)))
  }

  /** What somebody is told who asks for an execution that is held back; null when it is not, or is none of his. */
  refusalOf(execution: number, tenant: string | null): Refusal | null {
    if (!this.holds(execution)) return null
    const row = this.#rows.find((one) => one.execution === execution && (tenant === null || one.tenant === tenant))
    return row === undefined ? null : quarantined(row)
  }
}

/** What one commit changes of it. */
export class QuarantineChanges {
  readonly #add: Omit<Quarantined, 'key'>[] = []
  readonly #remove: number[] = []

  get isEmpty(): boolean {
    return this.#add.length + this.#remove.length === 0
  }

  add(rows: readonly UndecodableRow[], at: number): void {
    for (const row of rows) this.#add.push({ ...row, at })
  }

  remove(key: number): void {
    this.#remove.push(key)
  }

  changes(): Pick<Changes, 'quarantine'> {
    return { quarantine: { add: this.#add, remove: this.#remove } }
  }
}

/** What a view could not read is held back by the writer, too. Nobody waits for it: the next look would find it again. */
export const settingAside =
  (orders: Orders): ((rows: readonly UndecodableRow[]) => void) =>
  (rows) =>
    void orders.give<'set_aside'>({ kind: 'set_aside', rows }).catch(() => {})

/** A person says that a row was repaired, or that there is code now that reads it. */
export function* releaseOne(
  work: Workset,
  quarantine: Quarantine,
  changes: QuarantineChanges,
  { key, tenant }: OrderOf<'release'>,
): Asking<Answer<'release'>> {
  const named = quarantine.rows.find((row) => row.key === key)
  if (named === undefined || (named.tenant !== null && named.tenant !== tenant)) {
    return refuse('not_found', `Nothing is in quarantine under ${key}.`)
  }
  const { execution } = named
  // An execution is held back by each of its rows: they go together.
  const all = execution === null ? [named] : quarantine.rows.filter((row) => row.execution === execution)
  if (execution !== null) {
    const refusal = yield* placeAnew(work, execution)
    if (refusal !== null) return refusal
  }
  for (const row of all) changes.remove(row.key)
  return { released: all.length }
}

/** Its places among due and future work were taken from it when it was met there. */
function* placeAnew(work: Workset, id: number): Asking<Refusal | null> {
  try {
    const [execution] = yield* ask('executions', [id])
    const [request] = yield* ask('requests', [id])
    yield* ask('effects', [id])
    yield* ask('planSteps', [id])
    yield* ask('newestLogs', [id])
    if (execution === undefined || request === undefined) return null
    work.executions.set(id, execution)
    work.requests.set(id, request)
    const is = standing(execution)
    const isParked = (yield* ask('parkedAt', id)) !== null
    if (is?.kind === 'available' && is.at <= work.now) {
      if (!isParked) work.addReady(execution)
    } else if (is !== null) work.addTimer({ at: is.at, kind: is.kind, id })
    if (execution.deadlineAt !== null) work.addTimer({ at: execution.deadlineAt, kind: 'deadline', id })
    if (execution.holdUntil !== null) work.addTimer({ at: execution.holdUntil, kind: 'hold', id })
    return null
  } catch (thrown) {
    const [row] = thrown instanceof UndecodableRows ? thrown.rows : []
    if (row === undefined) throw thrown
    return refuse('still_undecodable', `Row ${row.row} of ${row.place} still cannot be read: ${row.reason}.`)
  }
}
