import pg from 'pg'
import type { Clock, Timer } from '../../time/clock.ts'
import type { PostgresViews } from './views.ts'

/** What is told to the other side when a caller has committed. */
export const inboxWord = 'inbox'

/** The channel of one schema. */
export const channelOf = (schema: string): string => `pawl_${schema}`

export interface FeedOptions {
  /** Of the server itself, as it is now: behind a pooler that hands out connections by transaction nobody can listen. */
  readonly url: () => string | null
  readonly writer: string
  readonly views: Pick<PostgresViews, 'headPosition' | 'changedBehind'>
  readonly clock: Clock
  /** Whether anybody wants to be told what was changed: without, nothing is read but how far the log has come. */
  readonly isHeard: () => boolean
  /** Told which executions were changed by anybody, in the order of the log; a change may be told twice. */
  readonly onChanged: (ids: readonly number[]) => void
  /** Told of every word from another writer, also where no event was recorded. */
  readonly onWord: () => void
  /** Told that a caller has committed what it left for Pawl. */
  readonly onInbox: () => void
}

/** What is not heard is looked for this often. */
const pollMs = 1_000
const rowsMax = 1_000

/**
 * What all writers commit, as it becomes durable. Commits come one at a time and take the next position each, so that
 * whatever lies behind the last position read is new, and nothing ever appears before it: no other transaction, however
 * long it stays open, can hold the feed back. Words from the server only make it sooner.
 */
export class Feed {
  readonly #options: FeedOptions
  #position: number
  #listener: pg.Client | null = null
  #timer: Timer | null = null
  #reading: Promise<void> | null = null
  #isAsked = false
  #isClosed = false

  private constructor(options: FeedOptions, position: number) {
    this.#options = options
    this.#position = position
  }

  /** Begins behind what is committed now. */
  static async open(options: FeedOptions): Promise<Feed> {
    const feed = new Feed(options, await options.views.headPosition())
    await feed.#listen()
    feed.#arm()
    return feed
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#timer?.cancel()
    await this.#reading
    await this.#listener?.end().catch(() => {})
  }

  /** Reads on now; asked for again while it reads, it reads once more behind that. */
  read(): void {
    this.#isAsked = true
    this.#reading ??= this.#readOn().finally(() => {
      this.#reading = null
    })
  }

  async #readOn(): Promise<void> {
    while (this.#isAsked && !this.#isClosed) {
      this.#isAsked = false
      try {
        if (!this.#options.isHeard()) {
          const head = await this.#options.views.headPosition()
          // Whoever has begun to listen meanwhile may have looked at a state that is older than this.
          if (!this.#options.isHeard()) {
            this.#position = head
            continue
          }
        }
        const rows = await this.#options.views.changedBehind(this.#position, rowsMax)
        if (rows.length === rowsMax) this.#isAsked = true
        const ids = new Set<number>()
        for (const { position, executions } of rows) {
          this.#position = position
          for (const id of executions) ids.add(id)
        }
        if (ids.size > 0) this.#options.onChanged([...ids])
      } catch {
        // The server is away: the next look, a second later, begins at the same position.
        return
      }
    }
  }

  /** A session that cannot be had, or is lost, is tried for again at the next look. */
  async #listen(): Promise<void> {
    const url = this.#options.url()
    if (url === null || this.#listener !== null || this.#isClosed) return
    const listener = new pg.Client({
      connectionString: url,
      application_name: 'pawl listener',
      keepAlive: true,
      connectionTimeoutMillis: 5_000,
    })
    const lost = (): void => {
      if (this.#listener === listener) this.#listener = null
    }
    listener.on('error', lost)
    listener.on('end', lost)
    listener.on('notification', ({ payload }) => {
      // Our own commits are told of when they are made.
      if (payload === this.#options.writer) return
      if (payload === inboxWord) {
        this.#options.onInbox()
        return
      }
      // A look a second keeps up without.
      if (this.#options.isHeard()) this.read()
      this.#options.onWord()
    })
    try {
      this.#listener = listener
      await listener.connect()
      const { rows } = await listener.query('select current_schema() as schema')
      await listener.query(`listen ${pg.escapeIdentifier(channelOf(String(rows[0]?.schema)))}`)
    } catch {
      lost()
    }
  }

  #arm(): void {
    if (this.#isClosed) return
    this.#timer = this.#options.clock.timer(pollMs, () => {
      this.read()
      void this.#listen()
      this.#arm()
    })
  }
}
