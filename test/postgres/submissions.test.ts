import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { Refused } from '../../src/errors/refusal.ts'
import { action, createPawl, type Pawl, type Transaction } from '../../src/pawl.ts'
import { postgres } from '../../src/postgres.ts'
import { openDatabase } from './database.ts'

/** `submit` inside transactions that callers hold open on the store's own database. */
let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

const ship = action({
  name: 'order.ship',
  version: 1,
  input: z.object({ order: z.string(), speed: z.string().optional() }),
  idempotencyKey: ({ order }) => order,
  run: ({ input }) => ({ shipped: input.order }),
})
const actions = [ship] as const

/** `isStarted` runs work here, too. */
async function openPawl(isStarted = false, at = url): Promise<Pawl<typeof actions>> {
  const pawl = await createPawl({ store: await postgres({ url: at }), actions, slots: isStarted ? 2 : 0 })
  if (isStarted) await pawl.start()
  open.push({ close: () => pawl.stop() })
  return pawl
}

async function openClient(at = url): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: at })
  await client.connect()
  open.push({ close: () => client.end() })
  return client
}

const order = (name: string, more: { speed?: string } = {}) =>
  ({ action: 'order.ship', input: { order: name, ...more } }) as const

const refusalOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => 'answered',
    (error: unknown) => (error instanceof Refused ? error.code : error),
  )

test('what a caller commits together with its own rows is executed, and its ticket stands for it', async () => {
  const pawl = await openPawl(true)
  const client = await openClient()
  await client.query('create table orders (name text)')
  await client.query('begin')
  await client.query(`insert into orders values ('R-7')`)
  const ticket = await pawl.submit(order('R-7'), { tx: client })
  expect(await refusalOf(pawl.get(ticket.id))).toBe('not_found')
  await client.query('commit')
  expect(await pawl.result(ticket)).toEqual({ shipped: 'R-7' })
  const { id, idempotencyKey } = await pawl.get(ticket.id)
  expect(idempotencyKey).toBe('R-7')
  expect(await pawl.get(id)).toMatchObject({ state: 'succeeded' })
  expect((await pawl.events(ticket.id)).map(({ type }) => type)).toEqual(['enqueue', 'claim', 'succeed'])
})

test('what a caller rolls back was never there', async () => {
  const pawl = await openPawl()
  const client = await openClient()
  await client.query('begin')
  const ticket = await pawl.submit(order('R-8'), { tx: client })
  await client.query('rollback')
  expect(await refusalOf(pawl.get(ticket.id))).toBe('not_found')
  expect(await pawl.list()).toMatchObject({ items: [] })
})

test('REL-02a SE-20 two open transactions with one key neither wait nor fail: both tickets lead to one execution', async () => {
  const pawl = await openPawl()
  const [first, second] = [await openClient(), await openClient()]
  for (const client of [first, second]) await client.query('begin')
  const one = await pawl.submit(order('R-9'), { tx: first })
  const two = await pawl.submit(order('R-9'), { tx: second })
  const other = await pawl.submit(order('R-9', { speed: 'slow' }), { tx: second })
  await second.query('commit')
  const { id } = await pawl.get(two.id)
  await first.query('commit')
  expect((await pawl.get(one.id)).id).toBe(id)
  expect(await refusalOf(pawl.get(other.id))).toBe('idempotency_key_reused')
  expect((await pawl.list()).items).toHaveLength(1)
  expect((await pawl.events(id)).map(({ type }) => type)).toEqual([
    'enqueue',
    'idempotency_conflict',
    'idempotent_replay',
  ])
})

test('a caller that keeps its transaction open holds up nobody, and takes no lock that anybody else wants', async () => {
  const pawl = await openPawl(true)
  const client = await openClient()
  await client.query('begin')
  const settings = `select string_agg(name || '=' || setting, ',' order by name) as all, current_user as who, current_setting('search_path') as path from pg_settings`
  const before = (await client.query(settings)).rows
  const ticket = await pawl.submit(order('slow'), { tx: client })
  expect((await client.query(settings)).rows).toEqual(before)
  const { rows } = await client.query(
    `select count(*)::int as n from pg_locks where pid = pg_backend_pid() and (locktype = 'advisory' or mode ilike '%exclusive%' and mode <> 'RowExclusiveLock' and locktype not in ('virtualxid', 'transactionid'))`,
  )
  expect(rows).toEqual([{ n: 0 }])
  for (let index = 0; index < 20; index += 1) {
    expect(await pawl.result(await pawl.submit(order(`quick-${index}`)))).toEqual({ shipped: `quick-${index}` })
  }
  await client.query('commit')
  expect(await pawl.result(ticket)).toEqual({ shipped: 'slow' })
})

test('a transaction of another database, or of another store, is refused, and goes on as if nothing had been asked', async () => {
  const pawl = await openPawl()
  const elsewhere = await openDatabase(inject('postgres'))
  const client = await openClient(elsewhere)
  await client.query('begin; create table mine (name text)')
  expect(await refusalOf(pawl.submit(order('R-1'), { tx: client }))).toBe('submission_elsewhere')
  await client.query('commit')
  await openPawl(false, elsewhere)
  await client.query('begin')
  expect(await refusalOf(pawl.submit(order('R-1'), { tx: client }))).toBe('submission_elsewhere')
  await client.query(`insert into mine values ('kept'); commit`)
  expect((await client.query('select count(*)::int as n from submissions')).rows).toEqual([{ n: 0 }])
})

