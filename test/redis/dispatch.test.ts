import { Queue } from 'bullmq'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { deadLetterName, nameBehind, queueName } from '../../src/dispatch/names.ts'
import { ValidationError } from '../../src/pawl.ts'
import { startRedis, type ThrowawayRedis } from './throwaway.ts'
import { counting, generate, openWorld, upTo, type WorldOptions, warmUp } from './world.ts'

let redis: ThrowawayRedis
beforeAll(async () => {
  redis = await startRedis()
})
afterAll(() => redis.remove())
beforeEach(() => redis.ask('flushall'))

const closing: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

/** Polling is turned off in it, but for the first look: what runs was carried. */
async function begin(options: Partial<WorldOptions> = {}) {
  const world = await openWorld({ redis, ...options })
  closing.push(() => world.pawl.stop({ graceMs: 100 }))
  await world.pawl.start()
  do {
    await world.pawl.ended((await world.pawl.submit({ action: warmUp.name, input: null })).id)
  } while ((await world.outcomes(queueName(warmUp.name, 1))).ran === 0)
  return world
}

test('DG-01 what is submitted runs by hints through BullMQ, each once', async () => {
  const { submit, ended, runs, outcomes } = await begin()
  const views = await ended(await submit(upTo(60)))
  expect(views.every(({ state }) => state === 'succeeded')).toBe(true)
  expect(runs.toSorted((a, b) => a - b)).toEqual(upTo(60))
  await expect.poll(() => outcomes()).toEqual({ ran: 60, idle: 0 })
})

test('DG-01b a retry is a job of its own, and what ended as failed lies in the queue of dead letters, without its input', async () => {
  const { submit, ended, hooks, runs, outcomes, pawl } = await begin()
  hooks.run = (n) => {
    if (n === 1 && runs.filter((each) => each === 1).length === 1)
      throw Object.assign(new Error('reset'), { code: 'ECONNRESET' })
    if (n === 2) throw new ValidationError('never')
  }
  const views = await ended(await submit([1, 2]))
  expect(views.map(({ state, attempt }) => [state, attempt])).toEqual([
    ['succeeded', 2],
    ['failed', 1],
  ])
  await expect.poll(() => outcomes()).toEqual({ ran: 3, idle: 0 })
  const dead = new Queue(deadLetterName(generate), { connection: { port: redis.port }, prefix: 'pawl' })
  closing.push(() => dead.close())
  await expect.poll(() => dead.getWaitingCount()).toBe(1)
  const [letter] = await dead.getWaiting()
  expect(letter?.name).toBe(generate)
  expect(letter?.data).toMatchObject({
    execution: views[1]?.id,
    action: generate,
    attempt: 1,
    errorClass: 'ValidationError',
  })
  expect(Object.keys(letter?.data).sort()).toEqual(['action', 'at', 'attempt', 'errorClass', 'execution', 'version'])
  // Redriven it goes on, and lies there no more; when it fails again, it does again.
  const id = views[1]?.id ?? ''
  await pawl.redrive(id, 'once more')
  await expect
    .poll(async () => (await dead.getWaiting()).map(({ data }) => data.at !== letter?.data.at))
    .toEqual([true])
  hooks.run = () => {}
  await pawl.redrive(id, 'and once more')
  expect((await pawl.ended(id)).state).toBe('succeeded')
  await expect.poll(() => dead.getWaitingCount()).toBe(0)
})

test('DG-01 the higher priority goes first, whatever was submitted before', async () => {
  const { submit, ended, hooks, runs } = await begin({ slots: 1 })
  const held = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  hooks.run = (n) => {
    if (n !== 0) return
    started.resolve()
    return held.promise
  }
  const ids = await submit([0])
  await started.promise
  for (const [n, priority] of [
    [1, -100],
    [2, 3],
    [3, 100],
    [4, 0],
    [5, 7],
  ] as const)
    ids.push(...(await submit([n], { priority })))
  const queue = new Queue(queueName(generate, 1), { connection: { port: redis.port }, prefix: 'pawl' })
  closing.push(() => queue.close())
  // What was claimed ahead of the slot goes back after a second.
  await expect.poll(() => queue.getPrioritizedCount(), { timeout: 20_000 }).toBe(5)
  held.resolve()
  await ended(ids)
  expect(runs).toEqual([0, 3, 5, 2, 4, 1])
})

/** Nobody ends before so many run at once. */
function together(now: { readonly running: number }, count: number): () => Promise<void> {
  const met = Promise.withResolvers<void>()
  return () => {
    if (now.running === count) met.resolve()
    return met.promise
  }
}

test('DG-01 no more run at a time than a process has slots, nor than the action allows, and all of them run', async () => {
  const free = await begin({ slots: 3 })
  free.hooks.run = together(free.now, 3)
  await free.ended(await free.submit(upTo(30)))
  expect(free.now.most).toBe(3)
  await free.pawl.stop()
  closing.pop()
  await redis.ask('flushall')
  const tight = await begin({ slots: 5, actions: (run) => [counting(run, { concurrency: { limit: 2 } })] })
  tight.hooks.run = together(tight.now, 2)
  await tight.ended(await tight.submit(upTo(30)))
  expect(tight.now.most).toBe(2)
  expect(tight.runs.length).toBe(30)
})

test('SE-50 hints that were lost, and Redis with them, are found in the store, and carried anew', async () => {
  const { submit, ended, hooks, runs, pawl } = await begin({ slots: 1, pollMs: 50 })
  const held = Promise.withResolvers<void>()
  const started = Promise.withResolvers<void>()
  hooks.run = (n) => {
    if (n !== 0) return
    started.resolve()
    return held.promise
  }
  const ids = await submit(upTo(100))
  await started.promise
  await redis.ask('flushall')
  held.resolve()
  await ended(ids)
  expect(runs.toSorted((a, b) => a - b)).toEqual(upTo(100))
  expect((await pawl.ops()).ok).toBe(true)
})

test('SE-50 a hint of something that is over, unknown, or no hint at all is taken for what it is', async () => {
  const { submit, ended, runs, outcomes } = await begin()
  const views = await ended(await submit([1]))
  const queue = new Queue(queueName(generate, 1), { connection: { port: redis.port }, prefix: 'pawl' })
  closing.push(() => queue.close())
  const options = { removeOnComplete: true }
  await queue.add(generate, { execution: views[0]?.id, place: [1, 0, 1] }, options)
  await queue.add(generate, { execution: 'nobody', place: [1, 0, 1] }, options)
  await queue.add(generate, {}, options)
  await queue.add('other', 7, options)
  await queue.add(generate, { execution: views[0]?.id, place: ['1', 1e300, null] }, options)
  await expect.poll(() => outcomes()).toEqual({ ran: 1, idle: 5 })
  await ended(await submit([2]))
  expect(runs).toEqual([1, 2])
})

test('DG-01b every name of an action is a legal name of a queue, and can be read back', () => {
  for (const name of ['bundle:generate', 'a%3Ab', 'a%b:c', 'crm.sync', '%', ':', '%25:']) {
    const legal = queueName(name, 7)
    expect(legal).not.toContain(':')
    expect(nameBehind(legal)).toBe(`${name}@7`)
  }
  expect(deadLetterName('bundle:generate')).toBe('bundle%3Agenerate%3Adlq')
})
