import type { Answer, OrderKind, OrderOf, Orders } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import { isRefusal, orThrow, type Refusal } from '../errors/refusal.ts'
import type { Clock, Timer } from '../time/clock.ts'

/** Work that one process does for all: it gets its orders through `orders`, which say under which epoch they are given. */
export type BeginDuties = (orders: Orders) => readonly { stop(): Promise<void> }[]

export interface LeadershipOptions {
  readonly orders: Orders
  readonly clock: Clock
  /** Names this process among all that ever held the store. */
  readonly holder: string
  readonly here: { readonly host: string; readonly pid: number }
  /** How long nobody else may lead after each renewal; null where nobody else can hold the store. */
  readonly leaseMs: number | null
  readonly begin: BeginDuties
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/** Takes its turn at the duties of the store, of which exactly one process has them. */
export interface Leadership {
  /** Asks once, and goes on asking until it is stopped; resolves when the first answer is there. */
  start(): Promise<void>
  /** The epoch under which this process leads, as far as it knows; null while another one does. */
  epoch(): number | null
  /** The orders of the leader, while this process leads. */
  orders(): Orders | null
  /** Ends its duties and lets somebody else take them up at once. */
  stop(): Promise<void>
}

/** Renewed so often within one lease that a beat may be late by two. */
const renewalsPerLease = 3
/** How often, within one lease, who does not lead looks whether it may. */
const looksPerLease = 5

/** No lease of work can run out unseen between one leader and the next. */
export const leaderLeaseMs = (leaseMs: number): number => Math.min(10_000, Math.max(1_000, Math.floor(leaseMs / 3)))

/**
 * At the latest so long after its last renewal a leader that died, froze or lost the store has a successor, where another
 * process stands by: its lease, one look, and what the commit takes. One that stops by itself is followed within one look.
 */
export const takeOverMs = (leaseMs: number): number => leaseMs + leaseMs / looksPerLease

export function createLeadership(options: LeadershipOptions): Leadership {
  return new TakingTurns(options)
}

class TakingTurns implements Leadership {
  readonly #options: LeadershipOptions
  #term: Term | null = null
  #timer: Timer | undefined
  #asking: Promise<unknown> = Promise.resolve()
  #ending: Promise<unknown> = Promise.resolve()
  #isStopped = false

  constructor(options: LeadershipOptions) {
    this.#options = options
  }

  epoch(): number | null {
    return this.#term?.epoch ?? null
  }

  orders(): Orders | null {
    return this.#term
  }

  async start(): Promise<void> {
    this.#asking = this.#ask()
    await this.#asking
  }

  async stop(): Promise<void> {
    this.#isStopped = true
    this.#timer?.cancel()
    await this.#asking
    const led = this.#term !== null
    this.#stepDown()
    await this.#ending
    const { orders, holder } = this.#options
    if (led) await orders.give<'resign'>({ kind: 'resign', holder }).catch(() => {})
  }

  /** One question to the store, and the next one is set; never throws. */
  async #ask(): Promise<void> {
    const { orders, clock, holder, here, leaseMs, log } = this.#options
    const askedAt = clock.elapsed()
    try {
      const { host, pid } = here
      const answer = orThrow(await orders.give<'lead'>({ kind: 'lead', holder, host, pid, leaseMs })) as LeadAnswer
      if (answer.isOwn) this.#lead(answer.epoch, askedAt)
      else this.#stepDown()
    } catch (thrown) {
      log('warn', `Who leads could not be asked: ${classify(thrown).message}`, {})
      // Somebody else may have begun: what is not renewed in time is given up without a word from the store.
      if (leaseMs !== null && this.#term?.isOver(clock.elapsed(), leaseMs) === true) this.#stepDown()
    }
    if (leaseMs !== null) this.#askLater(leaseMs / (this.#term === null ? looksPerLease : renewalsPerLease))
    else if (this.#term === null) this.#askLater(retryMs)
  }

  #askLater(ms: number): void {
    if (this.#isStopped) return
    this.#timer?.cancel()
    this.#timer = this.#options.clock.timer(ms, () => {
      this.#asking = this.#ask()
    })
  }

  #lead(epoch: number, renewedAt: number): void {
    if (this.#term?.epoch === epoch) {
      this.#term.renewedAt = renewedAt
      return
    }
    this.#stepDown()
    if (this.#isStopped) return
    const { orders, begin, log } = this.#options
    const term = new Term(epoch, renewedAt, orders, () => this.#superseded(term))
    this.#term = term
    log('info', 'This process leads: it does the duties of the store.', { epoch })
    term.duties = begin(term)
  }

  /** The store has refused a duty: another one leads. What this process slept through, it looks at anew. */
  #superseded(term: Term): void {
    if (this.#term !== term) return
    this.#options.log('warn', 'Another process leads by now; the duties of this one were refused.', {
      epoch: term.epoch,
    })
    this.#stepDown()
  }

  #stepDown(): void {
    const term = this.#term
    if (term === null) return
    this.#term = null
    this.#ending = Promise.all([this.#ending, ...term.duties.map((duty) => duty.stop())])
    if (!this.#isStopped) this.#options.log('info', 'This process does not lead any more.', { epoch: term.epoch })
  }
}

type LeadAnswer = { readonly epoch: number; readonly isOwn: boolean }

/** How soon the only process that can lead asks again when the store did not answer. */
const retryMs = 1_000

/** One epoch of this process: every order that is given here names it. */
class Term implements Orders {
  readonly epoch: number
  renewedAt: number
  duties: readonly { stop(): Promise<void> }[] = []
  readonly #orders: Orders
  readonly #onSuperseded: () => void
  /** What the store has answered once it will answer again: nobody need ask it. */
  #over: Refusal | null = null

  constructor(epoch: number, renewedAt: number, orders: Orders, onSuperseded: () => void) {
    this.epoch = epoch
    this.renewedAt = renewedAt
    this.#orders = orders
    this.#onSuperseded = onSuperseded
  }

  isOver(now: number, leaseMs: number): boolean {
    return now - this.renewedAt >= leaseMs
  }

  async give<K extends OrderKind>(order: OrderOf<K>): Promise<Answer<K>> {
    if (this.#over !== null) return this.#over
    const answer = await this.#orders.give<K>({ ...order, duty: this.epoch })
    if (isRefusal(answer) && answer.code === 'leader_superseded') {
      this.#over = answer
      this.#onSuperseded()
    }
    return answer
  }
}
