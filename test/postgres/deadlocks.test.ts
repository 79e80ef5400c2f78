import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { admission } from '../orders.ts'
import { openDatabase } from './database.ts'

let url = ''
let other: pg.Client
const hosts: StoreHost[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
  // Whoever waits first looks for a deadlock first, and not before the other one waits, too.
  await run(`alter database ${new URL(url).pathname.slice(1)} set deadlock_timeout = '3s'`)
  other = new pg.Client({ connectionString: url })
  await other.connect()
  await other.query(`set deadlock_timeout = '1min'`)
})
afterEach(async () => {
  await other.end()
  for (const host of hosts.splice(0)) await host.close()
})

async function run(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    return (await client.query(text)).rows
  } finally {
    await client.end()
  }
}

async function open(): Promise<StoreHost> {
  const host = await postgres({ url, listen: false })
  hosts.push(host)
  return host
}

/** Holds one table, lets `work` run into it, and asks for the table that `work` holds: one of the two is ended. */
async function crossed<T>(held: string, asked: string, mode: string, work: () => Promise<T>): Promise<T> {
  await other.query('begin')
  await other.query(`lock table ${held} in ${mode} mode`)
  const worked = work()
  const waits = `select 1 from pg_locks where not granted and relation = '${held}'::regclass`
  await expect.poll(async () => (await run(waits)).length).toBeGreaterThan(0)
  await other.query(`lock table ${asked} in ${mode} mode`)
  await other.query('commit')
  return await worked
}

const deadlocks = async (): Promise<number> =>
  Number((await run(`select deadlocks::int from pg_stat_database where datname = current_database()`))[0]?.deadlocks)

test('REL-03 a question that meets somebody else’s migration in a deadlock is asked again', async () => {
  const host = await open()
  const answer = await host.orders.give<'admit'>({ kind: 'admit', admission: admission() })
  if (isRefusal(answer) || answer.replayed) throw new Error('it was not admitted')
  const { id } = answer.born
  const found = await crossed('requests', 'executions', 'access exclusive', async () => await host.views.find(id))
  expect(found?.request.id).toBe(id)
  await expect.poll(deadlocks).toBe(1)
})

test('REL-10e a start that sets rights anew and meets a reader in a deadlock begins again', async () => {
  await (await open()).orders.give<'admit'>({ kind: 'admit', admission: admission() })
  await run(`comment on table migrations is 'of another version'`)
  const host = await crossed('executions', 'approvals', 'access share', open)
  expect(await host.views.list({ limit: 10 })).toHaveLength(1)
  await expect.poll(deadlocks).toBe(1)
})
