import { isTerminal, type State } from '../../src/execution/machine.ts'
import type { LogRow } from '../../src/store/rows.ts'

export interface Seen {
  readonly state: State
  /** Worker incarnation that holds it; null unless it runs. */
  readonly holder: number | null
  readonly n: number
  /** Targets of its plan that were concluded, one after the other. */
  readonly targets: number
}

/** What the drill knows of every execution, from the ordered feed of the server alone. */
export class Onlooker {
  position = 0
  ended = 0
  readonly #executions = new Map<number, Seen>()
  /** Who holds what runs now. */
  readonly #running = new Map<number, number | null>()
  /** Refused writes by `worker execution`. */
  readonly #fenced = new Set<string>()

  take(rows: readonly LogRow[]): void {
    for (const { position, type, to, worker, executions, numbers } of rows) {
      if (position <= this.position) continue
      this.position = position
      if (to === null) continue
      for (const [index, id] of executions.entries()) {
        const before = this.#executions.get(id)
        const holder = to === 'running' ? (type === 'claim' ? worker : (before?.holder ?? null)) : null
        const targets = (before?.targets ?? 0) + (type === 'target_settled' ? 1 : 0)
        this.#executions.set(id, { state: to, holder, n: numbers[index] ?? 0, targets })
        if (to === 'running') this.#running.set(id, holder)
        else this.#running.delete(id)
        if (type === 'write_fenced') this.#fenced.add(`${worker} ${id}`)
        if (isSettled(to) && !isSettled(before?.state)) this.ended += 1
      }
    }
  }

  of(id: number): Seen | undefined {
    return this.#executions.get(id)
  }

  isSettled(id: number): boolean {
    return isSettled(this.#executions.get(id)?.state)
  }

  /** Executions that an incarnation holds. */
  heldBy(worker: number): number[] {
    return [...this.#running].filter(([, holder]) => holder === worker).map(([id]) => id)
  }

  waiting(): number[] {
    return [...this.#executions].filter(([, { state }]) => state === 'waiting').map(([id]) => id)
  }

  /** Whether a write of this incarnation to this execution was refused and recorded. */
  wasFenced(worker: number, id: number): boolean {
    return this.#fenced.has(`${worker} ${id}`)
  }
}

/** At rest: it has ended, or a person has to look. */
const isSettled = (state: State | undefined): boolean =>
  state !== undefined && (isTerminal(state) || state === 'waiting')
