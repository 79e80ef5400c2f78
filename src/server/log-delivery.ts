import { classify } from '../errors/classify.ts'
import type { Random } from '../identity/random.ts'
import { backoffMs, type RetryPolicy } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import type { Fields } from './log.ts'

export interface DeliveryLimits {
  /** Lines that wait take this much memory at most; whatever comes on top is dropped. */
  readonly bufferBytes: number
  /** One request carries so much at most, but at least one line. */
  readonly batchBytes: number
  readonly batchLines: number
  /** How long lines are gathered for one request, in milliseconds. */
  readonly gatherMs: number
  /** Beyond which an answer is given up. */
  readonly answerMs: number
  /** How long the end of the process is held up at most. */
  readonly closeMs: number
}

export const deliveryLimits: DeliveryLimits = {
  bufferBytes: 8 * 1024 ** 2,
  batchBytes: 512 * 1024,
  batchLines: 1_000,
  gatherMs: 100,
  answerMs: 10_000,
  closeMs: 5_000,
}

export interface LogDeliveryOptions {
  /** Takes `POST` of lines of JSON. */
  readonly url: string
  readonly token?: string | undefined
  readonly clock: Clock
  readonly random: Pick<Random, 'next'>
  /** Writes a line of the log about the delivery itself, which is taken here like any other. */
  readonly say: (level: 'info' | 'warn' | 'error', message: string, fields: Fields) => void
  readonly limits?: Partial<DeliveryLimits> | undefined
  /** Replaced in tests. */
  readonly fetch?: typeof fetch | undefined
}

export interface DeliveryCounts {
  /** Lines that are not delivered yet. */
  readonly waiting: number
  /** Lines that never will be, since the process began. */
  readonly dropped: number
}

interface Failure {
  readonly why: string
  /** The other side does not take these lines, whenever they come. */
  readonly isOfContent: boolean
}

const pauses: RetryPolicy = { maxAttempts: 1, baseMs: 1_000, multiplier: 2, capMs: 30_000, jitter: 'full' }
const statusesOfContent: readonly number[] = [400, 413, 422]

/**
 * Carries finished lines of the log to another system, in their order. Whoever writes a line never waits: lines are held in a
 * bounded buffer until the other side says 2xx, so that one may arrive twice after a lost answer. While the buffer is full
 * new lines are dropped, for a flood must not push out what was said before it.
 */
export class LogDelivery {
  readonly #options: LogDeliveryOptions
  readonly #limits: DeliveryLimits
  readonly #headers: Readonly<Record<string, string>>
  readonly #fetch: typeof fetch
  #queue: Buffer[] = []
  #bytes = 0
  #batchLines: number
  #dropped = 0
  #failures = 0
  /** From the first failure or dropped line until the other side takes some again. Each change is said once. */
  #trouble: { readonly since: number; dropped: number } | null = null
  #sending: Promise<void> | null = null
  #request: AbortController | null = null
  #pause: AbortController | null = null
  #state: 'open' | 'closing' | 'over' = 'open'

