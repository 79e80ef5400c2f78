import type { Identity } from '../commands/command.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Tokens } from './tokens.ts'

/** How often it is looked whether those who wait for an answer are still let in: what another process revokes ends them within it. */
export const recheckMs = 1_000

/** After so many looks in a row that failed, nobody is believed to be let in still. */
const failuresMax = 5

export interface OpenAnswersOptions {
  readonly tokens: Pick<Tokens, 'isGood' | 'onEnded'>
  readonly clock: Pick<Clock, 'timer'>
  /** Streams and long polls that one token may have open. */
  readonly perTokenMax: number
  /** Ends the looking. */
  readonly closing?: AbortSignal | undefined
}

export interface OpenAnswer {
  /** Aborted when whoever asked is not let in any more. */
  readonly cut: AbortSignal
  /** To be called when the answer is over; more than once does no harm. */
  close(): void
}

interface Entry {
  readonly identity: Identity
  readonly isLong: boolean
  readonly stop: AbortController
}

/**
 * Answers under way, so that a revocation is in force for them, too: at once where this process was told to revoke, and
 * within `recheckMs` and one read where another was, or where a token or a session ran out.
 */
export class OpenAnswers {
  readonly #options: OpenAnswersOptions
  readonly #entries = new Set<Entry>()
  readonly #long = new Map<string, number>()
  #timer: Timer | undefined
  #checking: Promise<void> = Promise.resolve()
  #failures = 0

  constructor(options: OpenAnswersOptions) {
    this.#options = options
    options.tokens.onEnded(() => void this.check())
    options.closing?.addEventListener('abort', () => this.#timer?.cancel(), { once: true })
  }

  get count(): number {
    return this.#entries.size
  }

  /** Null when the token has as many long answers open as it may. */
  open(identity: Identity, isLong: boolean): OpenAnswer | null {
    const { tokenId } = identity
    const long = this.#long.get(tokenId) ?? 0
    if (isLong && long >= this.#options.perTokenMax) return null
    if (isLong) this.#long.set(tokenId, long + 1)
    const entry: Entry = { identity, isLong, stop: new AbortController() }
    this.#entries.add(entry)
    this.#arm()
    return { cut: entry.stop.signal, close: () => this.#close(entry) }
  }

  /** Looks now, behind the look that is under way. */
  check(): Promise<void> {
    this.#checking = this.#checking.then(() => this.#look())
    return this.#checking
  }

  async #look(): Promise<void> {
    const holders = new Map<string, Entry[]>()
    for (const entry of this.#entries) {
      const { tokenId, session, isOldText } = entry.identity
      const holder = `${session ?? tokenId} ${isOldText === true}`
      const known = holders.get(holder)
      if (known === undefined) holders.set(holder, [entry])
      else known.push(entry)
    }
    for (const entries of holders.values()) {
      const [first] = entries
      if (first === undefined || (await this.#isGood(first.identity))) continue
      for (const { stop } of entries) stop.abort()
    }
  }

  async #isGood(identity: Identity): Promise<boolean> {
    try {
      const isGood = await this.#options.tokens.isGood(identity)
      this.#failures = 0
      return isGood
    } catch {
      this.#failures += 1
      return this.#failures < failuresMax
    }
  }

  #arm(): void {
    if (this.#timer !== undefined || this.#entries.size === 0 || this.#options.closing?.aborted === true) return
    this.#timer = this.#options.clock.timer(recheckMs, () => {
      void this.check().then(() => {
        this.#timer = undefined
        this.#arm()
      })
    })
  }

  #close(entry: Entry): void {
    if (!this.#entries.delete(entry) || !entry.isLong) return
    const { tokenId } = entry.identity
    const left = (this.#long.get(tokenId) ?? 1) - 1
    if (left === 0) this.#long.delete(tokenId)
    else this.#long.set(tokenId, left)
  }
}
