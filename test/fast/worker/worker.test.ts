import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action } from '../../../src/action/action.ts'
import { NetworkError, ValidationError } from '../../../src/errors/failures.ts'
import { World } from './world.ts'

const input = z.object({ name: z.string().default('world') })
let world: World
afterEach(() => world.close())

async function start(...actions: readonly AnyAction[]): Promise<World> {
  world = await World.open(...actions)
  await world.worker().start()
  return world
}

test('a submitted execution is claimed, run and settled with its result', async () => {
  const greet = action({ name: 'greet', version: 1, input, run: ({ input }) => ({ text: `Hello ${input.name}` }) })
  await start(greet)
  const id = await world.submit(greet)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.result(id)).toEqual({ text: 'Hello world' })
})

test('SE-13 worker, renewals, cancel checks, attempt and last error are on record after a run', async () => {
  let tries = 0
  const flaky = action({
    name: 'flaky',
    version: 1,
    input,
    async run() {
      tries += 1
      await world.clock.sleep(25_000)
      if (tries === 1) throw new NetworkError('the line is dead')
      return {}
    },
  })
  await start(flaky)
  const id = await world.submit(flaky)
  const execution = await world.reach(id)
  expect(execution).toMatchObject({ state: 'succeeded', attempt: 2, lastErrorClass: 'NetworkError' })
  expect(execution.leaseRenewals).toBeGreaterThan(0)
  expect(execution.cancelChecks).toBeGreaterThan(0)
  const claims = (await world.events(id)).filter(({ type }) => type === 'claim')
  expect(claims.map(({ worker }) => worker)).toEqual([1, 1])
})

test('REL-03 a retryable error is tried again, a lasting one ends at once, an unknown one has one outcome', async () => {
  const thrown: Record<string, unknown> = {
    network: new NetworkError('down'),
    validation: new ValidationError('wrong'),
    unknown: { strange: true },
  }
  const fails = action({
    name: 'fails',
    version: 1,
    input: z.object({ how: z.string() }),
    run({ input }) {
      throw thrown[input.how]
    },
  })
  await start(fails)
  const ends: Record<string, unknown> = {}
  for (const how of Object.keys(thrown)) {
    const { state, attempt, lastErrorClass } = await world.reach(await world.submit(fails, { how }))
    ends[how] = [state, attempt, lastErrorClass]
  }
  expect(ends).toEqual({
    network: ['failed', 3, 'NetworkError'],
    validation: ['failed', 1, 'ValidationError'],
    unknown: ['failed', 3, 'UnknownError'],
  })
})

test('a recorded step is not run again after a failure, and gives the same value', async () => {
  let loads = 0
  let tries = 0
  const values: unknown[] = []
  const loading = action({
    name: 'loading',
    version: 1,
    input,
    async run({ step }) {
      values.push(await step('load', () => ({ load: ++loads })))
      values.push(await step('load', () => undefined))
      if (++tries === 1) throw new NetworkError()
      return {}
    },
  })
  await start(loading)
  const id = await world.submit(loading)
  await world.reach(id)
  expect(loads).toBe(1)
  expect(values).toEqual([{ load: 1 }, null, { load: 1 }, null])
  expect((await world.steps(id)).map(({ name, ordinal }) => [name, ordinal])).toEqual([
    ['load', 0],
    ['load', 1],
  ])
})

test('DG-02 random, uuid and now are the same in every attempt, whatever a replayed step drew', async () => {
  const seen: unknown[][] = []
  const dicing = action({
    name: 'dicing',
    version: 1,
    input,
    async run({ random, uuid, now, step }) {
      const drawn: unknown[] = [now(), random(), uuid()]
      drawn.push(await step('draw', () => [random(), uuid()]))
      drawn.push(random())
      seen.push(drawn)
      if (seen.length === 1) throw new NetworkError()
      return {}
    },
  })
  await start(dicing)
  await world.reach(await world.submit(dicing, {}, { seed: 7 }))
  expect(seen[1]).toEqual(seen[0])
  await world.reach(await world.submit(dicing, {}, { seed: 8 }))
  expect(seen[2]?.slice(1)).not.toEqual(seen[0]?.slice(1))
})

