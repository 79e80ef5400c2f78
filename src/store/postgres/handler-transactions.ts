import pg from 'pg'
import type { HandlerTransaction } from '../../action/action.ts'
import { TerminalError } from '../../errors/failures.ts'
import { type Refusal, refuse } from '../../errors/refusal.ts'
import { stateCodes } from '../../execution/machine.ts'
import { LostTransaction } from '../failures.ts'
import type { StepPlace, Transactions } from '../inbox.ts'
import { handlersPool } from './connection.ts'
import { inPlainWords, isDecided } from './failures.ts'

/** A connection that is given back: a client of a pool of `pg`. */
interface LentClient {
  query(text: string, values?: unknown[]): Promise<pg.QueryResult>
  release(isBroken?: boolean): void
}

/** Where the transactions of handlers run: a pool of `pg` on the store's own database. */
export interface ClientPool {
  connect(): Promise<LentClient>
}

export interface HandlerTransactionsOptions {
  /** By default one of ten connections at `url`. */
  readonly pool?: ClientPool | undefined
  readonly url: string
  /** Our own schema: a handler's connection may look elsewhere first. */
  readonly schema: () => Promise<string>
  /** Waits between looks at a server that is away. */
  readonly pause: (ms: number) => Promise<void>
}

const lookUpsMax = 20
const lookUpPauseMs = 500
const notNullViolation = '23502'
const uniqueViolation = '23505'

/**
 * Transactions of handlers that hold the record of their step. The fence is compared by the statement that writes the
 * record, and the commit follows in the same message: nothing of Pawl's is held while the handler works, and no process
 * that stands still can stop between the two.
 */
export class PostgresTransactions implements Transactions {
  readonly #options: HandlerTransactionsOptions
  readonly #pool: ClientPool
  readonly #own: pg.Pool | undefined

  constructor(options: HandlerTransactionsOptions) {
    this.#options = options
    const own = handlersPool(options.url)
    this.#own = options.pool === undefined ? own : undefined
    this.#pool = options.pool ?? own
  }

  async close(): Promise<void> {
    await this.#own?.end()
  }

  async perform(place: StepPlace, body: (tx: HandlerTransaction) => Promise<string>): Promise<string | Refusal> {
    const schema = pg.escapeIdentifier(await this.#options.schema())
    const client = await this.#connect()
    let isBroken = true
    let isCommitting = false
    try {
      await client.query('begin isolation level read committed; set local synchronous_commit = on')
      const known = await recordOf(client, schema, place)
      if (known !== null) {
        isBroken = !(await rolledBack(client))
        return known
      }
      const { rows } = await client.query('select pg_current_xact_id()::text as name')
      const tx = new OpenTransaction(client)
      const value = await body(tx).finally(() => tx.end())
      isCommitting = true
      await client.query(recordAndCommit(schema, place, value, String(rows[0]?.name)))
      isBroken = false
      return value
    } catch (thrown) {
      // Before its commit is sent, nothing of a transaction can be there; what the server has answered is so.
      if (!isCommitting || isDecided(thrown)) {
        isBroken = !(await rolledBack(client))
        return await this.#refused(schema, place, thrown)
      }
      return await this.#lookUp(schema, place, thrown)
    } finally {
      client.release(isBroken)
    }
  }

  /** What the server, or the handler, has said no to. */
  async #refused(schema: string, place: StepPlace, thrown: unknown): Promise<string | Refusal> {
    const { code, column, constraint } = thrown as { code?: unknown; column?: unknown; constraint?: unknown }
    if (code === notNullViolation && column === 'started_at') {
      throw new TerminalError(
        'The handler has ended the transaction itself; what it wrote before is no part of the step. Leave begin and commit to Pawl.',
      )
    }
    const isRepeated = code === uniqueViolation && constraint === 'transaction_steps_pkey'
    if (!isRepeated && !(code === notNullViolation && column === 'fence')) throw thrown
    const client = await this.#connect()
    try {
      const known = isRepeated ? await recordOf(client, schema, place) : null
      if (known !== null) return known
      const { rows } = await client.query(
        `select 1 from ${schema}.executions where id = $1 and fence = $2 and state = $3`,
        [place.execution, place.fence, stateCodes.running],
      )
      // Held as before, so it was the other thing that the statement asks for.
      return rows.length > 0
        ? refuse('cancel_requested', 'Somebody asked to cancel this execution; nothing more may be committed for it.')
        : refuse('lease_lost', `The lease under fence ${place.fence} is over; nothing of the transaction was kept.`)
    } finally {
      client.release()
    }
  }

