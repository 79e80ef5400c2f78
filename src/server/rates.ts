import type { Clock } from '../time/clock.ts'

/** Bounds the memory; whoever asked longest ago is forgotten first, and begins with a full bucket again. */
const keysMax = 10_000

export interface Rate {
  readonly perSecond: number
  /** How many may come at once after a rest. */
  readonly burst: number
}

/** A token bucket for each key, in the memory of this process (generic cell rate algorithm: one number a key). */
export class Rates {
  readonly #clock: Pick<Clock, 'now'>
  readonly #intervalMs: number
  readonly #toleranceMs: number
  /** When the next one would be due if all came evenly. */
  readonly #dueAt = new Map<string, number>()

  constructor(clock: Pick<Clock, 'now'>, { perSecond, burst }: Rate) {
    this.#clock = clock
    this.#intervalMs = 1000 / perSecond
    this.#toleranceMs = this.#intervalMs * (burst - 1)
  }

  /** Takes one; gives 0, or the milliseconds until there is one again. */
  take(key: string): number {
    const waitMs = this.waitMs(key)
    if (waitMs > 0) return waitMs
    const now = this.#clock.now()
    const due = Math.max(this.#dueAt.get(key) ?? now, now)
    // Deleted first, so that the map stays in the order of use.
    this.#dueAt.delete(key)
    this.#dueAt.set(key, due + this.#intervalMs)
    for (const oldest of this.#dueAt.keys()) {
      if (this.#dueAt.size <= keysMax) break
      this.#dueAt.delete(oldest)
    }
    return 0
  }

  /** The same without taking any. */
  waitMs(key: string): number {
    return Math.max(0, (this.#dueAt.get(key) ?? 0) - this.#toleranceMs - this.#clock.now())
  }
}
