import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { action, NetworkError } from '../../../src/pawl.ts'
import { type CrashPoint, testPawl } from '../../../src/testing.ts'

/** Applies each key once, and counts how often it was asked. */
function target() {
  const applied = new Map<string, number>()
  const keyed = action({
    name: 'demo.upsert',
    version: 1,
    input: z.object({ fails: z.number().default(0) }),
    output: z.object({ attempt: z.int(), token: z.string() }),
    retry: { maxAttempts: 10 },
    async run({ input, step, effect, attempt, uuid }) {
      const token = await step('load', () => uuid())
      await effect('upsert', {
        target: 'keyed',
        do: ({ effectKey }) => void applied.set(effectKey, (applied.get(effectKey) ?? 0) + 1),
        reconcile: ({ effectKey }) => (applied.has(effectKey) ? true : null),
      })
      if (attempt <= input.fails) throw new NetworkError('down')
      return { attempt, token }
    },
  })
  return { applied, keyed }
}

const points: readonly CrashPoint[] = [
  'after:claim',
  'before:step:load',
  'after:step:load',
  'before:effect:upsert',
  'after:intent:upsert',
  'after:call:upsert',
  'after:effect:upsert',
  'before:settle',
  'after:settle',
]

test.each(points)(
  'CP-004a a worker that is killed at %s is followed by another one, and the effect is applied once',
  async (point) => {
    const { applied, keyed } = target()
    await using engine = await testPawl({ actions: [keyed] })
    engine.crashAt(point)
    const { id } = await engine.submit({ action: 'demo.upsert', input: {} })
    await engine.untilIdle()
    expect((await engine.get(id)).state).toBe('succeeded')
    expect([engine.crashes, engine.crashesLeft()]).toEqual([[point], []])
    expect([...applied.values()]).toEqual([1])
    expect((await engine.events(id)).filter(({ type }) => type === 'lease_expired')).toHaveLength(
      point === 'after:settle' ? 0 : 1,
    )
  },
)

test('DG-02 the same input gives the same result and the same rests, whatever crashes on the way', async () => {
  const outcome = async (crashes: readonly CrashPoint[]) => {
    const { keyed } = target()
    await using engine = await testPawl({ actions: [keyed] })
    for (const point of crashes) engine.crashAt(point)
    return (await engine.run({ action: 'demo.upsert', input: {} })).token
  }
  expect(await outcome(['after:step:load', 'before:settle'])).toBe(await outcome([]))
})

test('time stands still until the test moves it, and untilIdle steps over rests, delays and sleeps', async () => {
  const { keyed } = target()
  let sleep = (_ms: number): Promise<void> => Promise.resolve()
  const sleeper = action({
    name: 'demo.sleep',
    version: 1,
    input: z.object({}),
    run: () => sleep(1_200_000),
  })
  await using engine = await testPawl({ actions: [keyed, sleeper], now: Date.UTC(2026, 5, 1) })
  sleep = (ms) => engine.clock.sleep(ms)
  const failing = await engine.submit({ action: 'demo.upsert', input: { fails: 3 } })
  const delayed = await engine.submit({ action: 'demo.upsert', input: {}, delay: 600_000 })
  const asleep = await engine.submit({ action: 'demo.sleep', input: {} })
  await engine.advance(0)
  expect((await engine.get(failing.id)).state).toBe('retryable_failed')
  expect((await engine.get(delayed.id)).state).toBe('queued')
  await engine.untilIdle()
  expect((await engine.get(failing.id)).attempt).toBe(4)
  expect((await engine.get(delayed.id)).state).toBe('succeeded')
  expect((await engine.get(asleep.id)).state).toBe('succeeded')
  expect(engine.clock.now() - Date.UTC(2026, 5, 1)).toBeLessThan(3_600_000)
})

test('what is paused or waits for a person is at rest; what never ends is named', async () => {
  const { keyed } = target()
  const stuck = action({ name: 'demo.stuck', version: 1, input: z.object({}), run: () => new Promise<void>(() => {}) })
  await using engine = await testPawl({ actions: [keyed, stuck] })
  await engine.pawl.pause({ action: 'demo.upsert' }, 'not now')
  const held = await engine.submit({ action: 'demo.upsert', input: {} })
  await engine.untilIdle()
  expect((await engine.get(held.id)).state).toBe('queued')
  const { id } = await engine.submit({ action: 'demo.stuck', input: {} })
  await expect(engine.untilIdle({ withinMs: 60_000 })).rejects.toThrow(`${id} is running`)
})

test('spies hear each event of their type once, in order, and results and requests are typed', async () => {
  const { keyed } = target()
  await using engine = await testPawl({ actions: [keyed] })
  const heard: string[] = []
  const stop = engine.on('*', ({ type }) => heard.push(type))
  const result = await engine.run({ action: 'demo.upsert', input: {} })
  expectTypeOf(result).toEqualTypeOf<{ attempt: number; token: string }>()
  await engine.advance(0)
  expect(heard).toEqual(['enqueue', 'claim', 'step_recorded', 'effect_intended', 'effect_recorded', 'succeed'])
  stop()
  await engine.run({ action: 'demo.upsert', input: {} })
  expect(heard).toHaveLength(6)
})