  /**
   * The connection was lost, perhaps at the commit. What is on record has happened. What is not cannot happen under a later
   * fence: should the server still come to that commit, it compares the fence then.
   */
  async #lookUp(schema: string, place: StepPlace, lost: unknown): Promise<string> {
    for (let tries = 0; tries < lookUpsMax; tries += 1) {
      let client: LentClient | undefined
      try {
        client = await this.#connect()
        const known = await recordOf(client, schema, place)
        client.release()
        if (known !== null) return known
        break
      } catch {
        client?.release(true)
        await this.#options.pause(lookUpPauseMs)
      }
    }
    throw new LostTransaction('The connection was lost, and no record of the transaction is there.', { cause: lost })
  }

  async #connect(): Promise<LentClient> {
    try {
      return await this.#pool.connect()
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
  }
}

/** What a handler is given: statements, until its function has ended. */
class OpenTransaction implements HandlerTransaction {
  readonly client: unknown
  readonly #client: LentClient
  #isOver = false

  constructor(client: LentClient) {
    this.client = client
    this.#client = client
  }

  async query<Row>(text: string, values: readonly unknown[] = []) {
    if (this.#isOver) throw new TerminalError('The transaction is over; await everything inside of it.')
    if (ends.test(text))
      throw new TerminalError('Begin and commit of this transaction are Pawl’s; throw to roll it back.')
    const { rows, rowCount } = await this.#client.query(text, [...values])
    return { rows: rows as Row[], rowCount }
  }

  end(): void {
    this.#isOver = true
  }
}

const ends =
  /^\s*(?:begin|start\s+transaction|commit|end|abort|rollback(?!\s+(?:work\s+|transaction\s+)?to\b)|prepare\s+transaction)\b/i

async function recordOf(client: LentClient, schema: string, place: StepPlace): Promise<string | null> {
  // One statement, one look: what leaves the first table enters the second in the same commit.
  const { rows } = await client.query(
    `select value
from ${schema}.transaction_steps
where execution = $1
and name = $2
and ordinal = $3
union all
select value
from ${schema}.execution_steps
where execution = $1
and name = $2
and ordinal = $3`,
    [place.execution, place.name, place.ordinal],
  )
  return rows.length === 0 ? null : String((rows[0] as { readonly value: unknown }).value)
}

/**
 * The record and the commit in one message, so that the row of the execution is locked for no longer than the server needs.
 * Where the lease is over, or the transaction is not the one that was begun, a column that must not be null is.
 */
function recordAndCommit(schema: string, place: StepPlace, value: string, name: string): string {
  const { execution, fence, ordinal, startedAt, at } = place
  return `insert into ${schema}.transaction_steps (execution, name, ordinal, value, fence, started_at, at)
values (
  ${execution},
  ${pg.escapeLiteral(place.name)},
  ${ordinal},
  ${pg.escapeLiteral(value)},
  (
    select fence
    from ${schema}.executions
    where id = ${execution}
    and fence = ${fence}
    and state = ${stateCodes.running}
    and cancelled_at is null
    for share
  ),
  case when pg_current_xact_id_if_assigned()::text = ${pg.escapeLiteral(name)} then ${startedAt} end,
  ${at}
);
commit`
}

async function rolledBack(client: LentClient): Promise<boolean> {
  try {
    await client.query('rollback')
    return true
  } catch {
    return false
  }
}
