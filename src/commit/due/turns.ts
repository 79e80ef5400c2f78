import { type Execution, isSuspect } from '../../execution/execution.ts'
import type { Ready } from '../../store/rows.ts'
import { laneOf } from '../fleet/registry.ts'
import type { Memory } from '../memory.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'

/** Pairs of which the newest turn is remembered; others are asked for. */
const lastTurnsMax = 10_000

interface LastTurn {
  readonly execution: Execution
  last: number
}

/**
 * Gives due work its place in line, fair between tenants: start-time fair queuing (Goyal, Vin, Cheng 1996). A turn is one
 * more than the tenant's newest, or than the turn that claims have come to, whichever is later. So tenants alternate, a
 * tenant's own work keeps its order, whoever was away gains nothing by it, and a claim stays one read of an index.
 */
export class Turns {
  readonly #memory: Memory
  readonly #work: Workset
  readonly #last = new Map<string, LastTurn>()
  readonly #virtual = new Map<string, number>()

  constructor(memory: Memory, work: Workset) {
    this.#memory = memory
    this.#work = work
  }

  /** Places everything that this batch made due, in the order in which it became due. */
  *place(): Asking<void> {
    const { unplaced, readyAdd } = this.#work
    if (unplaced.size === 0) return
    const due = [...unplaced.values()]
    due.sort((a, b) => a.availableAt - b.availableAt || a.id - b.id)
    yield* this.#load(due)
    let virtual = 0
    let entry: LastTurn | undefined
    let before: Execution | undefined
    for (const execution of due) {
      const { queue, rank, id, availableAt, tenant } = execution
      if (entry === undefined || before?.queue !== queue || before.rank !== rank || before.tenant !== tenant) {
        const pair = pairOf(execution)
        virtual = this.#virtualOf(levelOf(queue, rank)) ?? 0
        entry = this.#last.get(pair) ?? { execution, last: this.#memory.lastTurns.get(pair) ?? 0 }
        this.#last.set(pair, entry)
        before = execution
      }
      entry.last = Math.max(virtual, entry.last) + 1
      const lane = isSuspect(execution) ? laneOf(queue) : queue
      readyAdd.set(id, { queue: lane, rank, turn: entry.last, id, availableAt, paid: this.#work.paid.has(id) })
    }
    unplaced.clear()
  }

  /** The line has moved on to this entry. */
  claimed({ queue, rank, turn }: Ready): void {
    const level = levelOf(queue, rank)
    if (turn > (this.#virtualOf(level) ?? 0)) this.#virtual.set(level, turn)
  }

  flush(): void {
    for (const { execution, last } of this.#last.values()) {
      this.#work.turns.push({ queue: execution.queue, rank: execution.rank, tenant: execution.tenant, last })
    }
  }

  committed(): void {
    const { lastTurns, virtualTimes } = this.#memory
    for (const [pair, { last }] of this.#last) {
      lastTurns.delete(pair)
      lastTurns.set(pair, last)
    }
    for (const pair of lastTurns.keys()) {
      if (lastTurns.size <= lastTurnsMax) break
      lastTurns.delete(pair)
    }
    for (const [level, turn] of this.#virtual) virtualTimes.set(level, turn)
  }

  #virtualOf(level: string): number | undefined {
    return this.#virtual.get(level) ?? this.#memory.virtualTimes.get(level)
  }

  /** Asks for the turns that nobody remembers. */
  *#load(due: readonly Execution[]): Asking<void> {
    const unknown = new Map<string, Execution>()
    let before: Execution | undefined
    for (const execution of due) {
      const { queue, rank, tenant } = execution
      if (before?.queue === queue && before.rank === rank && before.tenant === tenant) continue
      before = execution
      const level = levelOf(queue, rank)
      if (this.#virtualOf(level) === undefined) this.#virtual.set(level, yield* ask('virtualTime', queue, rank))
      const pair = pairOf(execution)
      if (!this.#last.has(pair) && !this.#memory.lastTurns.has(pair)) unknown.set(pair, execution)
    }
    if (unknown.size === 0) return
    const asked = [...unknown]
    const pairs = asked.map(([, { queue, rank, tenant }]) => ({ queue, rank, tenant }))
    const stored = yield* ask('turns', pairs)
    for (const [index, [pair, execution]] of asked.entries())
      this.#last.set(pair, { execution, last: stored[index] ?? 0 })
  }
}

const levelOf = (queue: number, rank: number): string => `${queue} ${rank}`
const pairOf = ({ queue, rank, tenant }: Execution): string => `${queue} ${rank} ${tenant}`
