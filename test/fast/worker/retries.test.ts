import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action, actionRegistry } from '../../../src/action/action.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world?.close())

const failing = action({
  name: 'failing',
  version: 1,
  input: z.object({}),
  retry: { maxAttempts: 40, baseMs: 1_000, multiplier: 1, capMs: 1_000 },
  run: () => {
    throw new Error('it fails at once')
  },
})

test('CP-005 whatever fails at once, its attempts keep a distance and end with its budget', async () => {
  world = await World.open(failing)
  await world.worker({ slots: 4 }).start()
  const all = await Promise.all(Array.from({ length: 5 }, () => world.submit(failing)))
  for (const id of all) {
    expect(await world.reach(id)).toMatchObject({ state: 'failed', attempt: 40 })
    const events = await world.events(id)
    const claims = events.filter(({ type }) => type === 'claim').map(({ at }) => at)
    expect(claims).toHaveLength(40)
    const rests = claims.slice(1).map((at, index) => at - (claims[index] ?? 0))
    // A tenth of the computed rest is the floor of the jitter.
    expect(Math.min(...rests)).toBeGreaterThanOrEqual(100)
  }
})

test('CP-005 a deadline storm is worked off in bounded commits, and claims are answered meanwhile', async () => {
  const late = action({ name: 'late', version: 1, input: z.object({}), run: () => 'too late' })
  const prompt = action({ name: 'prompt', version: 1, input: z.object({}), run: () => 'done' })
  world = await World.open(late, prompt)
  const deadline = world.clock.now() + 60_000
  const storm: number[] = []
  for (let n = 0; n < 1_600; n += 1) storm.push(await world.submit(late, {}, { deadline }))
  await world.worker({ actions: actionRegistry([prompt]) }).start()
  await world.clock.advance(59_000)
  world.clock.setForward(1_000)
  const id = await world.submit(prompt)
  expect((await world.reach(id)).state).toBe('succeeded')
  await world.clock.advance(10_000)
  const ends = await Promise.all(storm.map(async (each) => (await world.events(each)).at(-1)))
  expect(new Set(ends.map((event) => event?.type))).toEqual(new Set(['expire']))
  const claimedAt = (await world.events(id)).find(({ type }) => type === 'claim')?.position ?? 0
  // One commit ends at most 500: three quarters of the storm come behind the claim.
  expect(ends.filter((event) => (event?.position ?? 0) > claimedAt).length).toBeGreaterThanOrEqual(1_000)
})
