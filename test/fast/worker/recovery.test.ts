import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { inProcessIncarnation } from '../../../src/recover/incarnation.ts'
import { type ProcessTable, processTable, proofOfDeath, startTicks } from '../../../src/recover/proof-of-death.ts'
import { createRecovery, type Recovery } from '../../../src/recover/recovery.ts'
import { startSweeps } from '../../../src/recover/sweep.ts'
import { thisProcess } from '../../../src/recover/this-process.ts'
import { World } from './world.ts'

const hanging = action({ name: 'hanging', version: 1, input: z.object({}), run: () => new Promise(() => {}) })
const here = { host: 'here', bootId: 'boot' }

let world: World
let recovery: Recovery | undefined
let sweeps: { stop(): Promise<void> } | undefined
const children: ChildProcess[] = []
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL')
  await recovery?.stop()
  await sweeps?.stop()
  sweeps = undefined
  recovery = undefined
  await world?.close()
})

/** A machine on which exactly these processes live. */
const machine = (...alive: number[]): ProcessTable & { readonly alive: Set<number> } => {
  const set = new Set(alive)
  return {
    alive: set,
    mayExist: (pid) => set.has(pid),
    stat: (pid) => `${pid} (node) S ${'0 '.repeat(16)}1 0 1 0`,
  }
}

function recover(table: ProcessTable): Recovery {
  recovery = createRecovery({
    orders: world.orders,
    workers: () => world.workers(),
    here,
    table,
    clock: world.clock,
    sweepMs: 5_000,
    log: () => {},
  })
  return recovery
}

/** Leases are ended in time, and nobody is looked for. */
function sweepAlone(): void {
  const { orders, clock } = world
  sweeps = startSweeps({ orders, clock, sweepMs: 5_000, heartbeatMs: 10_000, log: () => {} })
}

async function running(options: { pid: number; incarnation?: string; identity?: string }): Promise<number> {
  await world.worker({ ...options, slots: 1 }).start()
  const id = await world.submit(hanging)
  await world.reach(id, 'running')
  return id
}

test('CP-004a at start, work of a former owner and of proven dead processes is free at once; the rest waits for its lease', async () => {
  world = await World.open(hanging)
  const own = await running({ pid: 1, incarnation: inProcessIncarnation('a') })
  const dead = await running({ pid: 20 })
  const alive = await running({ pid: 30 })
  expect(await recover(machine(1, 30)).atStart()).toBe(2)
  expect((await world.find(own)).state).not.toBe('running')
  expect((await world.find(dead)).state).not.toBe('running')
  expect((await world.find(alive)).state).toBe('running')
})

test('CP-004a an expired lease is ended by the sweep within lease + sweep', async () => {
  world = await World.open(hanging)
  const frozen = { ...world.protocol, heartbeat: () => new Promise<never>(() => {}) }
  await world.worker({ protocol: frozen, pid: 5, slots: 1 }).start()
  const id = await world.submit(hanging)
  const { leaseUntil } = await world.reach(id, 'running')
  sweepAlone()
  await world.clock.advance(35_000)
  const lost = (await world.events(id)).find(({ type }) => type === 'lease_expired')
  expect(lost?.data).toMatchObject({ cause: 'sweep' })
  expect((lost?.at ?? 0) - (leaseUntil ?? 0)).toBeLessThanOrEqual(5_000)
})

test('CP-005 a clock that is set forward takes no lease from a holder that lives, and the lease of one that does not', async () => {
  world = await World.open(hanging)
  const living = await running({ pid: 5 })
  const frozen = { ...world.protocol, heartbeat: () => new Promise<never>(() => {}) }
  await world.worker({ protocol: frozen, pid: 6, slots: 1 }).start()
  const dead = await world.submit(hanging)
  await world.reach(dead, 'running')
  sweepAlone()
  await world.clock.advance(6_000)
  world.clock.setForward(3_600_000)
  await world.clock.advance(14_000)
  expect([(await world.find(living)).state, (await world.find(dead)).state]).toEqual(['running', 'running'])
  await world.clock.advance(12_000)
  expect((await world.find(living)).leaseUntil).toBeGreaterThan(world.clock.now())
  expect((await world.events(living)).map(({ type }) => type)).not.toContain('lease_expired')
  expect((await world.events(dead)).map(({ type }) => type)).toContain('lease_expired')
})

