import type { DrainAsked, Held } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import { Refused } from '../errors/refusal.ts'
import type { Clock, Timer } from '../time/clock.ts'

export interface Lease {
  readonly id: number
  readonly fence: number
}

/** What a heart tells its worker. */
export interface HeartNews {
  /** The lease is over or may be: abort, write nothing. */
  lost(lease: Lease, reason: string): void
  /** Somebody asked to cancel. */
  cancel(lease: Lease): void
  /** The other side does not know this incarnation any more: sign on again. */
  unknown(): void
  /** Work that must run alone waits for a worker. */
  suspects?(): void
  /** Somebody asked this worker to take no more. */
  drain?(asked: DrainAsked): void
}

/** Renews the leases that a worker holds, until it is stopped. */
export interface Heart {
  /** Resolves once it can beat: nothing should be claimed before. */
  readonly ready: Promise<void>
  hold(lease: Lease): void
  release(lease: Lease): void
  stop(): Promise<void>
}

/** Sends one heartbeat; says in its answer which executions are lost or to be cancelled. */
export type Pulse = (beat: { readonly held: readonly Held[]; readonly stalledMs: number | null }) => Promise<{
  readonly lost: readonly number[]
  readonly cancel: readonly number[]
  readonly suspects?: boolean | undefined
  readonly drain?: DrainAsked | undefined
}>

export interface BeatTimes {
  readonly leaseMs: number
  readonly heartbeatMs: number
}

interface HeldLease extends Lease {
  /** When the last renewal that was answered set out. */
  renewedAt: number
  cancelChecks: number
}

/**
 * The leases of one worker and when they were renewed: the same for every heart, wherever it beats. A beat speaks of
 * young leases too: it is what asks whether somebody wants to cancel.
 */
export class Beats {
  readonly #held = new Map<number, HeldLease>()
  readonly #times: BeatTimes
  readonly #pulse: Pulse
  readonly #news: HeartNews

  constructor(times: BeatTimes, pulse: Pulse, news: HeartNews) {
    this.#times = times
    this.#pulse = pulse
    this.#news = news
  }

  hold({ id, fence }: Lease, now: number): void {
    const earlier = this.#held.get(id)
    if (earlier !== undefined) this.#news.lost(earlier, 'the execution was claimed again')
    this.#held.set(id, { id, fence, renewedAt: now, cancelChecks: 0 })
  }

  release({ id, fence }: Lease): void {
    if (this.#held.get(id)?.fence === fence) this.#held.delete(id)
  }

  /** Gives true when the beat was answered. */
  async beat(now: number, stalledMs: number | null): Promise<boolean> {
    const due = [...this.#held.values()]
    const held = due.map(({ id, fence, cancelChecks }): Held => ({ id, fence, cancelChecks: cancelChecks + 1 }))
    try {
      const { lost, cancel, suspects, drain } = await this.#pulse({ held, stalledMs })
      for (const lease of due) {
        lease.cancelChecks += 1
        if (stalledMs === null) lease.renewedAt = now
      }
      if (suspects === true) this.#news.suspects?.()
      if (drain !== undefined) this.#news.drain?.(drain)
      for (const id of lost) this.#lose(id, due, 'another worker may hold it by now')
      for (const id of cancel) {
        const lease = due.find((each) => each.id === id)
        if (lease !== undefined) this.#news.cancel(lease)
      }
      return true
    } catch (thrown) {
      if (thrown instanceof Refused && thrown.code === 'worker_unknown') this.#news.unknown()
      const { message } = classify(thrown)
      for (const { id, renewedAt } of due) {
        if (now - renewedAt >= this.#times.leaseMs) this.#lose(id, due, `no renewal for the whole lease: ${message}`)
      }
      return false
    }
  }

  /** Only the lease that the beat spoke of: a newer one of the same execution is not meant. */
  #lose(id: number, asked: readonly HeldLease[], reason: string): void {
    const lease = this.#held.get(id)
    if (lease === undefined || !asked.includes(lease)) return
    this.#held.delete(id)
    this.#news.lost(lease, reason)
  }
}

/** Calls `beat` every heartbeat, and four times as often while it is not answered; one at a time. */
export function rhythm(clock: Clock, heartbeatMs: number, beat: () => Promise<boolean>): { stop(): Promise<void> } {
  let timer: Timer | undefined
  let beating: Promise<void> = Promise.resolve()
  let isStopped = false
  const arm = (ms: number): void => {
    if (!isStopped) {
      timer = clock.timer(ms, () => {
        beating = beat().then((isAnswered) => arm(isAnswered ? heartbeatMs : Math.max(1, heartbeatMs / 4)))
      })
    }
  }
  arm(heartbeatMs)
  return {
    async stop() {
      isStopped = true
      timer?.cancel()
      await beating
    },
  }
}

/** Beats on the clock of its caller: for a worker in the process of the writer, and for simulated time. */
export function timerHeart(clock: Clock, times: BeatTimes, pulse: Pulse, news: HeartNews): Heart {
  const beats = new Beats(times, pulse, news)
  const beating = rhythm(clock, times.heartbeatMs, () => beats.beat(clock.now(), null))
  return {
    ready: Promise.resolve(),
    hold: (lease) => beats.hold(lease, clock.now()),
    release: (lease) => beats.release(lease),
    stop: () => beating.stop(),
  }
}
