import type { Ready } from '../store/rows.ts'
import { Front } from './front.ts'
import { type Passes, passesMax } from './line.ts'
import type { Memory } from './memory.ts'
import { type Asking, ask } from './reads.ts'
import type { Workset } from './workset.ts'

/** The due work of all queues, as this batch leaves it, in the order in which it is offered to claims. */
export class Due {
  readonly #work: Workset
  readonly #memory: Memory
  readonly #passes: Passes
  readonly #fronts = new Map<number, Front<Ready>>()
  /** How many of a queue this batch claimed out of order. */
  readonly #picked = new Map<number, number>()

  constructor(work: Workset, memory: Memory, passes: Passes) {
    this.#work = work
    this.#memory = memory
    this.#passes = passes
  }

  /**
   * The next entries over some queues: by rank, then by turn within a queue and by due time between queues. When fifteen
   * have passed something of lower rank or of another queue, the oldest in front of its rank comes alone.
   */
  *next(queues: readonly number[], count: number): Asking<readonly Ready[]> {
    const found: (readonly Ready[])[] = []
    for (const queue of queues) found.push(yield* this.#of(queue, count))
    const ordered = found.length === 1 ? (found[0] ?? []) : merged(found, count)
    const left = passesMax - 1 - this.#passes.of(lineOf(queues))
    if (ordered.length <= left) return ordered
    const oldest = yield* this.#oldest(queues, found)
    if (oldest === null || oldest === ordered[0]) return ordered
    return left > 0 ? ordered.slice(0, left) : [oldest]
  }

  claimed(queues: readonly number[], ready: Ready): void {
    const line = lineOf(queues)
    this.#passes.set(line, (this.#passes.of(line) + 1) % passesMax)
    this.#picked.set(ready.queue, (this.#picked.get(ready.queue) ?? 0) + 1)
  }

  /** The queues that were read, and whether nothing due was left in them. */
  read(): readonly { readonly queue: number; readonly emptied: boolean }[] {
    return [...this.#fronts].map(([queue, front]) => ({ queue, emptied: front.isEmpty }))
  }

  *#of(queue: number, count: number): Asking<readonly Ready[]> {
    const born: Ready[] = []
    for (const ready of this.#work.readyAdd.values()) if (ready.queue === queue) born.push(ready)
    const stored = this.#memory.maybeReady.has(queue) ? yield* this.#front(queue).first(count) : []
    if (born.length === 0) return stored
    return [...stored, ...born].sort(inLine)
  }

  /** The head of a rank that has been due longest; null when everything stands in one line anyway. */
  *#oldest(queues: readonly number[], found: readonly (readonly Ready[])[]): Asking<Ready | null> {
    let oldest: Ready | null = null
    let lines = 0
    for (const [index, queue] of queues.entries()) {
      const first = found[index]?.[0]
      if (first === undefined) continue
      const ranks = new Map<number, Ready>()
      for (const ready of found[index] ?? []) if (!ranks.has(ready.rank)) ranks.set(ready.rank, ready)
      if (this.#memory.maybeReady.has(queue)) {
        const each = 1 + (this.#picked.get(queue) ?? 0)
        for (const head of yield* ask('readyHeads', queue, first.rank, each)) {
          if (!ranks.has(head.rank) && !this.#work.isGone(head)) ranks.set(head.rank, head)
        }
      }
      lines += ranks.size
      for (const head of ranks.values()) if (oldest === null || isOlder(head, oldest)) oldest = head
    }
    return lines > 1 ? oldest : null
  }

  #front(queue: number): Front<Ready> {
    const known = this.#fronts.get(queue)
    if (known !== undefined) return known
    const front = new Front<Ready>(
      (limit) => ask('ready', queue, limit),
      (ready) => this.#work.isGone(ready),
    )
    this.#fronts.set(queue, front)
    return front
  }
}

const lineOf = (queues: readonly number[]): string => `queues:${queues.join()}`

const inLine = (a: Ready, b: Ready): number => a.rank - b.rank || a.turn - b.turn || a.id - b.id

const isOlder = (a: Ready, b: Ready): boolean => (a.availableAt - b.availableAt || a.id - b.id) < 0

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
