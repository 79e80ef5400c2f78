import pg from 'pg'
import type { HandlerTransaction } from '../../action/action.ts'
import { TerminalError } from '../../errors/failures.ts'
import { isRefusal, type Refusal } from '../../errors/refusal.ts'
import { stateCodes } from '../../execution/machine.ts'
import { LostTransaction } from '../failures.ts'
import type { LookedAt, StepPlace, Transactions } from '../inbox.ts'
import { handlersPool } from './connection.ts'
import { inPlainWords, isDecided } from './failures.ts'
import type { Hosts } from './hosts.ts'
import { rightsLock } from './turns.ts'

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
  /** By default one of ten connections to `hosts`. */
  readonly pool?: ClientPool | undefined
  readonly hosts: Hosts
  /** Our own schema: a handler's connection may look elsewhere first. */
  readonly schema: () => Promise<string>
  /** What a transaction is committed under, as it is now; or why nothing may be committed for that execution any more. */
  readonly look: (place: StepPlace) => Promise<LookedAt | Refusal>
  /** Waits between looks at a server that is away. */
  readonly pause: (ms: number) => Promise<void>
}

const lookUpsMax = 20
const lookUpPauseMs = 500
/** How often what was looked at may have changed by the commit, before somebody must look after it. */
const committingMax = 20
const notNullViolation = '23502'
const uniqueViolation = '23505'
const noTransaction = '25P01'

/**
 * Transactions of handlers that hold the record of their step. Whatever may forbid it (the fence, a cancel, an approval or a
 * right that is gone) is looked at outside, and compared by the statement that writes the record; the commit follows in the
 * same message: nothing of Pawl's is held while the handler works, and no process that stands still can stop between the two.
 */
export class PostgresTransactions implements Transactions {
  readonly #options: HandlerTransactionsOptions
  readonly #pool: ClientPool
  readonly #own: pg.Pool | undefined

  constructor(options: HandlerTransactionsOptions) {
    this.#options = options
    const own = handlersPool(options.hosts)
    this.#own = options.pool === undefined ? own : undefined
    this.#pool = options.pool ?? own
  }

  async close(): Promise<void> {
    await this.#own?.end()
  }

  async perform(place: StepPlace, body: (tx: HandlerTransaction) => Promise<string>): Promise<string | Refusal> {
    const { look, schema } = this.#options
    const [name, looked] = [await schema(), look(place)]
    // Asked for below; until then it must not end the process.
    looked.catch(() => {})
    const client = await this.#connect()
    let isBroken = true
    const giveUp = async (): Promise<void> => {
      isBroken = !(await rolledBack(client))
    }
    try {
      await client.query('begin isolation level read committed; set local synchronous_commit = on')
      const known = await recordOf(client, name, place)
      const seen = await looked
      if (known !== null || isRefusal(seen)) {
        await giveUp()
        return known ?? (seen as Refusal)
      }
      const { rows } = await client.query('select pg_current_xact_id()::text as name')
      const tx = new OpenTransaction(client)
      const value = await body(tx).finally(() => tx.end())
      const refused = await this.#commit(client, { schema: name, place, value, name: String(rows[0]?.name) }, seen)
      if (refused === null) isBroken = false
      else await giveUp()
      return refused ?? value
    } catch (thrown) {
      // What was lost with its connection may be there. Anything else was not committed.
      if (thrown instanceof Lost) return await this.#lookUp(name, place, thrown.cause)
      await giveUp()
      return await this.#whatElse(name, place, thrown)
    } finally {
      client.release(isBroken)
    }
  }

  /**
   * Looks again where what was looked at has changed since: it may allow the same.
   *
   * @returns null when it is committed
   */
  async #commit(client: LentClient, record: TransactionRecord, first: LookedAt): Promise<Refusal | null> {
    let seen = first
    for (let tries = 1; ; tries += 1) {
      try {
        await client.query(recordAndCommit(record, seen))
        return null
      } catch (thrown) {
        if (!isDecided(thrown)) throw new Lost(undefined, { cause: thrown })
        const { code, column } = thrown as { code?: unknown; column?: unknown }
        if (code !== notNullViolation || column !== 'fence' || tries === committingMax) throw thrown
      }
      await client.query(`rollback to savepoint ${beforeRecord}`)
      const looked = await this.#options.look(record.place)
      if (isRefusal(looked)) return looked
      seen = looked
    }
  }

  /** What the server, or the handler, has said no to. */
  async #whatElse(schema: string, place: StepPlace, thrown: unknown): Promise<string> {
    const { code, column, constraint } = thrown as { code?: unknown; column?: unknown; constraint?: unknown }
    if (code === noTransaction || (code === notNullViolation && column === 'started_at')) {
      throw new TerminalError(
        'The handler has ended the transaction itself; what it wrote before is no part of the step. Leave begin and commit to Pawl.',
      )
    }
    if (code !== uniqueViolation || constraint !== 'transaction_steps_pkey') throw thrown
    const client = await this.#connect()
    try {
      const known = await recordOf(client, schema, place)
      if (known !== null) return known
      throw thrown
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

interface TransactionRecord {
  readonly schema: string
  readonly place: StepPlace
  readonly value: string
  /** By which the server knows the transaction that was begun. */
  readonly name: string
}

async function recordOf(client: LentClient, schema: string, place: StepPlace): Promise<string | null> {
  const tables = pg.escapeIdentifier(schema)
  // One statement, one look: what leaves the first table enters the second in the same commit.
  const { rows } = await client.query(
    `select value
from ${tables}.transaction_steps
where execution = $1
and name = $2
and ordinal = $3
union all
select value
from ${tables}.execution_steps
where execution = $1
and name = $2
and ordinal = $3`,
    [place.execution, place.name, place.ordinal],
  )
  return rows.length === 0 ? null : String((rows[0] as { readonly value: unknown }).value)
}

const beforeRecord = 'before_the_record_of_pawl'

/**
 * The record and the commit in one message, so that the row of the execution is locked for no longer than the server needs.
 * Where something is not as it was looked at, or the transaction is not the one that was begun, a column that must not be
 * null is. Both locks are had before the statement that compares, so that it sees what was committed by whoever had them:
 * a batch changes rows first and rights last, in the same order.
 */
function recordAndCommit({ schema, place, value, name }: TransactionRecord, { gate, rights }: LookedAt): string {
  const { execution, fence, ordinal, startedAt, at } = place
  const [tables, text] = [pg.escapeIdentifier(schema), pg.escapeLiteral]
  return `savepoint ${beforeRecord};
select 1
from ${tables}.executions
where id = ${execution}
for share;
select pg_advisory_xact_lock_shared(${rightsLock}, hashtext(${text(schema)}));
insert into ${tables}.transaction_steps (execution, name, ordinal, value, fence, started_at, at)
values (
  ${execution},
  ${text(place.name)},
  ${ordinal},
  ${text(value)},
  (
    select fence
    from ${tables}.executions
    where id = ${execution}
    and fence = ${fence}
    and state = ${stateCodes.running}
    and cancelled_at is null
    and ending is null
    and gate::jsonb is not distinct from ${gate === null ? 'null' : `${text(gate)}::jsonb`}
    and ${rights} = (select coalesce(max(version), 0) from ${tables}.rights)
  ),
  case when pg_current_xact_id_if_assigned()::text = ${text(name)} then ${startedAt} end,
  ${at}
);
commit`
}

/** The connection is gone, and the commit was on its way. */
class Lost extends Error {}

async function rolledBack(client: LentClient): Promise<boolean> {
  try {
    await client.query('rollback')
    return true
  } catch {
    return false
  }
}
