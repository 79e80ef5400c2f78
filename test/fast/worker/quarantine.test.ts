import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { StoreHost } from '../../../src/commit/host.ts'
import type { Admission, Answer, OrderKind } from '../../../src/commit/order.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import type { WorkerCommand } from '../../../src/execution/command.ts'
import { opsOf } from '../../../src/projections/ops.ts'
import { sqlite } from '../../../src/sqlite.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { admission as plain } from '../../orders.ts'

const clock = new VirtualClock()
const leaseMs = 30_000
let folder: string
let host: StoreHost
let worker: number

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-quarantine-'))
  await open()
})
afterEach(async () => {
  await host.close()
  rmSync(folder, { recursive: true, force: true })
})

async function open(): Promise<void> {
  host = await sqlite({ path: join(folder, 'pawl.db'), writer: 'inline', clock, soon: queueMicrotask })
  const actions = [{ action: 'work', version: 1 }]
  const process = { host: 'h', pid: 1, startedTicks: null, bootId: null, slots: 999 }
  const hello = { identity: 'w', incarnation: `w-${clock.now()}`, ...process, actions }
  worker = given(await host.orders.give<'register'>({ kind: 'register', hello })).worker
}

const given = <K extends OrderKind>(answer: Answer<K>) =>
  orThrow(answer) as Exclude<Answer<K>, { readonly refused: true }>

/** Damages rows behind the store's back; its writer begins anew, for it remembers what it wrote itself. */
async function plant(...statements: readonly string[]): Promise<void> {
  await host.close()
  const raw = new DatabaseSync(join(folder, 'pawl.db'), { enableForeignKeyConstraints: false })
  const guards = raw.prepare(`select name, sql from sqlite_schema where type = 'trigger'`).all()
  for (const { name } of guards) raw.exec(`drop trigger ${String(name)}`)
  raw.exec('pragma ignore_check_constraints = on')
  for (const statement of statements) raw.exec(statement)
  for (const { sql } of guards) raw.exec(String(sql))
  raw.close()
  await open()
}

const admission = (some: Partial<Admission> = {}): Admission =>
  plain({ action: 'work', inputHash: 'a'.repeat(64), ...some })

async function submit(count: number, some: Partial<Admission> = {}): Promise<void> {
  const admissions = Array.from({ length: count }, () => admission(some))
  given(await host.orders.give<'admit_many'>({ kind: 'admit_many', admissions }))
}

async function claim(limit = 100) {
  const claimed = given(await host.orders.give<'claim'>({ kind: 'claim', worker, limit, leaseMs, waitMs: 0 }))
  return claimed.map(({ execution }) => execution)
}

const ids = (executions: readonly { readonly id: number }[]): number[] =>
  executions.map(({ id }) => id).sort((a, b) => a - b)
const work = (id: number, command: WorkerCommand) => host.orders.give<'work'>({ kind: 'work', worker, id, command })
const release = (key: number, tenant = 'acme') => host.orders.give<'release'>({ kind: 'release', key, tenant })
const quarantined = async () => (await host.views.quarantine()).map(({ place, row }) => `${place} ${row}`)
const naming = { idOf: String, workerOf: String }
const find = { tenant: 'acme', where: [], limit: 3 }

test('SE-23 DG-04 a claim that meets rows it cannot read sets them aside and hands out all the others', async () => {
  await submit(8)
  await plant(
    'update requests set mode = 99 where id = 2',
    'update executions set ending = 99 where id = 4',
    `update requests set permits = '{"cut' where id = 5`,
    `update requests set permits = '[]' where id = 6`,
  )
  expect(ids(await claim())).toEqual([1, 3, 7, 8])
  expect(new Set(await quarantined())).toEqual(new Set(['requests 2', 'executions 4', 'requests 5', 'requests 6']))
  expect(await claim()).toEqual([])
  const [first] = await host.views.quarantine()
  expect(first).toMatchObject({ tenant: 'acme', reason: expect.stringMatching(/code 99/), at: clock.now() })
})

test('SE-23 what is set aside is let go once it can be read, and runs then', async () => {
  await submit(2)
  await submit(1, { availableAt: clock.now() + 60_000, deadlineAt: clock.now() + 90_000 })
  await plant('update requests set mode = 99', 'update executions set waiting_for = 99 where id = 1')
  expect(await claim()).toEqual([])
  await clock.advance(60_000)
  expect(await claim()).toEqual([])
  const keys = new Map((await host.views.quarantine()).map(({ key, row }) => [row, key]))
  expect([...keys.keys()].sort()).toEqual(['1', '2', '3'])
  expect(await release(keys.get('2') ?? 0)).toMatchObject({ code: 'still_undecodable' })
  expect(await release(99)).toMatchObject({ code: 'not_found' })
  expect(await release(keys.get('2') ?? 0, 'other')).toMatchObject({ code: 'not_found' })
  await plant('update requests set mode = 2', 'update executions set waiting_for = null')
  expect(await claim()).toEqual([])
  for (const key of keys.values()) given(await release(key))
  expect(await quarantined()).toEqual([])
  expect(ids(await claim())).toEqual([1, 2, 3])
})

