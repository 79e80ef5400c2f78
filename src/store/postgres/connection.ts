import pg from 'pg'
import type { Row } from '../sqlite/rows-of.ts'
import { inPlainWords, isDeadlock, isDecided, isOfStandingStill, takesNoWrites } from './failures.ts'
import { type Hosts, isAway } from './hosts.ts'
import { apiRole, engineRole } from './roles.ts'
import { type StatementName, type Statements, statements } from './statements.ts'

export type Value = string | number | boolean | null | Uint8Array | readonly (string | number | null)[]

export interface ConnectionOptions {
  /** `postgres://user:password@host:port/database`, with what libpq's addresses may say. */
  readonly url: string
  /** The servers that `url` stands for, where one of several takes writes. */
  readonly hosts?: Hosts | undefined
  /**
   * Whether statements keep a name on the server. Behind a pooler that hands out a server for each transaction they may
   * only where it knows of them (PgBouncer 1.21 and later, `max_prepared_statements`).
   */
  readonly prepare?: boolean | undefined
  /**
   * Whether transactions take on the roles of `roles.ts` (the default); without them they run with whatever rights the
   * connecting user has.
   */
  readonly roles?: boolean | undefined
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
  #stoodStill = false

  private constructor({ url, prepare = true, statements: replaced = {} }: ConnectionOptions) {
    const client = new pg.Client({ ...settings(url), pipeline: true })
    this.#client = client
    this.#texts = { ...statements, ...replaced }
    this.#prepare = prepare
    // Heard from the first moment on: a failure that nobody hears ends the process.
    client.on('error', (error) => {
      this.#hear(error)
      this.#broken ??= error
    })
    client.on('end', () => {
      this.#broken ??= new Error('the connection ended')
    })
  }

  /** @throws Refused `store_unreachable`, `store_denied` and what else the server says in a sentence */
  static async open(options: ConnectionOptions): Promise<Connection> {
    return options.hosts === undefined ? Connection.#openAt(options) : options.hosts.open()
  }

  static async #openAt(options: ConnectionOptions): Promise<Connection> {
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

  /** The server has ended the connection because a transaction on it stood still. */
  get stoodStill(): boolean {
    return this.#stoodStill
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
      this.#hear(thrown)
      throw inPlainWords(thrown)
    }
  }

  #hear(thrown: unknown): void {
    if (isOfStandingStill(thrown)) this.#stoodStill = true
    // The next connection may lead to the server that has taken over.
    if (takesNoWrites(thrown)) this.#broken ??= new Error('the server takes no writes')
  }
}

/** Clients of a pool that go to the server that takes writes at the time when they are made. */
function clientsOf(hosts: Hosts) {
  return class extends pg.Client {
    constructor(config?: pg.ClientConfig) {
      super({ ...config, connectionString: hosts.url })
    }
  }
}

/**
 * A connection that is lost while idle is nobody's failure, for the next question opens another; one that is lost in use
 * fails what was asked on it, and may say so twice. A failure that nobody hears ends the process.
 */
function hearFailures(pool: pg.Pool): void {
  pool.on('error', () => {})
  pool.on('connect', (client) => client.on('error', () => {}))
}

/** Connections for transactions of handlers: one each while it is open. */
export const handlersPool = (hosts: Hosts): pg.Pool => {
  const settled = { application_name: 'pawl handlers', keepAlive: true, max: 10 }
  const pool = new pg.Pool({ ...settled, Client: clientsOf(hosts) })
  hearFailures(pool)
  return pool
}

/**
 * Connections for what is shown: each question is a transaction of its own, and a lost connection is replaced. Readers of
 * one tenant see its rows only, whatever the question forgets to say; those of no tenant are the engine's own.
 */
export class Readers {
  readonly #pool: pg.Pool
  readonly #options: ConnectionOptions
  readonly #texts: Statements
  readonly #scope: readonly [role: string, tenant: string] | null

  private constructor(pool: pg.Pool, options: ConnectionOptions, tenant: string | null) {
    this.#pool = pool
    this.#options = options
    this.#texts = { ...statements, ...options.statements }
    this.#scope = options.roles === false ? null : [tenant === null ? engineRole : apiRole, tenant ?? '']
  }

  static open(options: ConnectionOptions, max = 4): Readers {
    const { url, hosts } = options
    const at = { ...settings(url), pipeline: true, max }
    const pool = new pg.Pool(hosts === undefined ? at : { ...at, Client: clientsOf(hosts) })
    hearFailures(pool)
    return new Readers(pool, options, null)
  }

  /** The same connections, for the rows of one tenant. */
  of(tenant: string): Readers {
    return new Readers(this.#pool, this.#options, tenant)
  }

  /** The same connections with the rights of the user that connects, for what concerns no rows. */
  ofUser(): Readers {
    return new Readers(this.#pool, { ...this.#options, roles: false }, null)
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
    const asked = this.#query(text, values, name)
    try {
      return await this.#askOnce(asked)
    } catch (thrown) {
      const { hosts } = this.#options
      const failure = inPlainWords(thrown)
      if (hosts?.areMany === true && isAway(failure)) await hosts.find()
      else if (!isDeadlock(thrown)) throw failure
    }
    return await this.#askOnce(asked).catch((thrown: unknown) => {
      throw inPlainWords(thrown)
    })
  }

  async #askOnce(asked: pg.QueryArrayConfig): Promise<readonly Row[]> {
    return this.#scope === null ? (await this.#pool.query(asked)).rows : await this.#askAs(this.#scope, asked)
  }

  /** All of it is sent at once: it takes one round trip, as a question alone does. */
  async #askAs(scope: readonly string[], asked: pg.QueryArrayConfig): Promise<readonly Row[]> {
    const client = await this.#pool.connect()
    const answers = await Promise.allSettled([
      client.query(this.#scope?.[0] === apiRole ? 'begin read only' : 'begin'),
      client.query(this.#query(this.#texts.scope, scope, 'scope')),
      client.query(asked),
      client.query('commit'),
    ])
    const failed = answers.find((answer) => answer.status === 'rejected')
    // What the server has said no to is over with the transaction; of any other failure nobody knows what it left.
    client.release(failed !== undefined && !isDecided(failed.reason))
    if (failed !== undefined) throw failed.reason
    const [, , found] = answers
    return found.status === 'fulfilled' ? found.value.rows : []
  }

  #query(text: string, values: readonly Value[], name?: string): pg.QueryArrayConfig {
    const query = { text, values: values as unknown[], rowMode: 'array' as const }
    return this.#options.prepare !== false && name !== undefined ? { ...query, name } : query
  }
}
