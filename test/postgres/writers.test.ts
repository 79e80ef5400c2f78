import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { StoreHost } from '../../src/commit/host.ts'
import type { Admission, Claimed } from '../../src/commit/order.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { writeNeeds } from '../../src/execution/permit.ts'
import { postgres } from '../../src/postgres.ts'
import { admission, changedIds, helloOf } from '../orders.ts'
import { openDatabase } from './database.ts'

/** Several writers of one database, each with connections and a memory of its own: what several processes are. */
let url = ''
const hosts: StoreHost[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
})
afterEach(async () => {
  await Promise.all(hosts.splice(0).map((host) => host.close()))
})

async function open(listen?: false): Promise<StoreHost> {
  const host = await postgres({ url, listen })
  hosts.push(host)
  return host
}

const openMany = async (count: number): Promise<readonly StoreHost[]> =>
  Promise.all(Array.from({ length: count }, () => open()))

async function register(host: StoreHost, name: string): Promise<number> {
  const registered = await host.orders.give<'register'>({ kind: 'register', hello: helloOf(name) })
  if (isRefusal(registered)) throw new Error(registered.reason)
  return registered.worker
}

async function claim(host: StoreHost, worker: number, limit: number, waitMs = 0): Promise<readonly Claimed[]> {
  const answer = await host.orders.give<'claim'>({ kind: 'claim', worker, limit, leaseMs: 30_000, waitMs })
  if (isRefusal(answer)) throw new Error(answer.reason)
  return answer
}

const admit = async (host: StoreHost, some: Partial<Admission> = {}): Promise<{ id: number; replayed: boolean }> => {
  const answer = await host.orders.give<'admit'>({ kind: 'admit', admission: admission(some) })
  if (isRefusal(answer)) throw new Error(answer.reason)
  return { id: answer.replayed ? answer.execution.id : answer.born.id, replayed: answer.replayed }
}

async function ask(text: string): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query(text)
  await client.end()
  return rows
}

test('REL-02a SE-20 a thousand submits of one key through eight writers begin one execution', async () => {
  const all = await openMany(8)
  const answers = await Promise.all(
    Array.from({ length: 1_000 }, (_, index) => admit(all[index % all.length] as StoreHost, { key: 'K' })),
  )
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1)
  expect(answers.filter(({ replayed }) => !replayed)).toHaveLength(1)
  expect(await ask('select count(*)::int as n from requests')).toEqual([{ n: 1 }])
})

test('REL-03 what several writers claim at once is claimed once each, and all of it', async () => {
  const all = await openMany(4)
  const workers = await Promise.all(all.map((host, index) => register(host, `w${index}`)))
  await Promise.all(Array.from({ length: 400 }, (_, index) => admit(all[index % 4] as StoreHost)))
  const claimed: number[] = []
  await Promise.all(
    all.map(async (host, index) => {
      for (let found = -1; found !== 0; ) {
        const batch = await claim(host, workers[index] ?? 0, 7)
        found = batch.length
        claimed.push(...batch.map(({ execution }) => execution.id))
      }
    }),
  )
  expect(claimed.sort((a, b) => a - b)).toEqual(Array.from({ length: 400 }, (_, index) => index + 1))
  const [events] = await ask(
    'select count(*)::int as n, count(distinct (execution, n))::int as once from execution_events',
  )
  expect(events).toEqual({ n: 800, once: 800 })
})

test('SE-24 a permit of one is never had twice, whichever writers ask for it', async () => {
  const all = await openMany(3)
  const workers = await Promise.all(all.map((host, index) => register(host, `w${index}`)))
  const permits = writeNeeds({ permits: [{ key: 'host-1', capacity: 1, shared: false }], rate: null, holdMs: 0 })
  await Promise.all(Array.from({ length: 12 }, (_, index) => admit(all[index % 3] as StoreHost, { permits })))
  let running = 0
  let most = 0
  let done = 0
  await Promise.all(
    all.map(async (host, index) => {
      const worker = workers[index] ?? 0
      while (done < 12) {
        for (const { execution } of await claim(host, worker, 3, 300)) {
          running += 1
          most = Math.max(most, running)
          await new Promise((turn) => setImmediate(turn))
          running -= 1
          done += 1
          const { id, fence } = execution
          const command = { type: 'succeed', fence, result: 'null', fingerprint: 'f' } as const
          await host.orders.give<'work'>({ kind: 'work', worker, id, command })
        }
      }
    }),
  )
  expect(most).toBe(1)
})

test('a worker that waits hears at once of work that another process admits, and within a poll where it cannot listen', async () => {
  for (const listen of [undefined, false] as const) {
    const [here, there] = await Promise.all([open(listen), open(listen)])
    const worker = await register(here, `w-${listen}`)
    const waiting = claim(here, worker, 1, 20_000)
    const startedAt = performance.now()
    await admit(there)
    expect(await waiting).toHaveLength(1)
    expect(performance.now() - startedAt).toBeLessThan(listen === false ? 5_000 : 900)
  }
})

test('whoever watches in one process is told of what another commits, also while a foreign transaction stays open', async () => {
  const [here, there] = await openMany(2)
  if (here === undefined || there === undefined) throw new Error('two were opened')
  const foreign = new pg.Client({ connectionString: url })
  await foreign.connect()
  await foreign.query('create table foreign_work (id int); begin; insert into foreign_work values (1)')
  const told = changedIds(here, 20)
  await Promise.all(Array.from({ length: 20 }, () => admit(there)))
  expect(await told).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  await foreign.query('rollback')
  await foreign.end()
})

test('what one process sets, the others go by: a pause holds everywhere, and so does its end', async () => {
  const [here, there] = await openMany(2)
  if (here === undefined || there === undefined) throw new Error('two were opened')
  const worker = await register(there, 'w')
  const pause = { scope: 'tenant', value: 'acme', tenant: null, reason: 'test', by: 'human:a' } as const
  await here.orders.give<'pause'>({ kind: 'pause', pause, on: true })
  await admit(there)
  expect(await claim(there, worker, 1)).toEqual([])
  await here.orders.give<'pause'>({ kind: 'pause', pause, on: false })
  expect(await claim(there, worker, 1, 5_000)).toHaveLength(1)
})

test('a start forgets writers that have been quiet for a day, and never the one that wrote last', async () => {
  await open()
  await ask(`insert into writers (writer, number, at)
    values ('a quiet', 1, now() - interval '2 days'), ('b heard lately', 2, now() - interval '2 hours')`)
  await ask(`insert into writers (writer, number, at) values ('c newest', 1000000, now() - interval '3 days')`)
  await open()
  const kept = await ask("select writer from writers where writer like '_ %' order by writer")
  expect(kept.map(({ writer }) => writer)).toEqual(['b heard lately', 'c newest'])
})
