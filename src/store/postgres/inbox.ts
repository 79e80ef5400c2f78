import pg from 'pg'
import { isRefusal, type Refusal, refuse } from '../../errors/refusal.ts'
import type { Submission, Taken, Transaction, Waiting, WaitingMax } from '../inbox.ts'
import type { Connection, Readers } from './connection.ts'
import { channelOf, inboxWord } from './feed.ts'

/** One statement under no lock but that of the new row; it sets nothing, and nothing about it can be taken already. */
const leaving = (schema: string): string => `with place as (
  select 1
  from ${schema}.meta
  where encode(public_id_key, 'hex') = $1::text
), submission as (
  insert into ${schema}.submissions (tenant, admission, submitted_at)
  select $2::text, $3::text, $4::text::bigint
  from place
  returning number
)
select number::text as number, pg_notify($5::text, '${inboxWord}')::text as told
from submission`

/** How callers reach the store from connections of their own, whose search path may be another. */
/** What callers leave, by the connections of whoever looks: nothing here is in a turn of the writer. */
export class CallersInbox {
  readonly #readers: Readers
  #place: Promise<{ readonly schema: string; readonly store: string }> | null = null

  constructor(readers: Readers) {
    this.#readers = readers
  }

  /** By a connection of the caller's, whose search path may be another than ours. */
  async leave(
    tx: Transaction,
    { tenant, admission }: Omit<Submission, 'number'>,
    at: number,
  ): Promise<number | Refusal> {
    const place = await this.#known()
    const schema = pg.escapeIdentifier(place.schema)
    // Asked first: a statement about a table that is not there would end the caller's transaction.
    const here = await rowsOf(tx, 'select to_regclass($1::text) is not null as here', [`${schema}.submissions`])
    if (isRefusal(here)) return here
    if (cell(here[0], 'here') !== true) return elsewhere()
    const values = [place.store, tenant, admission, String(at), channelOf(place.schema)]
    const left = await rowsOf(tx, leaving(schema), values)
    if (isRefusal(left)) return left
    const number = Number(cell(left[0], 'number') ?? Number.NaN)
    return Number.isSafeInteger(number) ? number : elsewhere()
  }

  async isWaiting(): Promise<boolean> {
    return (await this.#readers.one('isAnythingWaiting'))?.[0] === true
  }

  async firstWaiting(): Promise<number | null> {
    return ((await this.#readers.one('waitingSubmissions', 1))?.[0] ?? null) as number | null
  }

  async outcomeOf(number: number): Promise<(Pick<Taken, 'execution' | 'refusal'> & { isTaken: boolean }) | null> {
    const row = await this.#readers.one('submission', number)
    if (row === undefined) return null
    const [at, execution, refusal] = row
    return { isTaken: at !== null, execution: execution as number | null, refusal: refusal as string | null }
  }

  async forget(before: number): Promise<void> {
    await this.#readers.all('forgetSubmissions', before)
  }

  /** Our schema by its name, for connections that look elsewhere first. */
  async schema(): Promise<string> {
    return (await this.#known()).schema
  }

  #known(): Promise<{ readonly schema: string; readonly store: string }> {
    this.#place ??= this.#findPlace().catch((error: unknown) => {
      this.#place = null
      throw error
    })
    return this.#place
  }

  async #findPlace(): Promise<{ readonly schema: string; readonly store: string }> {
    const [row] = await this.#readers.query(`select current_schema(), encode(public_id_key, 'hex') from meta`)
    return { schema: String(row?.[0]), store: String(row?.[1]) }
  }
}

const elsewhere = (): Refusal =>
  refuse('submission_elsewhere', 'The transaction is not one of the database in which Pawl keeps its executions.')

async function rowsOf(tx: Transaction, text: string, values: unknown[]): Promise<readonly unknown[] | Refusal> {
  const answer: unknown = await tx.query(text, values)
  const rows: unknown = Array.isArray(answer) ? answer : (answer as { readonly rows?: unknown } | null)?.rows
  if (Array.isArray(rows)) return rows
  return refuse('invalid_input', 'The transaction answers a query neither with rows nor with an object that has them.')
}

/** Drivers give a row as an object, or as a list where they were told to. */
const cell = (row: unknown, name: string): unknown =>
  Array.isArray(row) ? row[0] : (row as Readonly<Record<string, unknown>> | undefined)?.[name]

export async function waitingIn(connection: Pick<Connection, 'all'>, max: WaitingMax): Promise<Waiting> {
  const [submissions, steps] = await Promise.all([
    connection.all('waitingSubmissions', max.submissions),
    connection.all('waitingSteps', max.steps),
  ])
  return {
    submissions: submissions.map(([number, tenant, admission]) => ({
      number: number as number,
      tenant: tenant as string,
      admission: (admission ?? '') as string,
    })),
    steps: steps.map(([execution, name, ordinal, value, fence, startedAt, at]) => ({
      execution: execution as number,
      name: name as string,
      ordinal: ordinal as number,
      value: value as string,
      fence: fence as number,
      startedAt: startedAt as number,
      at: at as number,
    })),
  }
}
