import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { action, createPawl, type Pawl } from '../pawl.ts'
import { sqlite } from '../sqlite.ts'
import { archivedTables } from '../store/sqlite/archive.ts'
import { VirtualClock } from '../time/clock.ts'
import { startRetention } from './retention.ts'

const day = 86_400_000
const by = { principal: 'human:alice', tenant: 'default' }
const add = action({
  name: 'demo.add',
  version: 1,
  input: z.object({ a: z.number() }),
  retry: { maxAttempts: 1 },
  async run({ input, step, effect, artifact, log }) {
    log('adds', { a: input.a })
    const sum = await step('sum', () => input.a + 1)
    await effect('post', { target: 'opaque', do: () => ({ posted: sum }) })
    await artifact('note.txt', 'a note', 'text/plain')
    if (sum > 100) throw new Error('too much')
    return { sum }
  },
})
const wait = action({ name: 'demo.wait', version: 1, input: z.unknown(), run: () => null })

/** A clock on which days go by without a timer. */
class SetClock extends VirtualClock {
  offsetMs = 0
  override now(): number {
    return super.now() + this.offsetMs
  }
}

let folder: string
let clock: SetClock
let pawl: Pawl<readonly [typeof add, typeof wait]>
let raw: DatabaseSync

const codeOf = (answer: unknown): string | null => (isRefusal(answer) ? (answer as Refusal).code : null)