test('SE-23 a delayed execution that is let go before its time waits for it, and its deadline is kept', async () => {
  await submit(1, { availableAt: clock.now() + 60_000, deadlineAt: clock.now() + 90_000 })
  const code = `(select code from timer_kind where name = 'available')`
  await plant(`update timers set kind = 99, at = at - 50000 where kind = ${code}`)
  await clock.advance(20_000)
  expect(await claim()).toEqual([])
  const [row] = await host.views.quarantine()
  expect(row).toMatchObject({ place: 'timers', execution: 1 })
  given(await release(row?.key ?? 0))
  expect(await claim()).toEqual([])
  await clock.advance(40_000)
  expect(ids(await claim())).toEqual([1])
})

test('SE-23 timers behind one that cannot be read ring, and the writer is not woken for it again', async () => {
  await submit(3, { availableAt: clock.now() + 10_000 })
  await plant('update timers set kind = 99 where id = 1')
  await clock.advance(10_000)
  expect(ids(await claim())).toEqual([2, 3])
  expect(await quarantined()).toHaveLength(1)
})

test('SE-23 a sweep ends the leases behind a page of executions that are held back', async () => {
  await submit(502)
  await claim(600)
  await plant('update executions set ending = 99 where id <= 501')
  await clock.advance(leaseMs)
  const sweep = () => host.orders.give<'sweep'>({ kind: 'sweep' })
  const recovered = [given(await sweep()).recovered, given(await sweep()).recovered, given(await sweep()).recovered]
  expect(recovered.flat()).toEqual([502])
  expect(await quarantined()).toHaveLength(501)
})

test('SE-23 an effect that cannot be read holds its execution back: it is never taken for one that was not begun', async () => {
  await submit(2)
  const effect = { effectKey: 'e'.repeat(64), step: 'run', name: 'mail', ordinal: 0, target: 'opaque' } as const
  for (const { id, fence } of await claim()) {
    const intent = { type: 'intend_effect', fence, worker, reconcilable: false, ...effect } as const
    given(await work(id, { ...intent, effectKey: String(id).repeat(64) }))
  }
  await plant('update execution_effects set state = 99 where execution = 1')
  await clock.advance(leaseMs)
  expect(given(await host.orders.give<'sweep'>({ kind: 'sweep' })).recovered).toEqual([2])
  expect((await quarantined())[0]).toMatch(/^execution_effects 1 /)
  expect(await work(1, { type: 'hand_back', fence: 1 })).toMatchObject({ code: 'quarantined' })
})

test.each([
  ['stands in line for', false],
  ['was granted', true],
])('SE-23 a lock that an execution %s goes to the next when it cannot be read', async (_, isGranted) => {
  const lock = '{"holdMs":0,"permits":[{"capacity":1,"key":"l","shared":false}],"rate":null}'
  await submit(3, { permits: lock })
  const [first] = await claim()
  expect(await claim()).toEqual([])
  const damage = () => plant('update requests set mode = 99 where id = 2')
  if (!isGranted) await damage()
  given(await work(first?.id ?? 0, { type: 'succeed', fence: first?.fence ?? 0, result: '1', fingerprint: 'f' }))
  if (isGranted) await damage()
  expect(ids([...(await claim()), ...(await claim())])).toEqual([3])
})

test('SE-23 a worker and a pause that cannot be read keep the store from nothing', async () => {
  await submit(1)
  const pause = { scope: 'action', value: 'other', tenant: null, reason: 'r', by: 'human:alice' } as const
  given(await host.orders.give<'pause'>({ kind: 'pause', pause, on: true }))
  await plant(
    `update workers set actions = case key when 1 then '[{"action"' else 'null' end`,
    'update pauses set scope = 99',
  )
  expect(ids(await claim())).toEqual([1])
  expect(await quarantined()).toEqual(['workers 1', 'pauses [99,"other",null]'])
})

test('SE-23 lists show all the others on full pages, a look at the one says what is wrong, and so does ops', async () => {
  await submit(3)
  await submit(1, { key: 'K' })
  await submit(3)
  await plant('update requests set mode = 99 where id in (4, 6)')
  const { views } = host
  expect(ids((await views.list({ tenant: 'acme', limit: 3 })).map(({ execution }) => execution))).toEqual([3, 5, 7])
  const page = await views.search(find)
  expect(page.found.map(({ execution }) => execution.id)).toEqual([7, 5, 3])
  const rest = await views.search({ ...find, before: page.next ?? 0 })
  expect(rest.found.map(({ execution }) => execution.id)).toEqual([2, 1])
  await expect(Promise.resolve().then(() => views.find(4))).rejects.toMatchObject({ code: 'quarantined' })
  await clock.advance(0)
  expect(new Set(await quarantined())).toEqual(new Set(['executions 4', 'executions 6']))
  expect(await host.orders.give<'admit'>({ kind: 'admit', admission: admission({ key: 'K' }) })).toMatchObject({
    code: 'quarantined',
  })
  const ops = await opsOf({ views, naming, tenant: 'acme', now: clock.now() })
  expect(ops.verdict).toContain('2 rows in quarantine')
  expect(ops.quarantine.map(({ executionId, table }) => `${table} ${executionId}`)).toContain('executions 4')
  expect((await opsOf({ views, naming, tenant: 'other', now: clock.now() })).quarantine).toEqual([])
})
