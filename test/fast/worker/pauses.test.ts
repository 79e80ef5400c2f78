import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { actionRegistry } from '../../../src/action/registry.ts'
import type { OrderOf } from '../../../src/commit/order.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world?.close())

const quick = action({
  name: 'quick',
  version: 1,
  input: z.object({ n: z.number().optional() }),
  retry: { maxAttempts: 2, baseMs: 30_000, jitter: 'none' },
  run: ({ input, attempt }) => {
    if (input.n === -1 && attempt === 1) throw new Error('the first attempt fails')
    return input.n ?? 0
  },
})

type Pause = OrderOf<'pause'>['pause']
const byAction: Pause = { scope: 'action', value: 'quick', tenant: 'default', reason: 'test', by: 'human:a' }
const byTenant: Pause = { ...byAction, scope: 'tenant', value: 'default' }
const set = (pause: Pause, on: boolean, pacePerSecond?: number) =>
  world.orders.give<'pause'>({ kind: 'pause', pause, on, pacePerSecond })

const inOneMinute = () => ({ deadline: world.clock.now() + 60_000 })
const succeeded = async (all: readonly number[]) => {
  const states = await Promise.all(all.map(async (id) => (await world.find(id)).state))
  return states.filter((state) => state === 'succeeded').length
}

test('SE-26 a deadline stands still while a pause holds the work back, and is moved by exactly so much', async () => {
  const pausedForMs = 3_600_000
  world = await World.open(quick)
  await world.worker().start()
  await set(byAction, true)
  const id = await world.submit(quick, {}, inOneMinute())
  const { deadlineAt } = await world.find(id)
  await world.clock.advance(pausedForMs)
  expect(await world.find(id)).toMatchObject({ state: 'queued', deadlineAt, n: 1 })
  await set(byAction, false)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', deadlineAt: (deadlineAt ?? 0) + pausedForMs })
  const moved = (await world.events(id)).filter(({ type }) => type === 'deadline_moved')
  expect(moved.map(({ data }) => data)).toEqual([{ byMs: pausedForMs, deadlineAt: (deadlineAt ?? 0) + pausedForMs }])
})

test('SE-26 overlapping pauses move a deadline by the time that any of them stood', async () => {
  world = await World.open(quick)
  const id = await world.submit(quick, {}, inOneMinute())
  const { deadlineAt } = await world.find(id)
  await world.clock.advance(10_000)
  await set(byAction, true)
  await world.clock.advance(100_000)
  await set(byTenant, true)
  await world.clock.advance(100_000)
  await set(byAction, false)
  await world.clock.advance(100_000)
  await set(byTenant, false)
  expect(await world.reach(id)).toMatchObject({ state: 'expired', finishedAt: (deadlineAt ?? 0) + 300_000 })
})

test('SE-26 time in which it ran, and time before it rested, is not given back', async () => {
  world = await World.open(quick)
  await world.worker().start()
  const id = await world.submit(quick, { n: -1 }, inOneMinute())
  const { deadlineAt } = await world.find(id)
  await world.reach(id, 'retryable_failed')
  await set(byAction, true)
  await world.clock.advance(100_000)
  await set(byAction, false)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', deadlineAt: (deadlineAt ?? 0) + 100_000 })
})

test('SE-26 what is out of time is not begun', async () => {
  world = await World.open(quick)
  const id = await world.submit(quick, {}, inOneMinute())
  world.clock.setForward(61_000)
  await world.worker().start()
  expect(await world.reach(id)).toMatchObject({ state: 'expired', fence: 0 })
})

test('SE-26 what a pause held back is let go in order and at the pace that was asked for; new work is not held', async () => {
  world = await World.open(quick)
  await set(byAction, true)
  const held: number[] = []
  for (let n = 0; n < 100; n += 1) held.push(await world.submit(quick, { n }))
  const worker = world.worker({ slots: 100 })
  await worker.start()
  // A subject of its own: only work that was looked at is parked.
  await world.clock.advance(5_000)
  await set(byAction, false)
  await world.clock.advance(5_000)
  expect(await succeeded(held)).toBe(100)
})

const unseen: readonly (readonly [string, Pause])[] = [
  ['the action', byAction],
  ['the action of all tenants', { ...byAction, tenant: null }],
  ['the tenant', byTenant],
  ['everything', { ...byAction, scope: 'all', value: '', tenant: null }],
  ['the subject', { ...byAction, scope: 'subject', value: 'quote:1' }],
]
test.each(unseen)(
  'SE-26 work that no claim has looked at is paced and does not expire when a pause of %s ends',
  (_, pause) => heldUnseen(pause),
)

/** 600 executions, some of before the pause; no worker is there before it ends. */
async function heldUnseen(pause: Pause): Promise<void> {
  world = await World.open(quick)
  const one = (subject: string) => world.submit(quick, {}, { ...inOneMinute(), subject })
  const early = await Promise.all(Array.from({ length: 50 }, () => one('quote:1')))
  await set(pause, true)
  const night = await Promise.all(Array.from({ length: 550 }, () => one('quote:1')))
  const held = [...early, ...night]
  const other = await one('quote:2')
  await world.clock.advance(600_000)
  await world.worker({ slots: 100 }).start()
  await set(pause, false, 10)
  await world.clock.advance(50)
  const fresh = await one('quote:1')
  expect(await succeeded(held)).toBeLessThanOrEqual(2)
  await world.clock.advance(9_950)
  const let10s = await succeeded(held)
  expect(let10s).toBeGreaterThanOrEqual(95)
  expect(let10s).toBeLessThanOrEqual(102)
  expect(await succeeded([...held.slice(0, let10s), fresh])).toBe(let10s + 1)
  await world.clock.advance(60_000)
  expect(await succeeded(held)).toBe(600)
  expect((await world.find(other)).state).toBe(pause.scope === 'subject' ? 'expired' : 'succeeded')
}

