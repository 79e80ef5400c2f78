import { type Clock, sleepOn, type Timer } from './sleep.ts'

interface PendingTimer {
  readonly at: number
  readonly sequence: number
  readonly fire: () => void
}

// Kept from before a test replaces the timers of Node by its own.
const { setImmediate: afterMicrotasks } = globalThis

/** A clock that stands still until it is told to move; timers fire in the order of their time, then of their making. */
export class VirtualClock implements Clock {
  /** What timers go by; the wall may be set off from it. */
  #nowMs: number
  #setMs = 0
  #sequence = 0
  // Sorted by time and sequence; the next one to fire is the first.
  readonly #timers: PendingTimer[] = []

  constructor(startAt = Date.UTC(2026, 0, 1)) {
    this.#nowMs = startAt
  }

  now(): number {
    return this.#nowMs + this.#setMs
  }

  elapsed(): number {
    return this.#nowMs
  }

  timer(ms: number, fire: () => void): Timer {
    this.#sequence += 1
    const waitMs = Number.isNaN(ms) ? 0 : Math.max(0, Math.ceil(ms))
    const timer: PendingTimer = { at: this.#nowMs + waitMs, sequence: this.#sequence, fire }
    this.#timers.splice(this.#indexOf(timer), 0, timer)
    return {
      cancel: () => {
        const index = this.#indexOf(timer)
        if (this.#timers[index] === timer) this.#timers.splice(index, 1)
      },
    }
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal)
  }

  /** Sets the wall forward, as a person, NTP or a suspended machine does: no timer rings sooner for it. */
  setForward(ms: number): void {
    this.#setMs += ms
  }

  /** Number of timers that have not fired. */
  pending(): number {
    return this.#timers.length
  }

  /** When the next timer fires, in epoch ms. */
  nextAt(): number | undefined {
    const at = this.#timers[0]?.at
    return at === undefined ? undefined : at + this.#setMs
  }

  /** Moves on by `ms` and fires what becomes due, letting promises settle before each timer and at the end. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await drain()
    for (let next = this.#timers[0]; next !== undefined && next.at <= endMs; next = this.#timers[0]) {
      this.#fire(next)
      await drain()
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
  }

  /** Moves on to the next timer and fires it; `false` if there is none. */
  async runNext(): Promise<boolean> {
    await drain()
    const next = this.#timers[0]
    if (next === undefined) return false
    this.#fire(next)
    await drain()
    return true
  }

  #fire(timer: PendingTimer): void {
    this.#timers.shift()
    this.#nowMs = Math.max(this.#nowMs, timer.at)
    timer.fire()
  }

  #indexOf(timer: PendingTimer): number {
    let low = 0
    let high = this.#timers.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = this.#timers[middle]
      const before =
        other !== undefined && (other.at < timer.at || (other.at === timer.at && other.sequence < timer.sequence))
      if (before) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Lets every promise that can settle without a timer settle. */
function drain(): Promise<void> {
  return new Promise((resolve) => {
    afterMicrotasks(resolve)
  })
}
