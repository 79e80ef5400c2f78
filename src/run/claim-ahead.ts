import type { Claimed } from '../commit/order.ts'

/** Work for so long may wait beside full slots: what covers the way to the store and back, and no more. */
const aheadMs = 50
/** Where half of that does not cover the way, as in a crowd of writers, so much waits as is used up on four; this at most. */
const longestMs = 250
const waysMax = 4
const aheadMax = 1_000

interface Waiting {
  readonly claimed: Claimed
  readonly at: number
}

/**
 * Claimed executions that wait for a free slot. When all slots turn over within 50 ms, asking the store for each free
 * one would leave them empty most of the time; so as much is claimed ahead as 50 ms have used up, and nothing while
 * handlers are slower: they keep no work from other workers. How much the slots could use up is known from how long
 * handlers run, and not from how many have ended: slots that stand empty because the store is slow end none.
 */
export class ClaimAhead {
  readonly #slots: number
  #waiting: Waiting[] = []
  #windowAt: number
  #ended = 0
  #ahead = 0
  /** Handlers that run, since when, and how long all of them ran in this window. */
  #running = 0
  #ranAt: number
  #ranMs = 0
  /** From a claim to its answer while work is there. */
  #wayMs = 0
  #wasFull = false

  constructor(slots: number, now: number) {
    this.#slots = slots
    this.#windowAt = now
    this.#ranAt = now
  }

  get size(): number {
    return this.#waiting.length
  }

  /** A handler has begun. */
  begun(now: number): void {
    this.#pass(now)
    this.#running += 1
  }

  /** A handler has ended. */
  ended(now: number): void {
    this.#pass(now)
    this.#running -= 1
    this.#ended += 1
  }

  /** A claim was answered. Behind a full answer there was more, so that another full one took as long as the way does. */
  answered(isFull: boolean, tookMs: number): void {
    if (isFull && this.#wasFull) this.#wayMs += (tookMs - this.#wayMs) / 4
    this.#wasFull = isFull
  }

  /** How many more to claim while `running` handlers run; 0 while enough waits. */
  room(running: number, now: number): number {
    const passedMs = now - this.#windowAt
    if (passedMs >= aheadMs) {
      this.#pass(now)
      this.#ahead = this.#bounded(Math.max((this.#ended * aheadMs) / passedMs, this.#usedOnTheWay()))
      this.#ended = 0
      this.#ranMs = 0
      this.#windowAt = now
    } else {
      this.#ahead = Math.max(this.#ahead, this.#bounded(this.#ended))
    }
    const free = this.#slots - running + this.#ahead - this.#waiting.length
    // In two halves: while one is worked off, the store prepares the other. Where the way is long each half lasts for two
    // of them, for no turn comes as regularly as the one before.
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

  /** What full slots use up on a way that is longer than most; 0 where it is not, or handlers are slow. */
  #usedOnTheWay(): number {
    const there = Math.min(waysMax * this.#wayMs, longestMs)
    const eachMs = this.#ranMs / Math.max(1, this.#ended)
    return this.#wayMs <= aheadMs / 2 || eachMs === 0 || eachMs > aheadMs ? 0 : (this.#slots * there) / eachMs
  }

  #pass(now: number): void {
    this.#ranMs += this.#running * (now - this.#ranAt)
    this.#ranAt = now
  }

  #bounded(ended: number): number {
    const ahead = Math.min(aheadMax, Math.round(ended))
    return ahead < this.#slots ? 0 : ahead
  }
}
