import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal, Refused } from '../../src/errors/refusal.ts'
import { type PostgresOptions, postgres } from '../../src/postgres.ts'
import { Connection } from '../../src/store/postgres/connection.ts'
import { inPlainWords } from '../../src/store/postgres/failures.ts'
import { openPostgres } from '../../src/store/postgres/open.ts'
import { admission } from '../orders.ts'
import { openDatabase } from './database.ts'
import { startThrowaway } from './throwaway.ts'
import { openWire } from './wire.ts'

let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function openHost(options: PostgresOptions): Promise<StoreHost> {
  const host = await postgres(options)
  open.push(host)
  return host
}

async function admitMany(host: StoreHost, count: number): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: count }, () => host.orders.give<'admit'>({ kind: 'admit', admission: admission() })),
  )
  return answers.filter((answer) => !isRefusal(answer)).length
}

async function ask(text: string, at = url): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: at })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

const counted = async (at = url): Promise<unknown> =>
  (
    await ask(
      'select (select count(*)::int from requests) as admitted, (select count(*)::int from execution_events) as events',
      at,
    )
  )[0]

/** Ends the connections of the store, whatever they are doing. */
const terminate = (at = url): Promise<unknown> =>
  ask(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid() and application_name = 'pawl'`,
    at,
  )

test.each(['before', 'after'] as const)(
  'REL-03 a commit whose answer is lost %s it was made is looked up, and done once',
  async (when) => {
    const wire = await openWire(url)
    open.push(wire)
    const host = await openHost({ url: wire.url, listen: false })
    await admitMany(host, 1)
    for (let round = 1; round <= 5; round += 1) {
      wire.cutNextCommit(when)
      expect(await admitMany(host, 3)).toBe(3)
      expect(wire.cuts()).toBe(round)
      expect(await counted()).toEqual({ admitted: 1 + 3 * round, events: 1 + 3 * round })
    }
  },
)

test('REL-03 connections that are ended at any moment cost nothing that was acknowledged, and nothing is done twice', async () => {
  const host = await openHost({ url })
  let admitted = 0
  for (let round = 0; round < 15; round += 1) {
    const admitting = admitMany(host, 20)
    for (let times = 0; times < 3; times += 1) await terminate()
    admitted += await admitting
  }
  expect(admitted).toBe(300)
  expect(await counted()).toEqual({ admitted: 300, events: 300 })
})

test('REL-03 a server that crashes and comes back has all that was acknowledged, and whoever waited is answered', async () => {
  const server = await startThrowaway([], inject('postgresBinaries'))
  open.push({ close: () => server.remove() })
  const host = await openHost({ url: server.url })
  expect(await admitMany(host, 10)).toBe(10)
  const during = Array.from({ length: 10 }, () => admitMany(host, 10))
  await server.stop('immediate')
  const waiting = admitMany(host, 10)
  await server.start()
  expect((await Promise.all(during)).every((count) => count === 10)).toBe(true)
  expect(await waiting).toBe(10)
  expect(await counted(server.url)).toEqual({ admitted: 120, events: 120 })
})

test('a process that stands still inside a transaction is put out of the way, the others go on, and its next turn may take longer', async () => {
  const queues = `select current_setting('idle_in_transaction_session_timeout'), '', 1`
  const frozen = await openPostgres({ url, writer: 'frozen', pause: () => Promise.resolve(), statements: { queues } })
  open.push(frozen)
  const host = await openHost({ url })
  await frozen.session.begin()
  expect(await frozen.session.queues()).toMatchObject([{ key: '1s' }])
  expect(await admitMany(host, 1)).toBe(1)
  // It wakes, and may write nothing under the turn that it has lost.
  await expect(frozen.session.queues()).rejects.toThrow(/lost|terminat|idle/i)
  await frozen.session.rollback()
  await frozen.session.begin()
  expect(frozen.session.othersWrote()).toBe(true)
  expect(await frozen.session.queues()).toMatchObject([{ key: '2s' }])
  await frozen.session.rollback()
})

const refusalOf = (opening: Promise<unknown>): Promise<unknown> =>
  opening.then(
    () => 'opened',
    (error: unknown) => (error instanceof Refused ? error.refusal.code : error),
  )

test('each thing that keeps a store from opening is said in a sentence, and nothing is changed', async () => {
  const at = (change: (address: URL) => void): string => {
    const address = new URL(url)
    change(address)
    return address.href
  }
  expect(await refusalOf(postgres({ url: 'mysql://h/d' }))).toBe('bad_configuration')
  expect(await refusalOf(postgres({ url: at((to) => (to.port = '1')) }))).toBe('store_unreachable')
  expect(await refusalOf(postgres({ url: at((to) => (to.pathname = '/no_such_database')) }))).toBe('store_unreachable')
  expect(await refusalOf(postgres({ url: at((to) => (to.username = 'nobody_here')) }))).toBe('store_denied')
  await ask('drop role if exists guest; create role guest login')
  const asGuest = at((to) => (to.username = 'guest'))
  expect(await refusalOf(postgres({ url: asGuest }))).toBe('store_roles_missing')
  await ask(`do $$ begin create role pawl_engine nologin; exception when duplicate_object then null; end $$;
do $$ begin create role pawl_api nologin; exception when duplicate_object then null; end $$;
grant pawl_engine, pawl_api to guest`)
  expect(await refusalOf(postgres({ url: asGuest }))).toBe('store_denied')
  expect(await refusalOf(postgres({ url, migrate: false }))).toBe('store_older_schema')
  await ask('create table requests (id int)')
  expect(await refusalOf(postgres({ url }))).toBe('store_foreign_tables')
  expect(await ask(`select tablename from pg_tables where schemaname = 'public'`)).toEqual([{ tablename: 'requests' }])
})

test('a database that a newer version made is refused, and so is one that was altered', async () => {
  await (await openHost({ url })).close()
  await ask(`insert into migrations values (9001, 'later', 'x', 1)`)
  expect(await refusalOf(postgres({ url }))).toBe('store_newer_schema')
  await ask(`delete from migrations where number = 9001; update migrations set checksum = 'other' where number = 2`)
  expect(await refusalOf(postgres({ url }))).toBe('store_newer_schema')
  open.splice(0)
})

test('behind a pooler no statement keeps a name, and one that does is told apart from other failures', async () => {
  const host = await openHost({ url: `${url}?prepare=false&listen=false` })
  expect(await admitMany(host, 3)).toBe(3)
  const failure = Object.assign(new Error('prepared statement "find" already exists'), { code: '42P05' })
  expect(inPlainWords(failure)).toMatchObject({ refusal: { code: 'bad_configuration' } })
})

test('SE-35 no message repeats the password of the address', async () => {
  const address = new URL(url)
  address.password = 'hunter2'
  address.port = '1'
  const error = await Connection.open({ url: address.href }).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Refused)
  expect(`${JSON.stringify(error)} ${String(error)} ${String((error as Error).cause)}`).not.toContain('hunter2')
})
