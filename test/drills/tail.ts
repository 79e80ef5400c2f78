import type { StoreHost } from '../../src/commit/host.ts'
import type { LogRow } from '../../src/store/rows.ts'
import { passMs } from './dice.ts'
import type { Onlooker } from './onlooker.ts'
import type { Signal } from './signal.ts'

const pageRows = 500
const pauseMs = 50

/**
 * Somebody who reads the ordered feed for as long as a drill lasts, whatever becomes of the server meanwhile: each page
 * begins behind the last position it has seen, and a page that cannot be had is asked for again.
 */
export class Tail {
  /** Every row that was seen, as it was seen. */
  readonly rows: LogRow[] = []
  readonly complaints: string[] = []
  readonly #host: StoreHost
  readonly #onlooker: Onlooker
  readonly #signal: Signal
  #isStopped = false
  #reading: Promise<void>

  constructor(host: StoreHost, onlooker: Onlooker, signal: Signal) {
    this.#host = host
    this.#onlooker = onlooker
    this.#signal = signal
    this.#reading = this.#readOn()
  }

  /** Reads what is there, and no more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    await this.#reading
  }

  async #readOn(): Promise<void> {
    for (;;) {
      const isLast = this.#isStopped
      const rows = await this.#page()
      this.#take(rows)
      if (rows.length === pageRows) continue
      if (isLast) return
      await passMs(pauseMs)
    }
  }

  async #page(): Promise<readonly LogRow[]> {
    try {
      return await this.#host.views.log(this.rows.at(-1)?.position ?? 0, pageRows)
    } catch {
      return []
    }
  }

  #take(rows: readonly LogRow[]): void {
    for (const row of rows) {
      const expected = (this.rows.at(-1)?.position ?? 0) + 1
      if (row.position !== expected)
        this.complaints.push(`behind position ${expected - 1} came ${row.position}: an event was skipped or doubled`)
      this.rows.push(row)
    }
    if (rows.length === 0) return
    this.#onlooker.take(rows)
    this.#signal.raise()
  }
}
