import type { Claimed } from '../commit/order.ts'

/** Work for so long may wait beside full slots: what covers the way to the store and back, and no more. */
const aheadMs = 50
const aheadMax = 1_000

interface Waiting {
  readonly claimed: Claimed
  readonly at: number
}

/**
 * Claimed executions that wait for a free slot. When all slots turn over within 50 ms, asking the store for each free
 * one would leave them empty most of the time; so as much is claimed ahead as 50 ms have used up, and nothing while
 * handlers are slower: they keep no work from other workers.
 */
export class ClaimAhead {
  readonly #slots: number
  #waiting: Waiting[] = []
  #windowAt: number
  #ended = 0
  #ahead = 0

  constructor(slots: number, now: number) {
    this.#slots = slots
    this.#windowAt = now
  }

  get size(): number {
    return this.#waiting.length
  }

  /** A handler has ended. */
  ended(): void {
    this.#ended += 1
  }

  /** How many more to claim while `running` handlers run; 0 while enough waits. */
  room(running: number, now: number): number {
    const passedMs = now - this.#windowAt
    if (passedMs >= aheadMs) {
      this.#ahead = this.#bounded((this.#ended * aheadMs) / passedMs)
      this.#ended = 0
      this.#windowAt = now
    } else {
      this.#ahead = Math.max(this.#ahead, this.#bounded(this.#ended))
    }
    const free = this.#slots - running + this.#ahead - this.#waiting.length
    // In two halves: while one is worked off, the store prepares the other.
    return Math.max(0, Math.min(free, Math.max(this.#slots, Math.ceil(this.#ahead / 2))))
  }

  put(claimed: readonly Claimed[], now: number): void {
    for (const each of claimed) this.#waiting.push({ claimed: each, at: now })
  }

  next(): Claimed | undefined {
    return this.#waiting.shift()?.claimed
  }

  /** Takes out what has waited since `since` or longer: somebody else may be free for it. */
  takeOlder(since: number): Claimed[] {
    const older = this.#waiting.filter(({ at }) => at <= since)
    if (older.length > 0) this.#waiting = this.#waiting.filter(({ at }) => at > since)
    return older.map(({ claimed }) => claimed)
  }

  #bounded(ended: number): number {
    const ahead = Math.min(aheadMax, Math.round(ended))
    return ahead < this.#slots ? 0 : ahead
  }
}
