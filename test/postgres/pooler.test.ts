import pg from 'pg'
import { afterAll, expect, inject, test } from 'vitest'
import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { storeContract } from '../../src/store/contract/contract.ts'
import { serverHarness } from '../../src/store/postgres/harness.ts'
import { admission, helloOf } from '../orders.ts'
import { openDatabase } from './database.ts'
import { startPooler } from './pooler.ts'

/** Connections to the server for each database: so few that transactions of all writers and readers change hands. */
const connections = 3
const url = inject('postgres')
const pooler = await startPooler(url, ['postgres', 'pawl_login'], connections)
afterAll(() => pooler.close())

storeContract('PostgreSQL behind PgBouncer, in its roles', serverHarness(url, { through: pooler.through }), [
  'admits once',
  'claims in order',
  'fences stale owners',
  'journals every transition',
  'keeps the ledger',
  'keeps permits',
  'remembers leaders',
  'reads history',
])

test('SE-33 behind a pooler that hands a connection from one to the next, each tenant sees its own rows, and no role or tenant stays on it', async () => {
  const database = await openDatabase(url)
  const through = pooler.through(database)
  const open = (): Promise<StoreHost> => postgres({ url: through, prepare: false, listen: database })
  const hosts = [await open(), await open()]
  const tenants = ['acme', 'globex']
  try {
    const each = 40
    const work = hosts.flatMap((host) =>
      tenants.flatMap((tenant) =>
        Array.from({ length: each }, async () => {
          const order = { kind: 'admit', admission: admission({ tenant }) } as const
          const answer = await host.orders.give<'admit'>(order)
          if (isRefusal(answer) || answer.replayed) throw new Error('it was not admitted anew')
          const { id } = answer.born
          const seen = await Promise.all(tenants.map(async (reader) => await host.views.of(reader).find(id)))
          return seen.map((row) => row !== null)
        }),
      ),
    )
    const seen = await Promise.all(work)
    expect(seen.filter(([acme, globex]) => acme === true && globex === false)).toHaveLength(2 * each)
    expect(seen.filter(([acme, globex]) => acme === false && globex === true)).toHaveLength(2 * each)
    const settled = await Promise.all(hosts.map((host, index) => settleAll(host, `w${index}`)))
    expect(settled.reduce((sum, count) => sum + count, 0)).toBe(4 * each)
    const positions = (await hosts[0]?.views.log(0, 1_000))?.map(({ position }) => position)
    expect(positions).toEqual(positions?.map((_, index) => index + 1))
    const asked = await Promise.all(Array.from({ length: 2 * connections }, () => left(through)))
    expect(new Set(asked)).toEqual(new Set(['none||on']))
  } finally {
    await Promise.all(hosts.map((host) => host.close()))
  }
})

async function settleAll(host: StoreHost, name: string): Promise<number> {
  const registered = await host.orders.give<'register'>({ kind: 'register', hello: helloOf(name) })
  if (isRefusal(registered)) throw new Error(registered.reason)
  const { worker } = registered
  for (let done = 0; ; ) {
    const claimed = await host.orders.give<'claim'>({ kind: 'claim', worker, limit: 20, leaseMs: 30_000, waitMs: 0 })
    if (isRefusal(claimed)) throw new Error(claimed.reason)
    if (claimed.length === 0) return done
    const answers = await Promise.all(
      claimed.map(({ execution: { id, fence } }) => {
        const command = { type: 'succeed', fence, result: 'null', fingerprint: 'f' } as const
        return host.orders.give<'work'>({ kind: 'work', worker, id, command })
      }),
    )
    done += answers.filter((answer) => !isRefusal(answer)).length
  }
}

/** What a transaction finds that sets nothing. */
async function left(through: string): Promise<string> {
  const client = new pg.Client({ connectionString: through })
  await client.connect()
  try {
    const text = `select concat_ws('|', current_setting('role'), coalesce(current_setting('pawl.tenant', true), ''), current_setting('enable_seqscan')), pg_sleep(0.05)`
    const { rows } = await client.query({ text, rowMode: 'array' })
    return String(rows[0]?.[0])
  } finally {
    await client.end()
  }
}
