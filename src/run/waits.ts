import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Awaited, Signal, Step } from '../execution/execution.ts'
import type { AsksPeople } from '../execution/run-outcome.ts'
import { decoded } from './decoding.ts'

/** What one call of a handler waits for outside of this process. */
export interface Wait {
  /** Null without a limit. */
  readonly wakeAt: number | null
  readonly awaits: Awaited | null
}

/** What the whole run waits for: whichever comes first. */
export interface Suspension {
  readonly wakeAt: number | null
  readonly awaits: readonly Awaited[]
  /** People have to agree first. */
  readonly reason?: AsksPeople | undefined
}

/**
 * The calls of one run that wait for something outside of it. While another call is under way, they wait here; once
 * every call waits, nothing can happen in this process any more and the run is suspended.
 */
export class Waits {
  readonly #waiting = new Map<Wait, (reason: unknown) => void>()
  readonly #callsInFlight: () => number
  readonly #onAllWaiting: (suspension: Suspension) => void

  constructor(callsInFlight: () => number, onAllWaiting: (suspension: Suspension) => void) {
    this.#callsInFlight = callsInFlight
    this.#onAllWaiting = onAllWaiting
  }

  /** How many calls wait for a signal of this name. */
  awaiting(name: string): number {
    return [...this.#waiting.keys()].filter(({ awaits }) => awaits?.name === name).length
  }

  /** Never resolves: what was waited for is found by the run that is woken. */
  add(wait: Wait): Promise<never> {
    return new Promise((_, reject) => {
      this.#waiting.set(wait, reject)
      this.look()
    })
  }

  /** To be called whenever a call has settled. */
  look(): void {
    if (this.#allWait()) void this.#suspendUnlessMore()
  }

  /** Ends all waiting, because the run ends. Hardly a run waits, and an error is dear to make: only then is it asked for. */
  end(reason: () => unknown): void {
    if (this.#waiting.size === 0) return
    const why = reason()
    for (const reject of this.#waiting.values()) reject(why)
    this.#waiting.clear()
  }

  #allWait(): boolean {
    return this.#waiting.size > 0 && this.#waiting.size >= this.#callsInFlight()
  }

  /** A handler whose call has just settled makes its next one within this turn. */
  async #suspendUnlessMore(): Promise<void> {
    await nextTurn()
    if (!this.#allWait()) return
    const waits = [...this.#waiting.keys()]
    const times = waits.flatMap(({ wakeAt }) => wakeAt ?? [])
    this.#onAllWaiting({
      wakeAt: times.length === 0 ? null : Math.min(...times),
      awaits: waits.flatMap(({ awaits }) => awaits ?? []),
    })
  }
}

/** What the journal keeps of a wait for a signal. */
export type SignalRecord = { readonly seq: number; readonly payload: unknown } | { readonly timedOut: true }

export const isSignalRecord = (record: SignalRecord): boolean =>
  'timedOut' in record || (typeof record.seq === 'number' && 'payload' in record)

export const signalStep = (name: string): string => `signal:${name}`

/** The signals that a claim has brought, given out in their order, each once. */
export class Inbox {
  readonly #unread: ReadonlyMap<string, Signal[]>
  readonly #next = new Map<string, number>()

  /** @throws Undecodable */
  constructor(signals: readonly Signal[], steps: readonly Step[]) {
    this.#unread = Map.groupBy(signals, ({ name }) => name)
    for (const { name, value } of steps) {
      if (!name.startsWith('signal:')) continue
      const record = decoded<SignalRecord>(`The record of ${name}`, value, isSignalRecord)
      if ('seq' in record) this.#seen(name.slice('signal:'.length), record.seq)
    }
    for (const { name, seq } of signals) this.#seen(name, seq)
  }

  take(name: string): Signal | undefined {
    return this.#unread.get(name)?.shift()
  }

  /** The last that came; the ones before it are outdated. */
  takeNewest(name: string): Signal | undefined {
    const unread = this.#unread.get(name)
    return unread?.splice(0).at(-1)
  }

  /** The number of the first signal of this name that is not here yet. */
  next(name: string): number {
    return this.#next.get(name) ?? 0
  }

  #seen(name: string, seq: number): void {
    this.#next.set(name, Math.max(this.next(name), seq + 1))
  }
}
