import pg from 'pg'
import { afterEach, beforeEach, expect, inject, test } from 'vitest'
import type { StoreHost } from '../../src/commit/host.ts'
import { feedStanding } from '../../src/commit/host.ts'
import { isRefusal } from '../../src/errors/refusal.ts'
import { postgres } from '../../src/postgres.ts'
import { metricsText } from '../../src/projections/metrics.ts'
import { admission } from '../orders.ts'
import { openDatabase } from './database.ts'

/** The ordered feed beside commits that are held up, on several writers of one database. */
let url = ''
const open: { close(): Promise<unknown> }[] = []
beforeEach(async () => {
  url = await openDatabase(inject('postgres'))
})
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function openHost(): Promise<StoreHost> {
  const host = await postgres({ url })
  open.push(host)
  return host
}

async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  open.push({ close: () => client.end() })
  return client
}

const lagOf = async (host: StoreHost): Promise<number> => (await feedStanding(host)).lagMs

async function admit(host: StoreHost, count: number): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const answer = await host.orders.give<'admit'>({ kind: 'admit', admission: admission() })
    if (isRefusal(answer)) throw new Error(answer.reason)
  }
}

/** Reads the feed on and on, from the beginning, until it has come to `end()`. */
async function tail(host: StoreHost, end: () => number | null): Promise<readonly [position: number, number, number][]> {
  const read: [number, number, number][] = []
  for (let after = 0; after !== end(); ) {
    for (const { position, executions, numbers } of await host.views.log(after, 3)) {
      after = position
      for (const [index, execution] of executions.entries()) read.push([position, execution, numbers[index] ?? 0])
    }
  }
  return read
}

test('REL-04 SE-40 a reader of the ordered feed neither skips nor doubles anything beside writers that commit late', async () => {
  const writers = await Promise.all([openHost(), openHost(), openHost()])
  const [first] = writers
  if (first === undefined) throw new Error('three were opened')
  const foreign = await connect()
  let end: number | null = null
  const reading = tail(await openHost(), () => end)
  const writing = Promise.all(writers.map((writer) => admit(writer, 15)))
  let isOver = false
  void writing.finally(() => {
    isOver = true
  })
  // Commits are held up at their last table, when they have their place in the order.
  while (!isOver) {
    await foreign.query('begin; lock table log in share row exclusive mode')
    await foreign.query('rollback')
  }
  await writing
  end = await first.views.headPosition()
  const read = await reading
  const { rows } = await foreign.query({
    text: 'select position::int, execution::int, n::int from execution_events order by position, execution',
    rowMode: 'array',
  })
  expect(read).toEqual(rows)
  expect(read).toHaveLength(45)
  expect([...new Set(read.map(([position]) => position))]).toEqual(Array.from({ length: end }, (_, index) => index + 1))
})

test('DG-03 the lag of the ordered feed grows while a foreign transaction holds a commit up, in every process, and is over with it', async () => {
  const [writer, other] = [await openHost(), await openHost()]
  await admit(writer, 1)
  expect(await lagOf(other)).toBeLessThan(1_000)
  const foreign = await connect()
  // One that merely stays open holds up nobody.
  await foreign.query('create table foreign_work (id int); begin; insert into foreign_work values (1)')
  await admit(writer, 1)
  expect(await lagOf(other)).toBe(0)
  await foreign.query('lock table log in share row exclusive mode')
  const admitting = admit(writer, 1)
  for (const host of [writer, other]) {
    await expect.poll(() => lagOf(host)).toBeGreaterThan(200)
    const before = await lagOf(host)
    await expect.poll(() => lagOf(host)).toBeGreaterThan(before + 100)
  }
  const text = await metricsText({
    log: { waiting: 0, dropped: 0 },
    views: other.views,
    standing: await feedStanding(other),
    version: '1',
    role: 'worker',
    tenant: null,
    now: 0,
  })
  expect(Number(/^pawl_ordered_feed_lag_seconds (\S+)$/m.exec(text)?.[1])).toBeGreaterThan(0.3)
  expect(text).toContain('\npawl_ordered_feed_position 2\n')
  await foreign.query('rollback')
  await admitting
  await expect.poll(() => lagOf(other)).toBe(0)
  expect(await lagOf(writer)).toBe(0)
})
