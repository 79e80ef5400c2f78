import pg from 'pg'
import { afterEach, expect, inject, test } from 'vitest'
import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal, Refused } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { admission } from '../orders.ts'
import { openDatabase } from './database.ts'
import { startThrowaway, type Throwaway } from './throwaway.ts'

/** Addresses of several servers, of which one takes writes at a time, and servers that take none for a while. */
const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function openHost(url: string): Promise<StoreHost> {
  const host = await postgres({ url })
  open.push(host)
  return host
}

const admit = async (host: StoreHost): Promise<boolean> =>
  !isRefusal(await host.orders.give<'admit'>({ kind: 'admit', admission: admission() }))

async function ask(url: string, text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

const admitted = async (url: string): Promise<unknown> =>
  (await ask(url, 'select count(*)::int as n from requests'))[0]?.n

/** How many connections there ever were: each try is one more, and so is each question for them. */
const sessionsOf = async (url: string): Promise<number> =>
  Number((await ask(url, 'select sessions from pg_stat_database where datname = current_database()'))[0]?.sessions)

const codeOf = (opening: Promise<unknown>): Promise<unknown> =>
  opening.then(
    () => 'opened',
    (thrown: unknown) => (thrown instanceof Refused ? thrown.refusal.code : thrown),
  )

const headOf = async (host: StoreHost): Promise<unknown> => {
  try {
    return await host.views.headPosition()
  } catch {
    return 'away'
  }
}

/** `postgres://user@first:1,second:2/database`, as libpq takes it. */
function addressOf(...servers: readonly string[]): string {
  const hosts = servers.map((each) => new URL(each).host)
  return `${servers[0]?.replace(hosts[0] ?? '', hosts.join(','))}?target_session_attrs=read-write`
}

async function startBoth(): Promise<{ readonly primary: Throwaway; readonly replica: Throwaway }> {
  // Of the system's packages, whichever version is tried: what npm brings cannot make replicas.
  const primary = await startThrowaway(['fsync=off'])
  open.push({ close: () => primary.remove() })
  const replica = await primary.replica('second')
  open.push({ close: () => replica.remove() })
  await ask(primary.url, `alter system set synchronous_standby_names = 'second'`)
  await ask(primary.url, 'select pg_reload_conf()')
  return { primary, replica }
}

test('of several servers the one that takes writes is used, also when it is another, and never one that was promoted over', async () => {
  const { primary, replica } = await startBoth()
  expect(await codeOf(postgres({ url: addressOf(replica.url) }))).toBe('store_read_only')
  const host = await openHost(addressOf(replica.url, primary.url))
  expect(await admit(host)).toBe(true)
  await primary.stop('immediate')
  // The replica is there and takes nothing yet: whoever waits is answered when it does.
  const waiting = admit(host)
  await expect.poll(() => headOf(host)).toBe('away')
  await replica.promote()
  expect(await waiting).toBe(true)
  expect(await admitted(replica.url)).toBe(2)
  expect(await host.views.headPosition()).toBe(2)
  // Somebody starts the old one again as it was, so that it takes writes, and the new one is away for a moment.
  await primary.start()
  await ask(primary.url, 'alter system reset synchronous_standby_names')
  await ask(primary.url, 'select pg_reload_conf()')
  await replica.stop('fast')
  const waitingAgain = admit(host)
  const before = await sessionsOf(primary.url)
  await expect.poll(() => sessionsOf(primary.url), { timeout: 20_000 }).toBeGreaterThan(before + 8)
  await replica.start()
  expect(await waitingAgain).toBe(true)
  expect([await admitted(primary.url), await admitted(replica.url)]).toEqual([1, 3])
  expect(await host.views.headPosition()).toBe(3)
})

test('a server that takes no writes for a while is waited for', async () => {
  const url = await openDatabase(inject('postgres'))
  const host = await openHost(url)
  expect(await admit(host)).toBe(true)
  const name = new URL(url).pathname.slice(1)
  await ask(url, `alter database ${name} set default_transaction_read_only = on`)
  await ask(
    url,
    `select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname = '${name}' and application_name like 'pawl%'`,
  )
  const waiting = admit(host)
  let isAnswered = false
  void waiting
    .catch(() => {})
    .finally(() => {
      isAnswered = true
    })
  // It is tried again and again: each try is a connection that is looked at and closed.
  const before = await sessionsOf(url)
  await expect.poll(() => sessionsOf(url), { timeout: 20_000 }).toBeGreaterThan(before + 12)
  expect(isAnswered).toBe(false)
  const writing = `${url}?options=-c%20default_transaction_read_only%3Doff`
  await ask(writing, `alter database ${name} reset default_transaction_read_only`)
  expect(await waiting).toBe(true)
  expect(await admitted(url)).toBe(2)
})

test('what an address asks for and Pawl cannot do with is refused', async () => {
  const url = await openDatabase(inject('postgres'))
  for (const wanted of ['read-only', 'standby', 'prefer-standby']) {
    expect(await codeOf(postgres({ url: `${url}?target_session_attrs=${wanted}` }))).toBe('bad_configuration')
  }
  expect(await codeOf(postgres({ url: url.replace('127.0.0.1', '127.0.0.1,') }))).toBe('bad_configuration')
  const gone = url.replace(new URL(url).port, '1')
  expect(await codeOf(postgres({ url: addressOf(gone, gone) }))).toBe('store_unreachable')
  expect(await codeOf(openHost(addressOf(gone, url)))).toBe('opened')
})