/** Every row of every table, as text. */
function dump(): Record<string, readonly string[]> {
  const tables = raw.prepare(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`).all()
  return Object.fromEntries(
    tables.map(({ name }) => [
      name as string,
      raw
        .prepare(`select * from ${name}`)
        .all()
        .map((row) => JSON.stringify(row, asText))
        .sort(),
    ]),
  )
}
const asText = (_: string, value: unknown): unknown =>
  value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-archive-'))
  const path = join(folder, 'pawl.db')
  clock = new SetClock()
  const store = await sqlite({ path, clock, writer: 'inline' })
  pawl = await createPawl({ store, actions: [add, wait] as const, clock, dataDir: folder, slots: 4 })
  raw = new DatabaseSync(path)
})
afterEach(async () => {
  raw.close()
  let isStopped = false
  const stopping = pawl.stop({ graceMs: 0 }).then(() => {
    isStopped = true
  })
  while (!isStopped) {
    await clock.advance(1_000)
    await turn()
  }
  await stopping
  rmSync(folder, { recursive: true })
})

/** Gives the loop a turn: commits are gathered in one. */
const turn = (): Promise<void> =>
  new Promise((resolve) => {
    setImmediate(resolve)
  })

/** Two executions run to their ends, and 40 days go by. */
async function history(): Promise<{ good: string; bad: string }> {
  await pawl.start()
  const { id: good } = await pawl.submit({ action: 'demo.add', input: { a: 1 }, key: 'good', subject: 'quote:1' })
  const { id: bad } = await pawl.submit({ action: 'demo.add', input: { a: 100 }, key: 'bad' })
  while ((await pawl.get(good)).finishedAt === null || (await pawl.get(bad)).finishedAt === null) {
    await clock.advance(100)
    await turn()
  }
  clock.offsetMs = 40 * day
  return { good, bad }
}

test('REL-11h what is restored is what was archived, byte for byte, but for the two events that tell of it', async () => {
  const { good, bad } = await history()
  const before = dump()
  expect(await pawl.archive({ olderThan: '30d' })).toEqual({ archived: 2, dryRun: false, more: false })
  const between = dump()
  expect(between.archives).toHaveLength(2)
  for (const { name } of archivedTables) expect(between[name], name).toEqual([])
  expect(between.log?.slice().sort()).toEqual(expect.arrayContaining([...(before.log ?? [])]))
  await pawl.restore(good)
  await pawl.restore(bad)
  const after = dump()
  const plain = (rows: readonly string[] = []) =>
    rows.map((row) => row.replace(/"(n|head|updated_at)":\d+,/g, '')).sort()
  const { log: logAfter, executions: executionsAfter, workers: _, ...restAfter } = after
  const { log: logBefore, executions: executionsBefore, workers: __, ...restBefore } = before
  expect(restAfter).toEqual(restBefore)
  expect(plain(executionsAfter)).toEqual(plain(executionsBefore))
  expect(logAfter?.filter((row) => !logBefore?.includes(row))).toHaveLength(4)
})

test('REL-11h status and trace of an archived execution answer from its document', async () => {
  const { good } = await history()
  const parts = () =>
    Promise.all([
      pawl.get(good),
      pawl.engine.plane.steps(good, by),
      pawl.engine.plane.effects(good, by),
      pawl.engine.plane.kept.artifacts(good, by),
      pawl.engine.plane.kept.logs(good, {}, by),
    ])
  const [status, ...before] = await parts()
  await pawl.archive({ olderThan: '30d' })
  const [archived, ...after] = await parts()
  expect(after).toEqual(before)
  const { stateVersion, updatedAt: _, archivedAt: __, ...rest } = status
  expect(archived).toMatchObject({
    ...rest,
    stateVersion: stateVersion + 1,
    archivedAt: new Date(clock.now()).toISOString(),
  })
  const events = await pawl.engine.plane.events(good, 0, 100, by)
  expect(isRefusal(events) ? [] : events.map(({ sequence }) => sequence)).toEqual(
    Array.from({ length: archived.stateVersion }, (___, index) => index + 1),
  )
  expect(isRefusal(events) ? null : events.at(-1)).toMatchObject({ type: 'archived', principal: 'service:embedded' })
  expect((await pawl.archives()).items.map(({ id }) => id)).toContain(good)
  const stranger = { principal: 'human:bob', tenant: 'globex' }
  expect(codeOf(await pawl.engine.plane.get(good, stranger))).toBe('not_found')
  expect(codeOf(await pawl.engine.plane.restore(good, stranger))).toBe('not_found')
  expect((await pawl.as(stranger).archives()).items).toEqual([])
})

test('REL-11h the audit of what is archived is read by people and by SQL as before', async () => {
  const { good } = await history()
  const audit = () => raw.prepare('select * from execution_events order by position, execution').all()
  const transitions = () => raw.prepare('select * from execution_queue_transition_audit').all()
  const [before, changes] = [audit(), transitions()]
  await pawl.archive({ olderThan: '30d' })
  expect(audit().slice(0, before.length)).toEqual(before)
  expect(transitions()).toEqual(changes)
  expect(audit().filter(({ execution_id: id, type }) => id === good && type === 'archived')).toHaveLength(1)
})

test('REL-11h a key holds after its execution is archived: the same input is answered, another is refused', async () => {
  const { good } = await history()
  await pawl.archive({ olderThan: '30d' })
  const again = await pawl.submit({ action: 'demo.add', input: { a: 1 }, key: 'good', subject: 'quote:1' })
  expect(again).toMatchObject({ id: good, replayed: true, result: { sum: 2 } })
  const other = await pawl.trySubmit({ action: 'demo.add', input: { a: 2 }, key: 'good' })
  expect(codeOf(other)).toBe('idempotency_key_reused')
  expect((await pawl.submit({ action: 'demo.add', input: { a: 1 }, key: 'new' })).replayed).toBe(false)
})

test('REL-11h nothing changes an archived execution; restored, it can be redriven', async () => {
  const { bad } = await history()
  await pawl.archive({ olderThan: '30d' })
  expect(codeOf(await pawl.engine.plane.command(bad, { type: 'redrive', reason: 'again' }, by))).toBe(
    'execution_archived',
  )
  expect(codeOf(await pawl.engine.plane.restore('nonsense', by))).toBe('not_found')
  expect(await pawl.restore(bad)).toMatchObject({ state: 'failed', archivedAt: null })
  expect(codeOf(await pawl.engine.plane.restore(bad, by))).toBe('not_found')
  expect(await pawl.redrive(bad, 'again')).toMatchObject({ state: 'queued' })
})

test('REL-11h a rerun behind an archived generation takes the next one', async () => {
  const { bad } = await history()
  const again = await pawl.rerun(bad)
  await pawl.cancel(again.id)
  clock.offsetMs = 80 * day
  await pawl.archive({ olderThan: '30d', state: 'canceled' })
  expect(await pawl.get(again.id)).toMatchObject({ generation: 2, state: 'canceled' })
  expect(await pawl.rerun(bad)).toMatchObject({ generation: 3 })
  await pawl.archive({ olderThan: '30d', state: 'failed' })
  expect(codeOf(await pawl.engine.plane.rerun(bad, by))).toBe('execution_archived')
})

test('REL-11h two restores in one commit bring it back once', async () => {
  const { good } = await history()
  await pawl.archive({ olderThan: '30d' })
  const answers = await Promise.all([pawl.engine.plane.restore(good, by), pawl.engine.plane.restore(good, by)])
  expect(answers.map(codeOf)).toEqual([null, 'not_found'])
})

test('REL-11h only what is old enough, of the wanted state, and at rest is archived', async () => {
  const { bad } = await history()
  expect(await pawl.archive({ olderThan: '41d' })).toMatchObject({ archived: 0 })
  expect(await pawl.archive({ olderThan: '30d', state: 'failed', dryRun: true })).toMatchObject({ archived: 1 })
  expect((await pawl.archives()).items).toEqual([])
  expect(codeOf(await pawl.engine.plane.archives.run({ olderThan: '30d', state: 'running' }, by))).toBe('invalid_input')
  expect(codeOf(await pawl.engine.plane.archives.run({ olderThan: 'long' }, by))).toBe('invalid_delay')
  const both = [pawl.redrive(bad, 'once more'), pawl.archive({ olderThan: '30d' })] as const
  const [, run] = await Promise.all(both)
  expect(run.archived).toBe(1)
  expect(await pawl.get(bad)).toMatchObject({ archivedAt: null })
})

test.each(['requests', 'executions', 'outcomes', 'execution_steps', 'execution_effects'].map((name) => ({ name })))(
  'REL-11h raw SQL deletes nothing from $name',
  async ({ name }) => {
    await history()
    expect(() => raw.exec(`delete from ${name}`)).toThrow(/append_only|FOREIGN KEY/)
  },
)

test('REL-11h every table that holds rows of one execution is archived, or is known to be an index of it', () => {
  const kept = new Set<string>(archivedTables.map(({ name }) => name))
  // Where work stands, what it holds and waits for, what a bulk command did, what could not be read, and the archive itself.
  const indexes = new Set(['archives', 'execution_locks', 'permit_waiters', 'bulk_items', 'quarantine'])
  const tables = raw.prepare(`select name from sqlite_schema where type = 'table' and name not like 'sqlite_%'`).all()
  const missing = tables
    .map(({ name }) => name as string)
    .filter((name) => !kept.has(name) && !indexes.has(name))
    .filter((name) => {
      const columns = raw.prepare('select name from pragma_table_info(?)').all(name)
      const keys = raw.prepare('select "table" as t from pragma_foreign_key_list(?)').all(name)
      return columns.some((column) => column.name === 'execution') || keys.some(({ t }) => t === 'executions')
    })
  expect(missing).toEqual([])
})

test('REL-11h 1,200 executions are archived in commits of at most 100', async () => {
  await pawl.submitMany(Array.from({ length: 1_200 }, () => ({ action: 'demo.wait', input: {} }) as never))
  for (const { id } of (await pawl.list({ limit: 500 })).items) await pawl.cancel(id)
  for (const { id } of (await pawl.list({ limit: 500, state: 'queued' })).items) await pawl.cancel(id)
  for (const { id } of (await pawl.list({ limit: 500, state: 'queued' })).items) await pawl.cancel(id)
  clock.offsetMs = 40 * day
  expect(await pawl.archive({ olderThan: '30d', limit: 700 })).toMatchObject({ archived: 700, more: true })
  expect(await pawl.archive({ olderThan: '30d' })).toMatchObject({ archived: 500, more: false })
  const sizes = raw.prepare('select json_array_length(executions) as n from log where type = 64').all()
  expect(sizes.map(({ n }) => n)).toEqual(Array<number>(12).fill(100))
  expect(dump().executions).toEqual([])
})

test('REL-11h retention archives once a day, in every tenant', async () => {
  await history()
  const { orders } = pawl.engine.host
  const lines: string[] = []
  const retention = startRetention({ orders, clock, afterDays: 30, log: (_, message) => lines.push(message) })
  await clock.advance(59_000)
  expect(lines).toEqual([])
  while (lines.length === 0) await clock.advance(1_000)
  await retention.stop()
  expect(lines).toEqual(['Executions were archived.'])
  expect((await pawl.archives()).items).toHaveLength(2)
})
