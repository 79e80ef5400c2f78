import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import type { Orders } from '../../../src/commit/order.ts'
import { fleetOf } from '../../../src/projections/fleet.ts'
import { inProcessIncarnation } from '../../../src/recover/incarnation.ts'
import { createPresence, type Presence } from '../../../src/recover/presence.ts'
import type { ProcessTable } from '../../../src/recover/proof-of-death.ts'
import type { FleetProcess, ProcessRole } from '../../../src/store/fleet.ts'
import { World } from '../worker/world.ts'

const idle = action({ name: 'idle', version: 1, input: z.object({}), run: () => null })

let world: World
const present: Presence[] = []
afterEach(async () => {
  for (const each of present.splice(0)) await each.stop()
  await world?.close()
})

const alive = new Set<number>()
const table: ProcessTable = {
  mayExist: (pid) => alive.has(pid),
  stat: (pid) => `${pid} (node) S ${'0 '.repeat(16)}1 0 7 0`,
}

interface Some {
  readonly host?: string
  readonly isShared?: boolean
  readonly orders?: Orders
  readonly log?: (message: string) => void
}

/** A process of the fleet on this machine, or on another one. */
function process(role: ProcessRole, pid: number, { host = 'here', isShared = true, orders, log }: Some = {}): Presence {
  alive.add(pid)
  const presence = createPresence({
    orders: orders ?? world.orders,
    processes: () => world.views.processes(),
    self: { id: `id-${pid}`, role, name: `${role}-${pid}`, version: '0.1.0', schema: 30 },
    here: { host, pid, startedTicks: '7', bootId: 'boot' },
    table,
    clock: world.clock,
    heartbeatMs: 10_000,
    isShared,
    log: (_level, message) => log?.(message),
  })
  present.push(presence)
  return presence
}

/** Dies without a word, as after SIGKILL: nothing of it comes any more. */
async function kill(presence: Presence, pid: number): Promise<void> {
  alive.delete(pid)
  present.splice(present.indexOf(presence), 1)
  const { give } = world.orders
  Object.assign(world.orders, { give: () => Promise.reject(new Error('it is dead')) })
  await presence.stop()
  Object.assign(world.orders, { give })
}

const list = async () =>
  (await fleetOf(world.views, world.clock.now())).map(({ id, state, role, leads }) => [id, state, role, leads])

const lead = (holder: string) =>
  world.orders.give<'lead'>({ kind: 'lead', holder, host: 'here', pid: 2, leaseMs: 60_000 })

test('processes of every role are listed, with the epoch of the one that leads, and take no work', async () => {
  world = await World.open(idle)
  await process('api', 1).start()
  await process('leader', 2).start()
  await process('leader', 3, { host: 'elsewhere' }).start()
  await lead('id-2')
  expect(await list()).toEqual([
    ['api-1', 'live', 'api', null],
    ['leader-2', 'live', 'leader', 1],
    ['leader-3', 'live', 'leader', null],
  ])
  expect(await world.workers()).toEqual([])
  const [first] = await fleetOf(world.views, world.clock.now())
  expect(first).toMatchObject({ version: '0.1.0', schema: 30, host: 'here', pid: 1, slots: 0, actions: [] })
  const id = await world.submit(idle)
  await world.clock.advance(5_000)
  expect(await world.find(id)).toMatchObject({ state: 'queued', worker: null })
  expect((await world.ops()).verdict).toContain('no live worker while 1 queued')
  await world.clock.advance(54_999)
  expect((await list())[1]).toEqual(['leader-2', 'live', 'leader', 1])
  await world.clock.advance(1)
  expect((await list())[1]).toEqual(['leader-2', 'live', 'leader', null])
})