test('whatever carries statements may be given, also where it looks elsewhere for tables', async () => {
  const pawl = await openPawl()
  const client = await openClient()
  await client.query('create schema app; set search_path = app')
  const asPrisma: Transaction = { query: async (text, values) => (await client.query(text, values)).rows }
  const asArrays: Transaction = { query: (text, values) => client.query({ text, values, rowMode: 'array' }) }
  // Knex counts its placeholders itself: ours stand in order, each once.
  const knex = (text: string, values: readonly unknown[]) => {
    let place = 0
    return client.query(
      text.replaceAll('?', () => `$${++place}`),
      [...values],
    )
  }
  const asKnex: Transaction = { query: (text, values) => knex(text.replaceAll(/\$\d+/g, '?'), values) }
  for (const [index, tx] of [client, asPrisma, asArrays, asKnex].entries()) {
    await client.query('begin')
    const ticket = await pawl.submit(order(`W-${index}`), { tx })
    await client.query('commit')
    expect(await pawl.get(ticket.id)).toMatchObject({ idempotencyKey: `W-${index}` })
  }
  expect(await refusalOf(pawl.submit(order('W'), { tx: { query: async () => undefined } }))).toBe('invalid_input')
})

test('what is refused only when it is admitted is told to whoever asks for the ticket', async () => {
  const capped = action({ ...ship, name: 'order.capped', queue: { max: 1 }, run: () => null })
  const pawl = await createPawl({ store: await postgres({ url }), actions: [capped], slots: 0 })
  open.push({ close: () => pawl.stop() })
  const client = await openClient()
  await client.query('begin')
  const tickets = []
  for (const name of ['a', 'b']) {
    tickets.push(await pawl.submit({ action: 'order.capped', input: { order: name } }, { tx: client }))
  }
  await client.query('commit')
  expect(await refusalOf(pawl.get(tickets[0]?.id ?? ''))).toBe('answered')
  expect(await refusalOf(pawl.get(tickets[1]?.id ?? ''))).toBe('queue_full')
})

test('what is no request, or cannot be written, is refused alone: its neighbours are admitted', async () => {
  const pawl = await openPawl()
  const client = await openClient()
  const numbers: number[] = []
  await client.query('begin')
  const first = await pawl.submit(order('before'), { tx: client })
  const { rows } = await client.query('select admission from submissions')
  const good = JSON.parse(String(rows[0]?.admission)) as Record<string, unknown>
  const unfit: readonly string[] = [
    '',
    'null',
    '{}',
    JSON.stringify({ ...good, tenant: 'somebody-else' }),
    JSON.stringify({ ...good, input: '{"order":"changed"}' }),
    JSON.stringify({ ...good, version: 'one' }),
    // Longer than an index of keys can hold, and of nothing that can be pressed together.
    JSON.stringify({ ...good, key: Array.from({ length: 9_000 }, (_, index) => Math.sin(index)).join('') }),
  ]
  for (const text of unfit) {
    const added = await client.query(
      `insert into submissions (tenant, admission, submitted_at) values ('default', $1, 0) returning number::int`,
      [text],
    )
    numbers.push(Number(added.rows[0]?.number))
  }
  const last = await pawl.submit(order('behind'), { tx: client })
  await client.query('commit')
  expect(await pawl.get(last.id)).toMatchObject({ idempotencyKey: 'behind' })
  expect(await pawl.get(first.id)).toMatchObject({ idempotencyKey: 'before' })
  const refused = await client.query(
    'select number::int, refusal::json ->> $1 as code from submissions where refusal is not null order by number',
    ['code'],
  )
  expect(refused.rows).toEqual(numbers.map((number) => ({ number, code: 'not_stored' })))
})

test('what was committed while no engine ran is found by the next one that starts', async () => {
  const before = await openPawl()
  const client = await openClient()
  await client.query('begin')
  const ticket = await before.submit(order('late'), { tx: client })
  await before.stop()
  await client.query('commit')
  open.shift()
  const pawl = await openPawl(true)
  expect(await pawl.result(ticket)).toEqual({ shipped: 'late' })
})

test('of eight engines that are told of one submission, one admits it', async () => {
  const all = await Promise.all(Array.from({ length: 8 }, () => openPawl()))
  const client = await openClient()
  await client.query('begin')
  const tickets = []
  for (let index = 0; index < 20; index += 1) {
    tickets.push(await (all[index % 8] as (typeof all)[number]).submit(order(`E-${index}`), { tx: client }))
  }
  await client.query('commit')
  const ids = await Promise.all(
    tickets.map(async ({ id }, index) => (await (all[(index + 3) % 8] as (typeof all)[number]).get(id)).id),
  )
  expect(new Set(ids).size).toBe(20)
  expect((await client.query('select count(*)::int as n from requests')).rows).toEqual([{ n: 20 }])
})

test('on SQLite no transaction of a caller can hold what Pawl writes, and that is said', async () => {
  const pawl = await createPawl({ store: 'sqlite::memory:', actions, slots: 0 })
  open.push({ close: () => pawl.stop() })
  const tx: Transaction = { query: async () => [] }
  expect(await refusalOf(pawl.submit(order('R-1'), { tx }))).toBe('transaction_impossible')
})
