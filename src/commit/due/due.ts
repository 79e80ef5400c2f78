import type { Ready } from '../../store/rows.ts'
import type { Memory } from '../memory.ts'
import { type Asking, ask, askFronts, type FrontAsk } from '../reads.ts'
import type { Workset } from '../workset.ts'
import { Front } from './front.ts'
import { Heads, inLine, isOlder, StoredHeads } from './heads.ts'
import { type Passes, passesMax } from './line.ts'

/** Due work in the order in which it is offered, and how many of it may be claimed before it is asked for anew. */
export interface Offer {
  readonly entries: readonly Ready[]
  readonly most: number
}

/** The due work of all queues, as this batch leaves it, in the order in which it is offered to claims. */
export class Due {
  readonly #work: Workset
  readonly #memory: Memory
  readonly #passes: Passes
  readonly #fronts = new Map<number, Front<Ready>>()
  readonly #heads = new Map<number, StoredHeads<Ready>>()

  constructor(work: Workset, memory: Memory, passes: Passes) {
    this.#work = work
    this.#memory = memory
    this.#passes = passes
  }

  /**
   * The next entries over some queues: by rank, then by turn within a queue and by due time between queues. When fifteen
   * have passed something of lower rank or of another queue, the oldest in front of its rank comes, and nobody younger.
   */
  *next(queues: readonly number[], count: number): Asking<Offer> {
    const fronts = this.unread(queues, count)
    // All in one go: each by itself would be one way to the store for each action that a worker knows.
    if (fronts.length > 1) this.take(fronts, yield* askFronts(fronts))
    const found: (readonly Ready[])[] = []
    for (const queue of queues) found.push(yield* this.#of(queue, count))
    const ordered = found.length === 1 ? (found[0] ?? []) : merged(found, count)
    const left = passesMax - 1 - this.#passes.of(lineOf(queues))
    const [first] = ordered
    if (first === undefined || ordered.length <= left) return { entries: ordered, most: ordered.length }
    const other = yield* this.#oldest(queues, found, first.rank)
    if (other === null) return { entries: ordered, most: ordered.length }
    if (left > 0) return { entries: ordered, most: left }
    // Any of these is the oldest if a claim must leave those before it.
    const end = ordered.findIndex((ready) => ready.rank !== first.rank || isOlder(other, ready))
    if (end === 0) return { entries: [other], most: 1 }
    return { entries: end < 0 ? ordered : ordered.slice(0, end), most: passesMax }
  }

  /** What of some queues would be read first, for so many entries. */
  unread(queues: readonly number[], count: number): readonly FrontAsk[] {
    return queues.flatMap((queue) => {
      const limit = this.#memory.maybeReady.has(queue) ? this.#front(queue).firstRead(count) : null
      return limit === null ? [] : { queue, limit }
    })
  }

  /** Takes what was read of them beside other questions of the same transaction. */
  take(fronts: readonly FrontAsk[], found: readonly (readonly Ready[])[]): void {
    for (const [index, { queue, limit }] of fronts.entries()) this.#front(queue).take(limit, found[index] ?? [])
  }

  /** One of these queues was claimed. */
  claimed(queues: readonly number[]): void {
    const line = lineOf(queues)
    this.#passes.set(line, (this.#passes.of(line) + 1) % passesMax)
  }

  /** The queues that were read, and whether nothing due was left in them. */
  read(): readonly { readonly queue: number; readonly emptied: boolean }[] {
    return [...this.#fronts].map(([queue, front]) => ({ queue, emptied: front.isEmpty }))
  }

  *#of(queue: number, count: number): Asking<readonly Ready[]> {
    const born = [...this.#born(queue)]
    const stored = this.#memory.maybeReady.has(queue) ? yield* this.#front(queue).first(count) : []
    if (born.length === 0) return stored
    // No more than asked for: behind the last one that was read, stored ones may come before what was born.
    return [...stored, ...born].sort(inLine).slice(0, count)
  }

  /** The head of another rank that has been due longest; null when there is none. */
  *#oldest(queues: readonly number[], found: readonly (readonly Ready[])[], rank: number): Asking<Ready | null> {
    let oldest: Ready | null = null
    for (const [index, queue] of queues.entries()) {
      const first = found[index]?.[0]
      if (first === undefined) continue
      const heads = new Heads<Ready>()
      heads.add(first)
      for (const ready of this.#born(queue)) heads.add(ready)
      if (this.#memory.maybeReady.has(queue))
        for (const ready of yield* this.#headsOf(queue).behind(first.rank)) heads.add(ready)
      const head = heads.oldest(rank)
      if (head !== null && (oldest === null || isOlder(head, oldest))) oldest = head
    }
    return oldest
  }

  /** What this batch made due. */
  *#born(queue: number): Iterable<Ready> {
    for (const ready of this.#work.readyAdd.values()) if (ready.queue === queue) yield ready
  }

  #isGone = (ready: Ready): boolean => this.#work.isGone(ready)

  #headsOf(queue: number): StoredHeads<Ready> {
    const known = this.#heads.get(queue)
    if (known !== undefined) return known
    const heads = new StoredHeads<Ready>((rank, each) => ask('readyHeads', queue, rank, each), this.#isGone)
    this.#heads.set(queue, heads)
    return heads
  }

  #front(queue: number): Front<Ready> {
    const known = this.#fronts.get(queue)
    if (known !== undefined) return known
    const front = new Front<Ready>((limit) => ask('ready', queue, limit), this.#isGone)
    this.#fronts.set(queue, front)
    return front
  }
}

const lineOf = (queues: readonly number[]): string => `queues:${queues.join()}`

/** Takes from the queue whose first is of the highest priority and has been due longest; each queue keeps its order. */
function merged(queues: readonly (readonly Ready[])[], count: number): readonly Ready[] {
  const places = queues.map(() => 0)
  const taken: Ready[] = []
  while (taken.length < count) {
    let least: Ready | undefined
    let from = -1
    for (const [index, rows] of queues.entries()) {
      const row = rows[places[index] ?? 0]
      if (row === undefined) continue
      if (least === undefined || row.rank < least.rank || (row.rank === least.rank && isOlder(row, least))) {
        least = row
        from = index
      }
    }
    if (least === undefined) break
    taken.push(least)
    places[from] = (places[from] ?? 0) + 1
  }
  return taken
}
