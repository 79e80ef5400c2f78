import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action, actionRegistry } from '../../../src/action/action.ts'
import type { Hello } from '../../../src/commit/order.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { Suspects } from '../../../src/isolate/suspects.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world?.close())

test('SE-23 an execution whose worker was lost twice runs alone: nothing beside it, and nothing more until it has ended', async () => {
  const beside: string[] = []
  const hanging = new Map([
    ['lost-1', 2],
    ['lost-2', 2],
  ])
  const gates = new Map<string, () => void>()
  /** The action as one process runs it. */
  const workIn = (running: Set<string>) =>
    action({
      name: 'work',
      version: 1,
      input: z.object({ name: z.string() }),
      async run({ input: { name } }) {
        const left = hanging.get(name) ?? 0
        hanging.set(name, left - 1)
        if (left > 0) return await new Promise(() => {})
        running.add(name)
        if (running.size > 1 && [...running].some((each) => each.startsWith('lost'))) beside.push([...running].join())
        await new Promise<void>((resolve) => {
          gates.set(name, resolve)
        })
        running.delete(name)
        return name
      },
    })
  const work = workIn(new Set())
  world = await World.open(work)
  const lost = [await world.submit(work, { name: 'lost-1' }), await world.submit(work, { name: 'lost-2' })]
  for (let times = 0; times < 2; times += 1) {
    await world.worker({ slots: 4, actions: actionRegistry([workIn(new Set())]) }).start()
    for (const id of lost) await world.reach(id, 'running')
    const { worker } = await world.find(lost[0] ?? 0)
    await world.orders.give<'gone'>({ kind: 'gone', worker: worker ?? 0, proof: 'test', cause: 'exit' })
  }
  await world.worker({ slots: 4, actions: actionRegistry([workIn(new Set())]) }).start()
  const plain = [await world.submit(work, { name: 'plain-1' }), await world.submit(work, { name: 'plain-2' })]
  const all = [...lost, ...plain]
  for (let turn = 0; turn < 200; turn += 1) {
    for (const [name, open] of gates) {
      gates.delete(name)
      open()
    }
    await world.clock.runNext()
    const states = await Promise.all(all.map(async (id) => (await world.find(id)).state))
    if (states.every((state) => state === 'succeeded')) break
  }
  for (const id of all) expect(await world.find(id)).toMatchObject({ state: 'succeeded', losses: 0 })
  expect(beside).toEqual([])
  const claims = (await world.events(lost[0] ?? 0)).filter(({ type }) => type === 'claim')
  expect(claims.map(({ data }) => data)).toEqual([null, null, { alone: true }])
})

/** An execution whose worker was lost with it twice, due again. */
async function suspect(work: AnyAction): Promise<number> {
  const id = await world.submit(work)
  for (const name of ['first', 'second']) {
    const worker = await sign(name)
    await world.orders.give<'claim'>({ kind: 'claim', worker, limit: 1, leaseMs: 30_000, waitMs: 0 })
    await world.orders.give<'gone'>({ kind: 'gone', worker, proof: 'test', cause: 'exit' })
  }
  return id
}

async function sign(identity: string, more: Partial<Hello> = {}): Promise<number> {
  const process = { host: 'h', pid: 1, startedTicks: null, bootId: null, slots: 4 }
  const actions = [{ action: 'work', version: 1 }]
  const hello = { identity, incarnation: `${identity}-1`, ...process, actions, ...more }
  return orThrow(await world.orders.give<'register'>({ kind: 'register', hello })).worker
}

test('SE-23 why says of a suspect that it is one, and what it waits for', async () => {
  const work = action({ name: 'work', version: 1, input: z.object({}), run: () => 1 })
  world = await World.open(work)
  const id = await suspect(work)
  expect((await world.why(id)).why).toContain('No live worker has work version 1')
  await sign('plain')
  expect((await world.why(id)).why).toContain(
    'Its worker was lost 2 times in a row with it, so it is a suspect and runs alone: it waits for a worker in which nothing else runs.',
  )
  const isolating = await sign('isolating', { isolates: true })
  expect((await world.why(id)).why).toContain('it waits for a worker that has a process of its own for it')
  await world.orders.give<'claim'>({ kind: 'claim', worker: isolating, limit: 1, alone: 1, leaseMs: 30_000, waitMs: 0 })
  expect((await world.why(id)).why).toMatch(/^Worker isolating runs, alone as a suspect, attempt/)
})

test('SE-23 ops counts workers and not the processes of their single runs, nor those that signed off', async () => {
  const work = action({ name: 'work', version: 1, input: z.object({}), run: () => 1 })
  world = await World.open(work)
  await sign('web')
  await sign('web/cell-1', { incarnation: 'cell:1', slots: 0 })
  const worker = await sign('over')
  await world.orders.give<'sign_off'>({ kind: 'sign_off', worker })
  expect((await world.ops()).load).toContain('1 live worker')
  expect((await world.ops()).workers.map(({ id }) => id)).toEqual(['web'])
})

test('SE-23 two suspects run beside other work where each has a process of its own, a third waits for one of them', () => {
  const apart = new Suspects(true)
  expect(apart.room(99)).toBe(2)
  apart.begun()
  expect(apart.room(99)).toBe(1)
  apart.begun()
  expect(apart.room(0)).toBe(0)
  apart.heard()
  expect(apart.isClosed(99)).toBe(false)
  apart.ended()
  expect(apart.room(99)).toBe(1)
})

test('SE-23 in a process that is shared, a suspect has room only when nothing else runs, and makes room when one is heard of', () => {
  const shared = new Suspects(false)
  expect(shared.room(1)).toBe(0)
  expect(shared.room(0)).toBe(1)
  expect(shared.isClosed(1)).toBe(false)
  shared.heard()
  expect(shared.isClosed(1)).toBe(true)
  expect(shared.isClosed(0)).toBe(false)
  shared.asked()
  expect(shared.isClosed(1)).toBe(false)
  shared.begun()
  expect(shared.isClosed(0)).toBe(true)
  shared.ended()
  expect(shared.isClosed(0)).toBe(false)
})
