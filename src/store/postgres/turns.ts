import { Refused } from '../../errors/refusal.ts'
import { Passing, UnknownCommit } from '../failures.ts'
import type { Row } from '../sqlite/rows-of.ts'
import { Allowance } from './allowance.ts'
import { Connection, type ConnectionOptions } from './connection.ts'
import { isDecided } from './failures.ts'
import { isAway } from './hosts.ts'
import { engineRole } from './roles.ts'

/** "Pawl" in ASCII: sets our lock apart from those of other programs in the same database. */
export const lockSpace = 0x5061776c
/** Had by a commit that changes rights, and shared by transactions of handlers that were allowed by those before. */
export const rightsLock = lockSpace + 1

export interface TurnsOptions extends ConnectionOptions {
  /** Names this writer among all that ever wrote: what its commits are found by. */
  readonly writer: string
  /** Waits between tries to reach the server again. */
  readonly pause: (ms: number) => Promise<void>
}

/** How often a lost server is looked for, with pauses of half a second, before a commit's fate is given up as unknown. */
const lookUpsMax = 120
const lookUpPauseMs = 500

/**
 * Transactions of one writer, each with the store to itself: an advisory lock is taken first and given back by the commit.
 * A commit leaves its number behind, in the same transaction. By it a writer sees whether others have written since, and
 * finds out what became of a commit whose answer was lost.
 */
export class Turns {
  readonly #options: TurnsOptions
  #connection: Connection | null
  readonly #allowance = new Allowance()
  #isOpen = false
  /** The end of what is asked outside a transaction, one question at a time. */
  #asked: Promise<unknown> = Promise.resolve()
  #hasWritten = false
  /** Number of the newest commit of anybody. */
  #newest = 0
  /** Up to which of them this writer knows what was written. */
  #known = -1

  constructor(options: TurnsOptions, connection: Connection) {
    this.#options = options
    this.#connection = connection
  }

  get #settings(): readonly [role: string, allowance: string] {
    return [this.#options.roles === false ? 'none' : engineRole, this.#allowance.setting]
  }

  get connection(): Connection {
    if (this.#connection === null) throw new Passing('the connection to PostgreSQL was lost')
    return this.#connection
  }

  get othersWrote(): boolean {
    return this.#known !== this.#newest
  }

  caughtUp(): void {
    this.#known = this.#newest
  }

  async connected(): Promise<Connection> {
    if (this.#connection !== null && !this.#connection.isBroken) return this.#connection
    if (this.#isOpen) throw new Passing('the connection to PostgreSQL was lost inside a transaction')
    await this.#forget()
    this.#connection = await Connection.open(this.#options)
    return this.#connection
  }

  /** Asks inside the open transaction, or in one that only asks. */
  async ask<T>(question: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#isOpen) return question(await this.connected())
    const asked = this.#asked.then(async () => {
      const connection = await this.connected()
      await connection.command('begin read only')
      try {
        await connection.one('settings', ...this.#settings)
        return await question(connection)
      } finally {
        await connection.command('rollback').catch(() => {})
      }
    })
    this.#asked = asked.catch(() => {})
    return asked
  }

  /**
   * @param along sends what is to be answered in the same round trip
   * @returns the counters, as the commit before has left them
   */
  async begin(along: (connection: Connection) => void): Promise<Row> {
    const connection = await this.#reconnected()
    this.#isOpen = true
    this.#hasWritten = false
    const sent = [
      connection.command('begin isolation level read committed'),
      connection.one('settings', ...this.#settings),
      connection.one('takeTurn', lockSpace),
    ]
    const begun = Promise.all([connection.one('newestCommit'), connection.one('counters'), ...sent])
    along(connection)
    const [newest, counters] = await begun.catch(async (error: unknown) => {
      await this.rollback()
      throw error
    })
    this.#newest = (newest?.[1] ?? 0) as number
    return counters ?? []
  }

  hasWritten(): void {
    this.#hasWritten = true
  }

  async commit(): Promise<void> {
    const { connection } = this
    const number = this.#newest + 1
    const marked = this.#hasWritten
      ? Promise.all([
          connection.run('markCommit', this.#options.writer, number),
          connection.run('tellOthers', this.#options.writer),
        ])
      : Promise.resolve()
    const [mark, end] = await Promise.allSettled([marked, connection.command('commit')])
    this.#isOpen = false
    if (end.status === 'rejected') {
      if (isDecided(end.reason) || !this.#hasWritten) throw end.reason
      await this.#lookUp(number, end.reason)
    } else if (end.value !== 'COMMIT') {
      // What made the server do so was said to an earlier statement.
      throw mark.status === 'rejected' ? mark.reason : new Passing('PostgreSQL rolled the transaction back')
    }
    this.#allowance.kept()
    if (!this.#hasWritten) return
    if (!this.othersWrote) this.#known = number
    this.#newest = number
  }

  /** Also after a failure that ended the transaction, or the connection. */
  async rollback(): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    if (this.#connection === null || this.#connection.isBroken) return
    try {
      await this.#connection.command('rollback')
    } catch {
      // What cannot be rolled back is over with its connection.
      await this.#forget()
    }
  }

  async close(): Promise<void> {
    await this.rollback()
    await this.#forget()
  }

  async #forget(): Promise<void> {
    const connection = this.#connection
    if (connection?.stoodStill === true) this.#allowance.lost()
    this.#connection = null
    await connection?.close()
  }

  /** A server that was there and is away may come back, and a replica be promoted: whoever waits tries again. */
  async #reconnected(): Promise<Connection> {
    try {
      return await this.connected()
    } catch (error) {
      if (error instanceof Refused && isAway(error)) throw new Passing(error.message, { cause: error })
      throw error
    }
  }

  /** The answer was lost. The lock is had only when the server has made an end of that transaction, one way or the other. */
  async #lookUp(number: number, lost: unknown): Promise<void> {
    await this.#forget()
    for (let tries = 0; tries < lookUpsMax; tries += 1) {
      try {
        const connection = await this.connected()
        const [, , , found] = await Promise.all([
          connection.command('begin'),
          connection.one('settings', ...this.#settings),
          connection.one('takeTurn', lockSpace),
          connection.one('commitOf', this.#options.writer),
          connection.command('commit'),
        ])
        if (found?.[0] === number) return
        throw new NotKept()
      } catch (error) {
        if (error instanceof NotKept) throw new Passing('the commit did not take place', { cause: lost })
        await this.#forget()
        await this.#options.pause(lookUpPauseMs)
      }
    }
    throw new UnknownCommit('the connection was lost during a commit, and what became of it is not known', {
      cause: lost,
    })
  }
}

class NotKept extends Error {}
