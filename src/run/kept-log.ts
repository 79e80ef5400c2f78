import type { LogLevel } from '../action/action.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { SaidLine, WorkerCommand } from '../execution/command.ts'
import { logBytesMax, logLinesMax } from '../execution/decide-log.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Work } from './running.ts'

export type LeastLevel = LogLevel | 'silent'

export interface KeptLogOptions {
  readonly fence: number
  /** What is said below it is not kept. */
  readonly level: LeastLevel
  readonly clock: Clock
  readonly work: Work
  /** Told once when lines could not be sent; the run goes on. */
  readonly onLost: (why: string) => void
}

const ranks: { readonly [L in LeastLevel]: number } = { debug: 1, info: 2, warn: 3, error: 4, silent: 5 }
const waitMs = 1_000
const linesMax = 100
const messageBytes = 128 * 1024
const textMax = 4_096
const fieldsMax = 8_192

/**
 * What the handler of one claim says, on its way into the record: gathered for a second, sent a hundred lines at a time,
 * one message under way. It never makes the handler wait; a crash loses what was not sent yet.
 */
export class KeptLog {
  readonly #options: KeptLogOptions
  #waiting: SaidLine[] = []
  #waitingBytes = 0
  #said = 0
  #sent = 0
  #kept = 0
  #keptBytes = 0
  #timer: Timer | undefined
  #sending: Promise<void> | undefined
  #isLost = false

  constructor(options: KeptLogOptions) {
    this.#options = options
  }

  say(level: LogLevel, message: string, fields: Readonly<Record<string, unknown>>): void {
    if (ranks[level] < ranks[this.#options.level] || this.#isLost) return
    this.#said += 1
    const said = {
      at: this.#options.clock.now(),
      level,
      message: cut(message),
      fields: fieldsText(fields),
      line: this.#said,
    }
    const bytes = 3 * (said.message.length + (said.fields?.length ?? 0))
    // The other side keeps no more than this; whatever comes later is only counted.
    if (this.#kept === this.#said - 1 && this.#kept < logLinesMax && this.#keptBytes <= logBytesMax) {
      this.#kept += 1
      this.#keptBytes += Buffer.byteLength(said.message) + Buffer.byteLength(said.fields ?? '')
      this.#waiting.push(said)
      this.#waitingBytes += bytes
    }
    if (this.#waiting.length >= linesMax || this.#waitingBytes >= messageBytes) this.#flush()
    else this.#timer ??= this.#options.clock.timer(waitMs, () => this.#flush())
  }

  /** Sends what is left. Resolves when it was answered, or cannot be; never rejects. */
  finish(): Promise<void> {
    this.#flush()
    return this.#sending ?? Promise.resolve()
  }

  #flush(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    if (this.#said > this.#sent) this.#sending ??= this.#drain()
  }

  async #drain(): Promise<void> {
    try {
      while (this.#said > this.#sent) {
        const lines = this.#next()
        const said = this.#waiting.length > 0 ? (lines.at(-1)?.line ?? this.#said) : this.#said
        this.#sent = said
        const command: WorkerCommand = { type: 'log', fence: this.#options.fence, said, lines }
        const answer = await this.#options.work(command)
        if (isRefusal(answer)) throw new Error(answer.reason)
      }
    } catch (thrown) {
      this.#isLost = true
      this.#waiting = []
      this.#options.onLost(thrown instanceof Error ? thrown.message : String(thrown))
    } finally {
      this.#sending = undefined
    }
  }

  #next(): readonly SaidLine[] {
    let size = 0
    let count = 0
    for (const { message, fields } of this.#waiting) {
      size += 3 * (message.length + (fields?.length ?? 0))
      if (count > 0 && (count === linesMax || size > messageBytes)) break
      count += 1
    }
    this.#waitingBytes = 0
    return this.#waiting.splice(0, count)
  }
}

const cut = (text: string): string => (text.length > textMax ? `${text.slice(0, textMax - 1)}…` : text).toWellFormed()

function fieldsText(fields: Readonly<Record<string, unknown>>): string | null {
  const text = JSON.stringify(fields)
  if (text === '{}') return null
  return text.length > fieldsMax ? JSON.stringify({ tooLong: text.length }) : text.toWellFormed()
}
