import { isRefusal, Refused } from '../errors/refusal.ts'
import type { Taken } from '../store/inbox.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Orders } from './order.ts'

export interface InboxWatchOptions {
  readonly orders: Orders
  readonly clock: Clock
  /** Whether callers have committed what no commit has taken up: asked under no lock. */
  readonly isWaiting: () => Promise<boolean>
  /** The submission that has waited longest; null when none waits. */
  readonly firstWaiting: () => Promise<number | null>
  readonly outcomeOf: (number: number) => Promise<(Pick<Taken, 'execution' | 'refusal'> & { isTaken: boolean }) | null>
  /** Deletes what was taken up before a time. */
  readonly forget: (before: number) => Promise<void>
}

/** What nobody was told of is looked for this often. */
const pollMs = 1_000
const limit = 500
/** So many that cannot be written one after another speak for a store that fails. */
const culpritsMax = 16
const hourMs = 3_600_000
/** As long as an idempotency key is known at least. */
const keptMs = 30 * 24 * hourMs

/** Has what callers left taken up: when it is told of, when somebody asks for it, and else once a second. */
export class InboxWatch {
  readonly #options: InboxWatchOptions
  #timer: Timer | null = null
  #looking: Promise<void> | null = null
  #isAsked = false
  #isClosed = false
  #forgetAt = 0

  constructor(options: InboxWatchOptions) {
    this.#options = options
    this.#arm()
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#looking
  }

  /** Looks now; asked for again while it looks, it looks once more behind that. */
  look(): Promise<void> {
    this.#isAsked = true
    this.#looking ??= this.#lookOn().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  /** What became of a submission that its caller has committed: it waits for nobody else. */
  async outcome(number: number): Promise<Pick<Taken, 'execution' | 'refusal'> | null> {
    const found = await this.#options.outcomeOf(number)
    if (found === null || found.isTaken) return found
    await this.#takeAll()
    const taken = await this.#options.outcomeOf(number)
    return taken?.isTaken === true ? taken : null
  }

  async #lookOn(): Promise<void> {
    while (this.#isAsked && !this.#isClosed) {
      this.#isAsked = false
      try {
        if (await this.#options.isWaiting()) await this.#takeAll()
        await this.#forgetOld()
      } catch {
        // The server is away, or will not write: the next look, a second later, begins anew.
        return
      }
    }
  }

  /** What cannot be written is found one by one, refused, and holds back nobody else. */
  async #takeAll(): Promise<void> {
    let refused: number | null = null
    for (let [isAlone, culprits] = [false, 0]; !this.#isClosed; ) {
      const [submissions, steps] = isAlone ? [1, 0] : [limit, limit]
      try {
        const answer = await this.#options.orders.give<'take_inbox'>({
          kind: 'take_inbox',
          submissions,
          steps,
          refused,
        })
        if (isRefusal(answer) || (!answer.more && !isAlone)) return
        // Alone it took one that can be written, or refused the one that cannot: together again.
        isAlone = false
        refused = null
      } catch (error) {
        if (error instanceof Refused || refused !== null || culprits === culpritsMax) throw error
        if (isAlone) {
          refused = await this.#options.firstWaiting()
          culprits += 1
        }
        isAlone = true
      }
    }
  }

  async #forgetOld(): Promise<void> {
    const now = this.#options.clock.now()
    if (now < this.#forgetAt) return
    this.#forgetAt = now + hourMs
    await this.#options.forget(now - keptMs)
  }

  #arm(): void {
    if (this.#isClosed) return
    this.#timer = this.#options.clock.timer(pollMs, () => {
      void this.look()
      this.#arm()
    })
  }
}
