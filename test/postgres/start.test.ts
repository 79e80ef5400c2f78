import { readFile, writeFile } from 'node:fs/promises'
import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import { type Refusal, Refused } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { openPostgres } from '../../src/store/postgres/open.ts'
import { openDatabase } from './database.ts'
import { startOldServer } from './old-server.ts'
import { startThrowaway } from './throwaway.ts'

let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

/** What is said before anything starts; fails where something starts, or where it is no sentence. */
async function refusalOf(opening: Promise<{ close(): Promise<unknown> }>): Promise<Refusal> {
  try {
    await (await opening).close()
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    expect(error.refusal.reason).toMatch(/^[A-Z].*\.$/)
    expect(error.refusal.next).toMatch(/^[A-Z].{20,}/)
    return error.refusal
  }
  throw new Error('it was opened')
}

async function ask(text: string, at = inject('postgres')): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: at })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

const tables = (): Promise<unknown> => ask(`select tablename from pg_tables where schemaname = 'public'`, url)

test('a server that is too old is refused by its version, before anything else is asked of it', async () => {
  const old = await startOldServer(130_004)
  open.push(old)
  expect(await refusalOf(postgres({ url: old.url, listen: false }))).toMatchObject({
    code: 'postgres_too_old',
    reason: 'PostgreSQL is 13; at least 15 is needed.',
  })
})

test('a replica is refused, and so is a database that is set to read only', async () => {
  const leader = await startThrowaway(['fsync=off'])
  open.push({ close: () => leader.remove() })
  await (await postgres({ url: leader.url })).close()
  const replica = await leader.replica('late')
  open.push({ close: () => replica.remove() })
  expect(await refusalOf(postgres({ url: replica.url }))).toMatchObject({
    code: 'store_read_only',
    reason: 'PostgreSQL takes no writes: this server is a replica.',
  })
  await ask(`alter database ${new URL(url).pathname.slice(1)} set default_transaction_read_only = on`)
  expect(await refusalOf(postgres({ url }))).toMatchObject({ code: 'store_read_only' })
  expect(await tables()).toEqual([])
})

test('a database that keeps other texts than UTF8 is refused', async () => {
  const name = `latin_${process.pid}`
  await ask(`create database ${name} encoding 'LATIN1' locale 'C' template template0`)
  const address = new URL(url)
  address.pathname = `/${name}`
  const said = { code: 'store_encoding', reason: 'The database keeps texts as LATIN1; UTF8 is needed.' }
  expect(await refusalOf(postgres({ url: address.href }))).toMatchObject(said)
})

test.each([
  ['behind', -60_000],
  ['ahead of', 60_000],
])('a clock that is a minute %s the server’s is refused, and one that is nine seconds off is not', async (_, offMs) => {
  const openAt = (now: () => number) => openPostgres({ url, writer: 'w', pause: () => Promise.resolve(), now })
  expect(await refusalOf(openAt(() => Date.now() + offMs))).toMatchObject({
    code: 'store_clock_off',
    reason: expect.stringMatching(/differ by (59|60) s\.$/),
  })
  expect(await tables()).toEqual([])
  await (await openAt(() => Date.now() + (offMs * 9) / 60)).close()
})

test('a wrong password is told apart from a wrong address, and neither says the password', async () => {
  const user = `locked_${new URL(url).pathname.slice(1)}`
  await ask(`create role ${user} login password 'right'`)
  const [row] = await ask('show hba_file')
  const file = String(row?.hba_file)
  await writeFile(file, `host all ${user} 127.0.0.1/32 scram-sha-256\n${await readFile(file, 'utf8')}`)
  await ask('select pg_reload_conf()')
  const address = new URL(url)
  address.username = user
  address.password = 'hunter2'
  const refused = await refusalOf(postgres({ url: address.href }))
  expect(refused).toMatchObject({ code: 'store_denied', reason: 'PostgreSQL does not accept the password.' })
  address.hostname = 'no-such-host.invalid'
  const unreachable = await refusalOf(postgres({ url: address.href }))
  expect(unreachable.code).toBe('store_unreachable')
  expect(JSON.stringify([refused, unreachable])).not.toContain('hunter2')
})

test('a schema of which an older step is missing is refused where it may not be brought up', async () => {
  await (await postgres({ url })).close()
  await ask('delete from migrations where number = (select max(number) from migrations)', url)
  expect(await refusalOf(postgres({ url, migrate: false }))).toMatchObject({
    code: 'store_older_schema',
    reason: expect.stringMatching(/^The database has migration \d+; this version needs \d+\.$/),
  })
})