test('a process that dies is shown as gone by another one of its machine, and as silent where nobody can know', async () => {
  world = await World.open()
  const [api, far] = [process('api', 1), process('api', 2, { host: 'elsewhere' })]
  for (const each of [api, far, process('leader', 3)]) await each.start()
  await kill(api, 1)
  await kill(far, 2)
  expect(await list()).toEqual([
    ['api-1', 'live', 'api', null],
    ['api-2', 'live', 'api', null],
    ['leader-3', 'live', 'leader', null],
  ])
  await world.clock.advance(10_000)
  expect((await fleetOf(world.views, world.clock.now()))[0]).toMatchObject({
    state: 'gone',
    goneProof: 'there is no process 1',
    goneAt: expect.any(String),
  })
  await world.clock.advance(19_999)
  expect((await list())[1]).toEqual(['api-2', 'live', 'api', null])
  await world.clock.advance(1)
  expect(await list()).toEqual([
    ['api-1', 'gone', 'api', null],
    ['api-2', 'silent', 'api', null],
    ['leader-3', 'live', 'leader', null],
  ])
})

test('a process that was frozen is there again with its next word, even if it was forgotten', async () => {
  world = await World.open()
  let isFrozen = false
  const logged: string[] = []
  const orders: Orders = {
    give: (order) => (isFrozen ? Promise.reject(new Error('frozen')) : world.orders.give(order)),
  }
  await process('api', 1, { orders, log: (message) => logged.push(message) }).start()
  const [begun] = await world.views.processes()
  isFrozen = true
  await world.clock.advance(40_000)
  expect(await list()).toEqual([['api-1', 'silent', 'api', null]])
  expect(logged).toContain('Telling that this process is there failed: frozen')
  await world.clock.advance(8 * 86_400_000)
  await process('api', 2).start()
  expect((await list()).map(([id]) => id)).toEqual(['api-2'])
  isFrozen = false
  await world.clock.advance(10_000)
  expect(await list()).toEqual([
    ['api-1', 'live', 'api', null],
    ['api-2', 'live', 'api', null],
  ])
  expect((await world.views.processes())[0]?.startedAt).toBe(begun?.startedAt)
})

test('a process that stops says so, gives no lead away and is not called dead', async () => {
  world = await World.open()
  const api = process('api', 1)
  await api.start()
  await lead('id-1')
  await api.stop()
  expect(await list()).toEqual([['api-1', 'signed_off', 'api', null]])
  await process('api', 2).start()
  expect((await list())[0]).toEqual(['api-1', 'signed_off', 'api', null])
})

test('where one process holds the store, whoever held it before has ended, on whatever machine that was', async () => {
  world = await World.open()
  const before = process('all', 1, { host: 'elsewhere', isShared: false })
  await before.start()
  await kill(before, 1)
  await process('all', 2, { isShared: false }).start()
  expect(await list()).toEqual([
    ['all-1', 'gone', 'all', null],
    ['all-2', 'live', 'all', null],
  ])
})

test('a worker is listed once, with its process, which has a line of its own once the worker takes nothing more', async () => {
  world = await World.open(idle)
  const facts: Pick<FleetProcess, 'host' | 'pid' | 'startedTicks' | 'bootId'> = {
    host: 'here',
    pid: 1,
    startedTicks: '7',
    bootId: 'boot',
  }
  const incarnation = inProcessIncarnation('a')
  await world.worker({ identity: 'all-1', incarnation, host: facts, role: 'all' }).start()
  await world.worker({ identity: 'http-1', incarnation: 'b', host: { ...facts, pid: 9 } }).start()
  await process('all', 1).start()
  await lead('id-1')
  expect(await list()).toEqual([
    ['all-1', 'live', 'all', 1],
    ['http-1', 'live', 'worker', null],
  ])
  const [first] = await world.workers()
  await world.orders.give<'sign_off'>({ kind: 'sign_off', worker: first?.key ?? 0 })
  expect(await list()).toEqual([
    ['all-1', 'signed_off', 'all', 1],
    ['http-1', 'live', 'worker', null],
    ['all-1', 'live', 'all', 1],
  ])
})
