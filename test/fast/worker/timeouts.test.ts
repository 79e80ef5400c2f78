import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action } from '../../../src/action/action.ts'
import type { OrderOf } from '../../../src/commit/order.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world?.close())

type Policy = OrderOf<'timeout_policy'>['policy']

const set = (some: Partial<Policy>) =>
  world.orders.give<'timeout_policy'>({
    kind: 'timeout_policy',
    policy: {
      slaClass: 'standard',
      actionClass: 'sync',
      attemptMs: null,
      overallMs: null,
      by: 'human:alice',
      reason: 'test',
      ...some,
    },
  })

/** A handler that heeds its signal, and nothing else ends it. */
const slow = (name: string, timeout: AnyAction['timeout'] = { actionClass: 'sync' }) =>
  action({
    name,
    version: 1,
    input: z.object({}),
    timeout,
    retry: { maxAttempts: 2, jitter: 'none' },
    run: async ({ signal }) => {
      await world.clock.sleep(86_400_000, signal)
    },
  })

/** Milliseconds that each attempt took. */
async function attempts(id: number): Promise<number[]> {
  const events = await world.events(id)
  return events.flatMap(({ type, at }, index) => (type === 'claim' ? [(events[index + 1]?.at ?? at) - at] : []))
}

test('SE-26 CP-005 an attempt ends at the limit of its policy, is tried again within its budget, and no more', async () => {
  const sync = slow('sync')
  world = await World.open(sync)
  await set({ attemptMs: 2_000 })
  await world.worker().start()
  const id = await world.submit(sync)
  expect(await world.reach(id)).toMatchObject({ state: 'failed', attempt: 2, lastErrorClass: 'TimeoutError' })
  expect(await attempts(id)).toEqual([2_000, 2_000])
})

test('SE-26 the narrower of the limits of action and policy holds', async () => {
  const narrow = slow('narrow', { actionClass: 'sync', timeoutMs: 500 })
  world = await World.open(narrow)
  await set({ attemptMs: 2_000 })
  await world.worker().start()
  const id = await world.submit(narrow)
  await world.reach(id)
  expect(await attempts(id)).toEqual([500, 500])
})

test('SE-26 a change of a policy holds from the next claim on, also for work that was admitted before', async () => {
  const sync = slow('sync')
  world = await World.open(sync)
  await set({ attemptMs: 2_000 })
  await world.worker().start()
  const id = await world.submit(sync)
  await world.reach(id, 'retryable_failed')
  await set({ attemptMs: 700 })
  await world.reach(id)
  expect(await attempts(id)).toEqual([2_000, 700])
})

test('SE-26 the whole time counts from when the work is due and ends in expired, running or not', async () => {
  const sync = slow('sync')
  world = await World.open(sync)
  await set({ overallMs: 60_000 })
  const [now, late, asked] = [
    await world.submit(sync),
    await world.submit(sync, {}, { delay: '10m' }),
    await world.submit(sync, {}, { deadline: world.clock.now() + 10_000 }),
  ]
  const startedAt = world.clock.now()
  expect((await world.find(now)).deadlineAt).toBe(startedAt + 60_000)
  expect((await world.find(late)).deadlineAt).toBe(startedAt + 660_000)
  expect((await world.find(asked)).deadlineAt).toBe(startedAt + 10_000)
  expect(await world.reach(asked)).toMatchObject({ state: 'expired', attempt: 0 })
  expect(await world.reach(now)).toMatchObject({ state: 'expired', attempt: 0, finishedAt: startedAt + 60_000 })
  await world.worker().start()
  expect(await world.reach(late)).toMatchObject({ state: 'expired', attempt: 1, finishedAt: startedAt + 660_000 })
})

test('SE-26 classes that nobody has a policy for obey the one for all', async () => {
  const odd = slow('odd', { slaClass: 'gold', actionClass: 'unheard_of' })
  world = await World.open(odd)
  await set({ slaClass: '*', actionClass: '*', attemptMs: 900, overallMs: 5_000 })
  await world.worker().start()
  const id = await world.submit(odd)
  await world.reach(id)
  expect((await attempts(id))[0]).toBe(900)
})
