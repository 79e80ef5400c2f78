import { type Refusal, Refused } from '../errors/refusal.ts'
import type { Random } from '../identity/random.ts'
import { backoffMs, type RetryPolicy } from '../time/backoff.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Carrier } from './carrier.ts'
import { patience } from './patience.ts'

export interface BreakerOptions {
  /** @throws Refused for what somebody has to correct; any other failure may pass by itself */
  readonly connect: () => Promise<Carrier>
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  readonly log: (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void
}

export type DispatchStatus =
  | { readonly isUp: true }
  /** Since when, in epoch milliseconds, and why hints are not carried. */
  | { readonly isUp: false; readonly since: number; readonly why: string }

/** A write this often shows that the carrier still works; one that takes longer than `answerMs` shows that it does not. */
const probeMs = 1_000
const answerMs = 2_000
const pauses: RetryPolicy = { maxAttempts: 1, baseMs: 500, multiplier: 2, capMs: 15_000, jitter: 'full' }

/**
 * Holds the carrier while it works, and looks for it again while it does not. Nobody ever waits for it: whoever asks while
 * there is none goes without at once. Both changes are told, once each.
 */
export class Breaker {
  readonly #options: BreakerOptions
  readonly #listeners = new Set<(carrier: Carrier | null) => void>()
  #carrier: Carrier | null = null
  #down: { readonly since: number; readonly why: string } | null = null
  #tries = 0
  #timer: Timer | undefined
  #watching = new AbortController()
  #trying: Promise<void> | undefined
  #isClosed = false

  constructor(options: BreakerOptions) {
    this.#options = options
  }

  get carrier(): Carrier | null {
    return this.#carrier
  }

  status(): DispatchStatus {
    return this.#down === null ? { isUp: true } : { isUp: false, ...this.#down }
  }

  /** For people, while it is away. */
  notice(): string | null {
    if (this.#down === null) return null
    const seconds = Math.round((this.#options.clock.now() - this.#down.since) / 1_000)
    return `Redis away for ${seconds} s (${this.#down.why}): work is found in the store`
  }

  /**
   * The first try. A carrier that does not answer is looked for further on: what it carries can be found without it.
   *
   * @throws Refused what somebody has to correct before anything starts
   */
  async open(): Promise<void> {
    try {
      this.#rise(await this.#options.connect())
    } catch (thrown) {
      if (thrown instanceof Refused) throw thrown
      this.#fall(reasonOf(thrown))
    }
  }

  /** Tells at once what there is, and then of every change. */
  listen(listener: (carrier: Carrier | null) => void): void {
    this.#listeners.add(listener)
    listener(this.#carrier)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#trying
    const carrier = this.#carrier
    this.#carrier = null
    this.#watching.abort()
    this.#tell()
    await carrier?.close()
  }

  /** Whoever used it has met a failure; of one that is not used any more, nothing is told. */
  fail(carrier: Carrier, thrown: unknown): void {
    if (this.#carrier === carrier) void this.#lose(carrier, reasonOf(thrown))
  }

  #rise(carrier: Carrier): void {
    const { clock, log } = this.#options
    this.#carrier = carrier
    this.#tries = 0
    if (this.#down !== null) {
      const awaySeconds = Math.round((clock.now() - this.#down.since) / 100) / 10
      log('info', 'Redis is back: work is dispatched through it again.', { awaySeconds })
    }
    this.#down = null
    this.#watching = new AbortController()
    void this.#watch(carrier, this.#watching.signal)
    this.#tell()
  }

  #fall(why: string): void {
    const { clock, random, log } = this.#options
    if (this.#isClosed) return
    if (this.#down === null) {
      this.#down = { since: clock.now(), why }
      log('warn', `Redis is away: ${why}. Work is found in the store until it is back.`, {})
    } else {
      this.#down = { ...this.#down, why }
    }
    this.#tries += 1
    this.#timer = clock.timer(backoffMs(pauses, this.#tries, random.next()), () => {
      this.#trying = this.#try()
    })
  }

  async #try(): Promise<void> {
    try {
      const carrier = await this.#options.connect()
      if (this.#isClosed) await carrier.close()
      else this.#rise(carrier)
    } catch (thrown) {
      this.#fall(reasonOf(thrown))
    }
  }

  async #watch(carrier: Carrier, over: AbortSignal): Promise<void> {
    const why = await Promise.race([carrier.failed, this.#silence(carrier, over)])
    if (this.#carrier === carrier) await this.#lose(carrier, reasonOf(why))
  }

  async #lose(carrier: Carrier, why: string): Promise<void> {
    this.#carrier = null
    this.#watching.abort()
    this.#tell()
    this.#fall(why)
    await carrier.close()
  }

  /** Resolves once a write fails or is not answered in time. */
  async #silence(carrier: Carrier, over: AbortSignal): Promise<string> {
    const { clock } = this.#options
    while (!over.aborted) {
      const late = patience(clock, answerMs)
      const probed = carrier.probe().then(() => null, reasonOf)
      const why = await Promise.race([probed, late.over.then(() => `no answer for ${answerMs / 1_000} s`)])
      late.cancel()
      if (why !== null) return why
      await clock.sleep(probeMs, over).catch(() => {})
    }
    return 'it was closed'
  }

  #tell(): void {
    for (const listener of this.#listeners) listener(this.#carrier)
  }
}

const reasonOf = (thrown: unknown): string => {
  const refusal: Refusal | undefined = thrown instanceof Refused ? thrown.refusal : undefined
  return (refusal?.reason ?? (thrown instanceof Error ? thrown.message : String(thrown))).replace(/\.$/, '')
}
