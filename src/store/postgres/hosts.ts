import { Refused } from '../../errors/refusal.ts'
import { Passing } from '../failures.ts'
import type { Connection } from './connection.ts'
import { refuseReadOnly } from './failures.ts'

/**
 * The servers of one store, of which one takes writes at a time: behind a failover it may be another. Whoever opens a
 * connection asks each, and begins with the one that took them last.
 */
export class Hosts {
  readonly #urls: readonly string[]
  readonly #connect: (url: string) => Promise<Connection>
  #current = 0
  #hasOpened = false
  /** Grows with each promotion: a server that is behind was primary once, and does not know that another is. */
  #timeline = 0
  #finding: Promise<void> | null = null

  /** @param urls of one server each, in the order in which they are asked */
  constructor(urls: readonly string[], connect: (url: string) => Promise<Connection>) {
    this.#urls = urls
    this.#connect = connect
  }

  /** Of the server that took writes when somebody looked last. */
  get url(): string {
    return this.#urls[this.#current] ?? ''
  }

  get areMany(): boolean {
    return this.#urls.length > 1
  }

  /** @throws Refused what the first server said that no other can help with, else `store_read_only` or `store_unreachable` */
  async open(): Promise<Connection> {
    let failure: unknown
    for (let tried = 0; tried < this.#urls.length; tried += 1) {
      const place = (this.#current + tried) % this.#urls.length
      try {
        const connection = await this.#openAt(place)
        this.#current = place
        this.#hasOpened = true
        return connection
      } catch (thrown) {
        if (!isAway(thrown)) throw thrown
        failure = failure === undefined || isReadOnly(thrown) ? thrown : failure
      }
    }
    throw failure
  }

  /** Looks for it on behalf of whoever was let down; many at once look once. */
  find(): Promise<void> {
    this.#finding ??= this.open()
      .then((connection) => connection.close())
      .finally(() => {
        this.#finding = null
      })
    return this.#finding
  }

  async #openAt(place: number): Promise<Connection> {
    const connection = await this.#connect(this.#urls[place] ?? '')
    try {
      // Of an only server that is seen for the first time, more is asked by whoever opens the store.
      if (this.areMany || this.#hasOpened) await this.#refuseReplica(connection)
      return connection
    } catch (thrown) {
      await connection.close()
      throw thrown
    }
  }

  async #refuseReplica(connection: Connection): Promise<void> {
    const [[file] = []] = await connection.query(takesWrites)
    const timeline = typeof file === 'string' ? Number.parseInt(file.slice(0, 8), 16) : null
    if (timeline === null) throw readOnly('this server is a replica, or set to read only')
    if (timeline < this.#timeline) throw readOnly('this server was the primary before another was promoted')
    this.#timeline = timeline
  }
}

/** The name of the file that it writes, which begins with its timeline; null where it takes no writes. */
const takesWrites = `select case
  when pg_is_in_recovery() or current_setting('default_transaction_read_only') = 'on' then null
  else pg_walfile_name(pg_current_wal_lsn())
end`

const readOnly = (why: string): Refused => new Refused(refuseReadOnly(`PostgreSQL takes no writes: ${why}.`))

const isReadOnly = (thrown: unknown): boolean => thrown instanceof Refused && thrown.refusal.code === 'store_read_only'

/** Another server, or the same one later, may do better. */
export const isAway = (thrown: unknown): boolean =>
  thrown instanceof Passing ||
  isReadOnly(thrown) ||
  (thrown instanceof Refused && thrown.refusal.code === 'store_unreachable')
