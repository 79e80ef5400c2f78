export interface TimeSources {
  /** Epoch milliseconds as the machine has them; people and NTP set them forth and back. */
  readonly wall: () => number
  /** Milliseconds that only grow, from any start. */
  readonly monotonic: () => number
}

/** While the wall is behind, a second of the steady time lasts this part of a real one less. */
const slewShare = 0.1

/**
 * Epoch time that never goes backward. A wall that is set forward is followed at once. One that is set back is met
 * gently: time goes on at nine tenths of its pace until the wall has caught up, so that no order of events is turned
 * around and no stored work is delayed by more than a tenth.
 */
export class SteadyTime {
  readonly #sources: TimeSources
  #at: number
  #seen: number

  /** `floorAt`: the newest time on record; a wall behind it counts as one that was set back. */
  constructor(sources: TimeSources, floorAt = Number.NEGATIVE_INFINITY) {
    this.#sources = sources
    this.#seen = sources.monotonic()
    this.#at = Math.max(sources.wall(), floorAt)
  }

  /** Epoch milliseconds, an integer, never less than the one before. */
  now(): number {
    const monotonic = this.#sources.monotonic()
    const elapsedMs = Math.max(0, monotonic - this.#seen)
    this.#seen += elapsedMs
    const wall = this.#sources.wall()
    // The slow pace is a floor: a wall that is ahead of it leads, at whatever pace or leap.
    this.#at = Math.max(this.#at + elapsedMs * (1 - slewShare), wall)
    return Math.floor(this.#at)
  }
}

/** Beyond this the wall was set, not corrected. */
const jumpMsMin = 1_000

/** Sees when the wall was set forward, or stood still with the whole machine, by the time that has really passed. */
export class JumpWatch {
  readonly #clock: { now(): number; elapsed(): number }
  #now: number
  #elapsed: number

  constructor(clock: { now(): number; elapsed(): number }) {
    this.#clock = clock
    this.#now = clock.now()
    this.#elapsed = clock.elapsed()
  }

  /** The jump since the last look: when it began at the latest, and by how much it went. Null when there was none. */
  look(): { readonly fromAt: number; readonly byMs: number } | null {
    const [now, elapsed] = [this.#clock.now(), this.#clock.elapsed()]
    const byMs = Math.round(now - this.#now - (elapsed - this.#elapsed))
    const fromAt = this.#now
    this.#now = now
    this.#elapsed = elapsed
    return byMs > jumpMsMin ? { fromAt, byMs } : null
  }
}