test('values that JSON cannot carry and results over 10 KiB fail with a sentence that says what to do', async () => {
  const large = action({
    name: 'large',
    version: 1,
    input: z.object({ what: z.string() }),
    async run({ input, step }) {
      if (input.what === 'step') await step('large', () => 'x'.repeat(300_000))
      if (input.what === 'date') await step('date', () => new Date(0))
      return 'x'.repeat(11_000)
    },
  })
  await start(large)
  const errorOf = async (what: string): Promise<string | null> => {
    const { state, lastErrorClass, lastError } = await world.reach(await world.submit(large, { what }))
    expect([state, lastErrorClass]).toEqual(['failed', 'ValidationError'])
    return lastError
  }
  expect(await errorOf('step')).toMatch(/step large is larger than 262144 bytes.*ctx\.artifact/)
  expect(await errorOf('date')).toMatch(/step date cannot be recorded/)
  expect(await errorOf('result')).toMatch(/larger than 10240 bytes.*ctx\.artifact/)
})

test('a cancelled handler is told, and its end is canceled, not failed', async () => {
  const reasons: unknown[] = []
  const waiting = action({
    name: 'waiting',
    version: 1,
    input,
    async run({ signal }) {
      await world.clock.sleep(3_600_000, signal).catch((reason: unknown) => {
        reasons.push(reason)
        throw reason
      })
    },
  })
  await start(waiting)
  const id = await world.submit(waiting)
  await world.reach(id, 'running')
  await world.command(id, { type: 'cancel', reason: 'no longer wanted' })
  expect(await world.reach(id)).toMatchObject({ state: 'canceled', cancelledBy: 'human:alice' })
  expect(reasons).toMatchObject([{ errorClass: 'Canceled' }])
})

test('a handler out of time is aborted and waited for; nothing is started beside it', async () => {
  let atOnce = 0
  let most = 0
  const slow = action({
    name: 'slow',
    version: 1,
    input,
    timeout: { timeoutMs: 1_000 },
    async run() {
      most = Math.max(most, ++atOnce)
      await world.clock.sleep(100_000)
      atOnce -= 1
      throw new Error('late')
    },
  })
  await start(slow)
  expect(await world.reach(await world.submit(slow))).toMatchObject({ state: 'failed', lastErrorClass: 'TimeoutError' })
  expect(most).toBe(1)
})

test('calls that a handler did not await are finished before it settles, and take nothing down', async () => {
  const careless = action({
    name: 'careless',
    version: 1,
    input,
    run({ step }) {
      void step('good', async () => {
        await world.clock.sleep(5_000)
        return 1
      })
      void step('bad', () => {
        throw new Error('nobody listens')
      })
      return {}
    },
  })
  await start(careless)
  const id = await world.submit(careless)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect((await world.steps(id)).map(({ name }) => name)).toEqual(['good'])
})

test('a step inside a step is refused, because a replay would skip it', async () => {
  const nested = action({
    name: 'nested',
    version: 1,
    input,
    run: ({ step }) => step('outer', () => step('inner', () => 1)),
  })
  await start(nested)
  expect(await world.reach(await world.submit(nested))).toMatchObject({
    state: 'failed',
    lastErrorClass: 'JournalMismatch',
  })
})

test('secrets never appear in the recorded error', async () => {
  const leaky = action({
    name: 'leaky',
    version: 1,
    input,
    secrets: ['TOKEN'],
    run({ secrets }) {
      throw new ValidationError(`bad token ${secrets.TOKEN} (${Buffer.from(`u:${secrets.TOKEN}`).toString('base64')})`)
    },
  })
  world = await World.open(leaky)
  await world.worker({ secrets: async () => ({ TOKEN: 'correct horse battery' }) }).start()
  const { lastError } = await world.reach(await world.submit(leaky))
  expect(lastError).not.toContain('correct horse')
  expect(lastError).not.toContain(Buffer.from('u:correct horse').toString('base64').slice(4, 12))
  expect(lastError).toMatch(/^bad token \*\*\*/)
})

test('the output is checked against the schema that the action declares', async () => {
  const wrong = action({
    name: 'wrong',
    version: 1,
    input,
    output: z.object({ total: z.number() }),
    run: () => ({ total: 'much' }) as unknown as { total: number },
  })
  await start(wrong)
  const { lastErrorClass, lastError } = await world.reach(await world.submit(wrong))
  expect([lastErrorClass, lastError]).toEqual(['ValidationError', expect.stringContaining('total')])
})