  constructor(options: LogDeliveryOptions) {
    this.#options = options
    this.#limits = { ...deliveryLimits, ...options.limits }
    this.#batchLines = this.#limits.batchLines
    this.#fetch = options.fetch ?? fetch
    const { token } = options
    this.#headers = {
      'content-type': 'application/x-ndjson',
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    }
  }

  counts(): DeliveryCounts {
    return { waiting: this.#queue.length, dropped: this.#dropped }
  }

  /** Takes a line that is finished and masked, with its line break. */
  take(line: string): void {
    if (this.#state === 'over') return
    const bytes = Buffer.from(line)
    if (this.#bytes + bytes.length > this.#limits.bufferBytes) {
      this.#drop('too many wait already')
      return
    }
    this.#queue.push(bytes)
    this.#bytes += bytes.length
    this.#sending ??= this.#sendAll()
  }

  /** Delivers what waits, for `closeMs` at most, and says how many lines are left behind. */
  async close(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#failures = 0
    this.#pause?.abort()
    const timer = this.#options.clock.timer(this.#limits.closeMs, () => this.#giveUp())
    await this.#sending
    timer.cancel()
    this.#giveUp()
    const lines = this.#queue.length
    this.#dropped += lines
    this.#remove(lines)
    if (lines > 0) this.#options.say('error', 'The log ends before these lines were delivered elsewhere.', { lines })
  }

  #giveUp(): void {
    this.#state = 'over'
    this.#request?.abort()
    this.#pause?.abort()
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.length > 0 && this.#state !== 'over') {
      const isHurried = this.#state === 'closing' || this.#trouble !== null || this.#queue.length >= this.#batchLines
      if (!isHurried) await this.#rest(this.#limits.gatherMs)
      const batch = this.#nextBatch()
      const failure = await this.#send(batch)
      if (failure === null) this.#delivered(batch.length)
      else await this.#failed(failure, batch.length)
    }
    this.#sending = null
  }

  #nextBatch(): readonly Buffer[] {
    let bytes = 0
    const end = this.#queue.findIndex((line, index) => {
      bytes += line.length
      return index > 0 && (index >= this.#batchLines || bytes > this.#limits.batchBytes)
    })
    return this.#queue.slice(0, end === -1 ? undefined : end)
  }

  async #send(batch: readonly Buffer[]): Promise<Failure | null> {
    const { url, clock } = this.#options
    const { answerMs } = this.#limits
    const request = new AbortController()
    this.#request = request
    let isLate = false
    const timer = clock.timer(answerMs, () => {
      isLate = true
      request.abort()
    })
    try {
      const response = await this.#fetch(url, {
        method: 'POST',
        headers: this.#headers,
        body: Buffer.concat(batch),
        // Whoever it leads to would get the token and the lines.
        redirect: 'error',
        signal: request.signal,
      })
      response.body?.cancel().catch(() => undefined)
      if (response.ok) return null
      return { why: `status ${response.status}`, isOfContent: statusesOfContent.includes(response.status) }
    } catch (thrown) {
      return { why: isLate ? `no answer in ${answerMs / 1000} s` : classify(thrown).message, isOfContent: false }
    } finally {
      timer.cancel()
      this.#request = null
    }
  }

  #delivered(lines: number): void {
    this.#remove(lines)
    this.#batchLines = Math.min(this.#limits.batchLines, this.#batchLines * 2)
    this.#failures = 0
    if (this.#trouble === null) return
    const { since, dropped } = this.#trouble
    this.#trouble = null
    const fields = { since: new Date(since).toISOString(), dropped }
    this.#options.say(dropped > 0 ? 'error' : 'info', 'The log is delivered elsewhere again.', fields)
  }

  async #failed({ why, isOfContent }: Failure, lines: number): Promise<void> {
    if (this.#state === 'over') return
    if (isOfContent && lines > 1) {
      // One line that is not taken must not hold up the others: it is looked for by halves.
      this.#batchLines = Math.floor(lines / 2)
      return
    }
    this.#failures += 1
    if (isOfContent) {
      this.#remove(lines)
      this.#drop(`the other side does not take it, with ${why}`)
    } else if (this.#trouble === null) {
      this.#beginTrouble()
      this.#options.say('warn', 'The log is not delivered elsewhere; its lines wait, and it is tried again.', { why })
    }
    await this.#rest(backoffMs(pauses, this.#failures, this.#options.random.next()))
  }

  #remove(lines: number): void {
    for (const line of this.#queue.splice(0, lines)) this.#bytes -= line.length
  }

  #drop(why: string): void {
    this.#dropped += 1
    const trouble = this.#trouble ?? this.#beginTrouble()
    trouble.dropped += 1
    if (trouble.dropped > 1) return
    this.#options.say('error', 'A line of the log is dropped: it stands here, but not elsewhere. More may be.', { why })
  }

  #beginTrouble(): { readonly since: number; dropped: number } {
    this.#trouble = { since: this.#options.clock.now(), dropped: 0 }
    return this.#trouble
  }

  async #rest(ms: number): Promise<void> {
    if (this.#state === 'over') return
    this.#pause = new AbortController()
    await this.#options.clock.sleep(ms, this.#pause.signal).catch(() => undefined)
    this.#pause = null
  }
}
