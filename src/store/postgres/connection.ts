import pg from 'pg'
import type { Row } from '../sqlite/rows-of.ts'
import { inPlainWords } from './failures.ts'
import { type StatementName, type Statements, statements } from './statements.ts'

export type Value = string | number | boolean | null | Uint8Array | readonly (string | number | null)[]

export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database`, with what libpq's addresses may say. */
  readonly url: string
  /**
   * Whether statements keep a name on the server. Behind a pooler that hands out a server for each transaction they may
   * only where it knows of them (PgBouncer 1.21 and later, `max_prepared_statements`).
   */
  readonly prepare?: boolean | undefined
  /** Replaces single statements: for tests that take one apart. */
  readonly statements?: Partial<Statements> | undefined
}

/** Integers come as numbers: keys, times and positions stay below 2^53. */
const types = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') =>
    oid === pg.types.builtins.INT8 ? Number : pg.types.getTypeParser(oid, format),
} as pg.CustomTypesConfig

const settings = (url: string): pg.ClientConfig => ({
  connectionString: url,
  application_name: 'pawl',
  connectionTimeoutMillis: 10_000,
  // A server that answers nothing any more must not hold its callers for ever.
  query_timeout: 60_000,
  keepAlive: true,
  types,
})

/**
 * One connection on which questions are sent without waiting for the answers before: what is asked together takes one
 * round trip. Answers come in the order of the questions.
 */
export class Connection {
  readonly #client: pg.Client
  readonly #texts: Statements
  readonly #prepare: boolean
  #broken: Error | null = null

  private constructor({ url, prepare = true, statements: replaced = {} }: ConnectionOptions) {
    const client = new pg.Client({ ...settings(url), pipeline: true })
    this.#client = client
    this.#texts = { ...statements, ...replaced }
    this.#prepare = prepare
    // Heard from the first moment on: a failure that nobody hears ends the process.
    client.on('error', (error) => {
      this.#broken ??= error
    })
    client.on('end', () => {
      this.#broken ??= new Error('the connection ended')
    })
  }

  /** @throws Refused `store_unreachable`, `store_denied` and what else the server says in a sentence */
  static async open(options: ConnectionOptions): Promise<Connection> {
    const connection = new Connection(options)
    try {
      await connection.#client.connect()
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
    return connection
  }

  get isBroken(): boolean {
    return this.#broken !== null
  }

  /** All rows, as arrays in the order of the columns. */
  async all(name: StatementName, ...values: Value[]): Promise<readonly Row[]> {
    return (await this.#ask(this.#texts[name], values, name)).rows
  }

  async one(name: StatementName, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all(name, ...values))[0]
  }

  /** Returns how many rows the statement changed. */
  async run(name: StatementName, ...values: Value[]): Promise<number> {
    return (await this.#ask(this.#texts[name], values, name)).rowCount ?? 0
  }

  /** Rows of a statement that is made from the schema itself, so that it has no name. */
  async query(text: string, ...values: Value[]): Promise<readonly Row[]> {
    return (await this.#ask(text, values)).rows
  }

  /** The word with which the server answered: what a commit became. */
  async command(text: string): Promise<string> {
    return (await this.#ask(text, [])).command
  }

  async close(): Promise<void> {
    await this.#client.end().catch(() => {})
  }

  async #ask(text: string, values: readonly Value[], name?: string): Promise<pg.QueryArrayResult> {
    try {
      if (this.#broken !== null) throw this.#broken
      const query = { text, values: values as unknown[], rowMode: 'array' as const }
      return await this.#client.query(this.#prepare && name !== undefined ? { ...query, name } : query)
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
  }
}

/** Connections for transactions of handlers: one each while it is open. */
export const handlersPool = (url: string): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url, application_name: 'pawl handlers', keepAlive: true, max: 10 })
  // An idle connection that is lost is nobody's failure: the next transaction opens another.
  pool.on('error', () => {})
  return pool
}

/** Connections for what people are shown: each question is a transaction of its own, and a lost connection is replaced. */
export class Readers {
  readonly #pool: pg.Pool
  readonly #texts: Statements
  readonly #prepare: boolean

  constructor({ url, prepare = true, statements: replaced = {} }: ConnectionOptions, max = 4) {
    this.#pool = new pg.Pool({ ...settings(url), max })
    // An idle connection that is lost is nobody's failure: the next question opens another.
    this.#pool.on('error', () => {})
    this.#texts = { ...statements, ...replaced }
    this.#prepare = prepare
  }

  all(name: StatementName, ...values: Value[]): Promise<readonly Row[]> {
    return this.#ask(this.#texts[name], values, name)
  }

  async one(name: StatementName, ...values: Value[]): Promise<Row | undefined> {
    return (await this.all(name, ...values))[0]
  }

  query(text: string, ...values: Value[]): Promise<readonly Row[]> {
    return this.#ask(text, values)
  }

  close(): Promise<void> {
    return this.#pool.ended || this.#pool.ending ? Promise.resolve() : this.#pool.end()
  }

  async #ask(text: string, values: readonly Value[], name?: string): Promise<readonly Row[]> {
    const query = { text, values: values as unknown[], rowMode: 'array' as const }
    try {
      return (await this.#pool.query(this.#prepare && name !== undefined ? { ...query, name } : query)).rows
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
  }
}