test('CP-004a a restart under the same identity frees what the proven dead incarnation before held', async () => {
  world = await World.open(hanging)
  const id = await running({ pid: 40, identity: 'web-1' })
  const duties = recover(machine(41))
  await world.worker({ pid: 41, identity: 'web-1', slots: 1 }).start()
  await duties.registered(2, 'web-1')
  expect((await world.events(id)).find(({ type }) => type === 'lease_expired')?.data).toMatchObject({
    cause: 'restart',
  })
})

test('CP-004a an incarnation that still lives keeps its leases when another takes its identity', async () => {
  world = await World.open(hanging)
  const id = await running({ pid: 40, identity: 'web-1' })
  await world.worker({ pid: 41, identity: 'web-1', slots: 1 }).start()
  await recover(machine(40, 41)).registered(2, 'web-1')
  expect((await world.find(id)).state).toBe('running')
})

test('CP-004a after a connection closed, a process that ends within 2 s frees its work; a living one is left alone', async () => {
  world = await World.open(hanging)
  const id = await running({ pid: 50 })
  const table = machine(50)
  const duties = recover(table)
  const looked = duties.disconnected([1])
  await world.clock.advance(1_000)
  expect((await world.find(id)).state).toBe('running')
  table.alive.delete(50)
  await world.clock.advance(1_000)
  await looked
  expect((await world.events(id)).find(({ type }) => type === 'lease_expired')?.data).toMatchObject({ cause: 'exit' })
})

test('a process is proven dead by the kernel alone: missing, ended, another start time, another boot', () => {
  const suspect = { host: 'here', pid: 7, startedTicks: '1', bootId: 'boot' }
  const gone: ProcessTable = { mayExist: () => false, stat: () => undefined }
  const unreadable: ProcessTable = { mayExist: () => true, stat: () => undefined }
  const other: ProcessTable = { mayExist: () => true, stat: () => `7 (a) b) R ${'0 '.repeat(16)}1 0 999 0` }
  const zombie: ProcessTable = { mayExist: () => true, stat: () => `7 (node) Z ${'0 '.repeat(16)}1 0 1 0` }
  expect(proofOfDeath(suspect, here, machine(7))).toBeNull()
  expect(proofOfDeath(suspect, here, unreadable)).toBeNull()
  expect(proofOfDeath(suspect, here, gone)).toBe('there is no process 7')
  expect(proofOfDeath(suspect, here, other)).toContain('another one')
  expect(proofOfDeath(suspect, here, zombie)).toContain('ended')
  expect(proofOfDeath({ ...suspect, bootId: 'before' }, here, machine(7))).toContain('started anew')
  expect(proofOfDeath({ ...suspect, host: 'elsewhere' }, here, gone)).toBeNull()
})

test('a real process is not dead while it runs or is frozen, and is once it was killed', async () => {
  world = await World.open(hanging)
  const me = thisProcess()
  const child = spawn(process.execPath, ['-e', 'process.stdout.write("up"); setInterval(() => {}, 1000)'])
  children.push(child)
  await once(child.stdout, 'data')
  const pid = child.pid ?? 0
  const startedTicks = startTicks(readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? null
  const suspect = { ...me, pid, startedTicks }
  expect(startedTicks).toMatch(/^\d+$/)
  expect(proofOfDeath(suspect, me, processTable)).toBeNull()
  child.kill('SIGSTOP')
  expect(proofOfDeath(suspect, me, processTable)).toBeNull()
  child.kill('SIGKILL')
  await once(child, 'exit')
  expect(proofOfDeath(suspect, me, processTable)).toBe(`there is no process ${pid}`)
  expect(proofOfDeath(me, me, processTable)).toBeNull()
})
