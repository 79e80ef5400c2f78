import { lockKey } from '../../store/place.ts'
import type { Parked, Waiter } from '../../store/rows.ts'
import type { Memory } from '../memory.ts'
import type { PermitRows } from '../permits/permit-rows.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'
import { Front } from './front.ts'
import { Heads, inLine, StoredHeads } from './heads.ts'

/**
 * Of so many that are claimed, or woken from one line, at least one is the oldest of those in front of their rank: no
 * flood of higher priority can hold work up for ever.
 */
export const passesMax = 16

/** Lines of which it is remembered how many passed; the oldest are forgotten, and count anew. */
const linesMax = 10_000

/** Counts how many went since the oldest last did, by what they stood in line for. */
export class Passes {
  readonly #memory: Memory
  readonly #changed = new Map<string, number>()

  constructor(memory: Memory) {
    this.#memory = memory
  }

  of(line: string): number {
    return this.#changed.get(line) ?? this.#memory.passes.get(line) ?? 0
  }

  set(line: string, passes: number): void {
    this.#changed.set(line, passes)
  }

  committed(): void {
    const { passes } = this.#memory
    for (const [line, count] of this.#changed) {
      passes.delete(line)
      passes.set(line, count)
    }
    for (const line of passes.keys()) {
      if (passes.size <= linesMax) break
      passes.delete(line)
    }
  }
}

export type InLine =
  | { readonly kind: 'step'; readonly waiter: Waiter }
  | { readonly kind: 'parked'; readonly parked: Parked }

/** Who is parked on which key, and who is next. */
export class Lines {
  readonly #work: Workset
  readonly #passes: Passes
  readonly #fronts = new Map<string, Front<Parked>>()
  readonly #heads = new Map<string, StoredHeads<Parked>>()

  constructor(work: Workset, passes: Passes) {
    this.#work = work
    this.#passes = passes
  }

  /** The first in line for a permit. Steps stand before whole executions of the same rank: they keep a worker waiting. */
  *next(tenant: string, key: string, rows: PermitRows): Asking<InLine | null> {
    const name = lockKey(tenant, key)
    const waiters = yield* rows.waitersOf(tenant, key)
    const parked = yield* this.first(name)
    const isOldest = this.#passes.of(name) >= passesMax - 1
    const waiter = isOldest ? oldest(waiters) : waiters[0]
    if (waiter === undefined) return parked === null ? null : { kind: 'parked', parked }
    const stepFirst = parked === null || (isOldest ? waiter.since <= parked.availableAt : waiter.rank <= parked.rank)
    return stepFirst ? { kind: 'step', waiter } : { kind: 'parked', parked }
  }

  /** The first parked on a key: in order of rank and turn, and each sixteenth time the oldest in front of its rank. */
  *first(name: string): Asking<Parked | null> {
    const [stored] = yield* this.#front(name).first(1)
    let first = stored ?? null
    const heads = new Heads<Parked>()
    for (const parked of this.#work.parkedAdd.values()) {
      if (parked.key !== name) continue
      heads.add(parked)
      if (first === null || inLine(parked, first) < 0) first = parked
    }
    if (first === null || this.#passes.of(name) < passesMax - 1) return first
    for (const parked of yield* this.#headsOf(name).behind(Number.MIN_SAFE_INTEGER)) heads.add(parked)
    return heads.oldest() ?? first
  }

  /** One of the line was woken. */
  passed(name: string): void {
    this.#passes.set(name, (this.#passes.of(name) + 1) % passesMax)
  }

  /** What this batch took out stands here no more; what it added stands in the work. */
  #isGone = ({ id }: Parked): boolean => this.#work.parkedRemove.has(id)

  #headsOf(name: string): StoredHeads<Parked> {
    const known = this.#heads.get(name)
    if (known !== undefined) return known
    const heads = new StoredHeads<Parked>((rank, each) => ask('parkedHeads', name, rank, each), this.#isGone)
    this.#heads.set(name, heads)
    return heads
  }

  #front(name: string): Front<Parked> {
    const known = this.#fronts.get(name)
    if (known !== undefined) return known
    const front = new Front<Parked>((limit) => ask('parked', name, limit), this.#isGone)
    this.#fronts.set(name, front)
    return front
  }
}

const oldest = (waiters: readonly Waiter[]): Waiter | undefined => [...waiters].sort((a, b) => a.turn - b.turn)[0]
