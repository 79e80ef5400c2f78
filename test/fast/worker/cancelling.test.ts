import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action, type RunContext } from '../../../src/action/action.ts'
import { World } from './world.ts'

const input = z.object({})
let world: World
afterEach(() => world.close())

const acting = (run: (context: RunContext) => unknown, name = 'acting'): AnyAction =>
  action({ name, version: 1, input, run: run as never })

const cancel = (id: number) => world.command(id, { type: 'cancel', reason: null })

/** Lets time pass in small steps until the condition holds; says how long it took. */
async function until(isTrue: () => boolean | Promise<boolean>, stepMs = 1_000): Promise<number> {
  const startedAt = world.clock.now()
  for (let steps = 0; !(await isTrue()); steps += 1) {
    if (steps > 500) throw new Error(`it did not become true\n${world.logged.join('\n')}`)
    await world.clock.advance(stepMs)
  }
  return world.clock.now() - startedAt
}

test('SE-25 a cancel reaches the handler with the commit that asks, not with the next heartbeat', async () => {
  let toldAt = 0
  const definition = acting(async ({ signal }) => {
    signal.addEventListener('abort', () => {
      toldAt = world.clock.now()
    })
    await world.clock.sleep(100_000, signal)
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  await world.reach(id, 'running')
  await world.clock.advance(1_234)
  const askedAt = world.clock.now()
  await cancel(id)
  await world.clock.advance(0)
  expect(toldAt).toBe(askedAt)
  expect(await world.reach(id)).toMatchObject({ state: 'canceled', attempt: 1 })
})

test('SE-25 a handler that ignores its abort keeps its slot, its lease and its locks; its worker drains and says so', async () => {
  const { promise, resolve: end } = Promise.withResolvers<void>()
  const stubborn = acting(() => promise, 'stubborn')
  const quick = acting(() => 'done', 'quick')
  world = await World.open(stubborn, quick)
  const stuck: (readonly string[])[] = []
  await world.worker({ onStuck: (ids) => stuck.push(ids) }).start()
  const id = await world.submit(stubborn)
  await world.reach(id, 'running')
  await cancel(id)
  await until(async () => (await world.workers())[0]?.drainingSince !== null)
  expect(await world.find(id)).toMatchObject({ state: 'running' })
  expect(stuck).toHaveLength(1)
  expect(world.logged.filter((line) => line.includes('ignores its abort'))).toHaveLength(1)
  const other = await world.submit(quick)
  await world.clock.advance(60_000)
  expect(await world.find(other)).toMatchObject({ state: 'queued' })
  expect((await world.why(other)).why).toMatch(/It is due, but .* takes nothing since .*ignores its abort/)
  expect(await world.find(id)).toMatchObject({ state: 'running', fence: expect.any(Number) })
  end()
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded' })
  expect(await world.reach(other)).toMatchObject({ state: 'succeeded' })
  expect((await world.workers())[0]?.drainingSince).toBeNull()
})

test('SE-25 once the process of a stuck handler is gone, its execution ends as canceled', async () => {
  const stubborn = acting(() => new Promise(() => {}))
  world = await World.open(stubborn)
  await world.worker().start()
  const id = await world.submit(stubborn)
  await world.reach(id, 'running')
  await cancel(id)
  await until(async () => (await world.workers())[0]?.drainingSince !== null)
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'exit 1', cause: 'exit' })
  expect(await world.find(id)).toMatchObject({ state: 'canceled' })
})

test('SE-25 a time limit that is ignored leads to the same end as a cancel', async () => {
  const definition = action({
    name: 'slow',
    version: 1,
    input,
    timeout: { timeoutMs: 5_000, cancelGraceMs: 2_000 },
    run: () => new Promise(() => {}),
  })
  world = await World.open(definition)
  const worker = world.worker()
  await worker.start()
  const id = await world.submit(definition)
  await world.reach(id, 'running')
  const tookMs = await until(async () => (await world.workers())[0]?.drainingSince !== null, 500)
  expect(tookMs).toBeGreaterThanOrEqual(7_000)
  expect(tookMs).toBeLessThanOrEqual(8_000)
})

test('bad handlers: one that throws undefined fails, and a secret in its message is masked', async () => {
  const secret = 'hunter2-hunter2'
  const throwing = acting(() => Promise.reject(undefined), 'throwing')
  const telling = action({
    name: 'telling',
    version: 1,
    input,
    secrets: ['TOKEN'],
    run: ({ secrets }) => Promise.reject(new Error(`it is ${secrets.TOKEN}`)),
  })
  world = await World.open(throwing, telling)
  await world.worker({ secrets: () => Promise.resolve({ TOKEN: secret }) }).start()
  for (const definition of [throwing, telling]) {
    const { state, lastError } = await world.reach(await world.submit(definition))
    expect(state).toBe('failed')
    expect(lastError).not.toContain(secret)
  }
})