const slow = action({
  name: 'slow',
  version: 1,
  input: z.object({}),
  run: () => new Promise<null>((resolve) => world.clock.timer(1_000, () => resolve(null))),
})

test('SE-26 no more is let go than workers take: nothing expires in line, and new and other work goes on', async () => {
  world = await World.open(quick, slow)
  await set(byTenant, true)
  const held = await Promise.all(
    Array.from({ length: 200 }, () => world.submit(slow, {}, { deadline: world.clock.now() + 10_000 })),
  )
  const others = await Promise.all(Array.from({ length: 100 }, () => world.submit(quick, {}, inOneMinute())))
  await world.worker({ slots: 2, actions: actionRegistry([slow]) }).start()
  await world.worker({ slots: 10, actions: actionRegistry([quick]) }).start()
  await world.clock.advance(120_000)
  await set(byTenant, false)
  await world.clock.advance(3_000)
  expect(await succeeded(others)).toBe(100)
  const fresh = await world.submit(slow, {})
  await world.clock.advance(25_000)
  // Behind the 32 that may wait at any time, and before everything else that was held.
  expect(await succeeded([fresh])).toBe(1)
  expect(await succeeded(held)).toBeLessThan(70)
  await world.clock.advance(90_000)
  expect(await succeeded(held)).toBe(200)
  // Time goes on for everybody once all of it was begun.
  const late = await world.submit(slow, {}, inOneMinute())
  await set({ ...byAction, value: 'slow' }, true)
  await set({ ...byAction, value: 'slow' }, false)
  expect(await world.reach(late)).toMatchObject({ state: 'succeeded' })
})

test('SE-26 what a pause held back of an action that no worker serves is not waited for, and expires in its time', async () => {
  world = await World.open(quick, slow)
  await world.worker({ slots: 10, actions: actionRegistry([quick]) }).start()
  await set(byTenant, true)
  const unserved = await Promise.all(Array.from({ length: 50 }, () => world.submit(slow, {}, inOneMinute())))
  await world.clock.advance(100_000)
  await set(byTenant, false)
  await world.clock.advance(58_000)
  expect((await world.find(unserved[49] ?? 0)).state).toBe('queued')
  await world.clock.advance(3_000)
  const states = await Promise.all(unserved.map(async (id) => (await world.find(id)).state))
  expect(new Set(states)).toEqual(new Set(['expired']))
})

test('SE-26 a pause that is set again while its unpause still looks at what was due holds all of it', async () => {
  world = await World.open(quick)
  await set(byAction, true)
  const held = await Promise.all(Array.from({ length: 600 }, () => world.submit(quick, {}, inOneMinute())))
  await world.clock.advance(1)
  // Several commits look at so much; the second order comes before the last of them.
  const lift = set(byAction, false, 100)
  expect(await lift).toEqual({ changed: true })
  expect(await set(byAction, false)).toEqual({ changed: false })
  expect(await set({ ...byAction, reason: 'again' }, true)).toEqual({ changed: true })
  await world.worker({ slots: 100 }).start()
  await world.clock.advance(300_000)
  expect(await succeeded(held)).toBe(0)
  expect((await world.why(held[550] ?? 0)).why).toBe('human:a paused action quick: again')
  await set(byAction, false, 1_000)
  await world.clock.advance(5_000)
  expect(await succeeded(held)).toBe(600)
})

test('SE-26 a paced release takes its time, and a new pause stops it', async () => {
  world = await World.open(quick)
  await world.worker({ slots: 100 }).start()
  await set(byTenant, true)
  const held: number[] = []
  for (let n = 0; n < 100; n += 1) held.push(await world.submit(quick, { n }, inOneMinute()))
  await world.clock.advance(5_000)
  expect(await succeeded(held)).toBe(0)
  await set(byTenant, false, 10)
  await world.clock.advance(2_950)
  const let30 = await succeeded(held)
  expect(let30).toBeGreaterThanOrEqual(25)
  expect(let30).toBeLessThanOrEqual(31)
  expect(await succeeded(held.slice(0, let30))).toBe(let30)
  const fresh = await world.submit(quick, {})
  await world.clock.advance(10)
  expect(await succeeded([fresh])).toBe(1)
  await set(byTenant, true)
  // Their time stands still without a gap.
  await world.clock.advance(600_000)
  expect(await succeeded(held)).toBeLessThanOrEqual(let30 + 1)
  await set(byTenant, false)
  await world.clock.advance(1_000)
  expect(await succeeded(held)).toBe(100)
})

test('SE-26 work that a release has not come to yet says at what pace, and where it stands', async () => {
  world = await World.open(quick)
  await world.worker({ slots: 100 }).start()
  await set(byAction, true)
  const held: number[] = []
  for (let n = 0; n < 30; n += 1) held.push(await world.submit(quick, { n }))
  await world.clock.advance(5_000)
  const why = async (index: number) => await world.why(held[index] ?? 0)
  expect(await why(29)).toEqual({
    why: 'human:a paused action quick: test',
    next: 'Go on with: pawl unpause --action "quick"',
  })
  await set(byAction, false, 10)
  expect(await why(29)).toEqual({
    why: 'The pause of action quick has ended and lets 10 a second go, in order, as fast as workers begin it; it is number 29 in line.',
    next: 'Wait; its deadline does not run meanwhile. For another pace: pawl pause, then pawl unpause --pace N',
  })
  expect((await why(0)).why).not.toContain('pause')
  await world.clock.advance(5_000)
  expect((await why(29)).why).toBe('It has succeeded.')
})
