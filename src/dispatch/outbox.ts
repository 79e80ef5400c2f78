import type { DueNews, Place } from '../commit/due/due-news.ts'
import type { StoreHost } from '../commit/host.ts'
import { orThrow } from '../errors/refusal.ts'
import { publicId } from '../identity/public-id.ts'
import type { Queue } from '../store/rows.ts'
import type { Clock } from '../time/clock.ts'
import type { Carrier, RecalledLetter, SentHint, SentLetter } from './carrier.ts'

export interface OutboxOptions {
  readonly host: Pick<StoreHost, 'onDue' | 'orders' | 'views' | 'idKey'>
  readonly clock: Clock
  /** What failed, for whoever looks after the carrier. */
  readonly failed: (carrier: Carrier, why: unknown) => void
}

/** More than this is not kept for a carrier that is slower than the store: it is found again by a refill. */
const keptMax = 20_000
const partMax = 500
/** What is in the store may be far more than Redis should hold: a refill carries this much, and the next one the rest. */
const refillMax = 20_000
const refillPauseMs = 5_000

/** Sends a hint of everything that this process makes due, behind its commit. Nobody waits for it. */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #stop: () => void
  #carrier: Carrier | null = null
  #due: Place[] = []
  #dead: DueNews['dead'][number][] = []
  #risen: DueNews['risen'][number][] = []
  #sending: Promise<void> | null = null
  #queues = new Map<number, Queue>()
  #refilledAt = Number.NEGATIVE_INFINITY
  #refilling: Promise<void> | null = null

  constructor(options: OutboxOptions) {
    this.#options = options
    this.#stop = options.host.onDue((news) => this.#put(news))
  }

  /** A new carrier knows nothing of what was due before it. */
  carry(carrier: Carrier | null): void {
    this.#carrier = carrier
    this.#due = []
    this.#dead = []
    this.#risen = []
    this.#refilledAt = Number.NEGATIVE_INFINITY
    if (carrier !== null) this.refill()
  }

  /** Sends hints of all that is due, oldest first: of what has one already it changes nothing. */
  refill(): void {
    const now = this.#options.clock.now()
    if (this.#carrier === null || this.#refilling !== null || now - this.#refilledAt < refillPauseMs) return
    this.#refilledAt = now
    const carrier = this.#carrier
    this.#refilling = this.#refill(carrier)
      .catch((thrown: unknown) => this.#options.failed(carrier, thrown))
      .finally(() => {
        this.#refilling = null
      })
  }

  async close(): Promise<void> {
    this.#stop()
    this.#carrier = null
    await this.#refilling
    await this.#sending
  }

  async #refill(carrier: Carrier): Promise<void> {
    let behind: Place | null = null
    for (let sent = 0; sent < refillMax && this.#carrier === carrier; sent += partMax) {
      const part: readonly Place[] = orThrow(
        await this.#options.host.orders.give<'due'>({ kind: 'due', behind, limit: partMax }),
      )
      await carrier.send(await this.#hintsOf(part))
      behind = part.at(-1) ?? null
      if (part.length < partMax) return
    }
  }

  #put({ due, dead, risen }: DueNews): void {
    if (this.#carrier === null) return
    // One by one: thousands as arguments of one call are more than a stack holds.
    if (this.#due.length < keptMax) for (const place of due) this.#due.push(place)
    const goesOn = new Set(risen.map(({ id }) => id))
    if (goesOn.size > 0) this.#dead = this.#dead.filter(({ id }) => !goesOn.has(id))
    if (this.#dead.length < keptMax) for (const letter of dead) this.#dead.push(letter)
    if (this.#risen.length < keptMax) for (const each of risen) this.#risen.push(each)
    this.#sending ??= this.#send(this.#carrier).finally(() => {
      this.#sending = null
    })
  }

  async #send(carrier: Carrier): Promise<void> {
    try {
      while (this.#carrier === carrier && this.#due.length + this.#dead.length + this.#risen.length > 0) {
        const due = this.#due.splice(0, partMax)
        const dead = this.#dead.splice(0, partMax)
        const risen = this.#risen.splice(0, partMax)
        // First: what was redriven may have ended as failed once more since, and its letter is written anew.
        if (risen.length > 0) await carrier.recall(await this.#recalledOf(risen))
        if (due.length > 0) await carrier.send(await this.#hintsOf(due))
        if (dead.length > 0) await carrier.bury(await this.#lettersOf(dead))
      }
    } catch (thrown) {
      this.#options.failed(carrier, thrown)
    }
  }

  async #hintsOf(due: readonly Place[]): Promise<SentHint[]> {
    await this.#learn(due)
    const { idKey } = this.#options.host
    return due.flatMap(({ id, queue, rank, turn }) => {
      const known = this.#queues.get(queue)
      // Suspects stand in lanes: whoever can run one alone asks the store for it.
      if (known === undefined) return []
      const { action, version } = known
      return [{ execution: publicId(id, idKey), queue, rank, turn, action, version }]
    })
  }

  async #lettersOf(dead: DueNews['dead']): Promise<SentLetter[]> {
    await this.#learn(dead)
    const { idKey } = this.#options.host
    return dead.flatMap(({ id, queue, ...letter }) => {
      const known = this.#queues.get(queue)
      if (known === undefined) return []
      const { action, version } = known
      return [{ execution: publicId(id, idKey), action, version, ...letter }]
    })
  }

  async #recalledOf(risen: DueNews['risen']): Promise<RecalledLetter[]> {
    await this.#learn(risen)
    const { idKey } = this.#options.host
    return risen.flatMap(({ id, queue }) => {
      const action = this.#queues.get(queue)?.action
      return action === undefined ? [] : [{ execution: publicId(id, idKey), action }]
    })
  }

  async #learn(named: readonly { readonly queue: number }[]): Promise<void> {
    if (named.every(({ queue }) => queue < 0 || this.#queues.has(queue))) return
    this.#queues = new Map((await this.#options.host.views.queues()).map((queue) => [queue.key, queue]))
  }
}
