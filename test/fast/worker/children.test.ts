import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action, type RunContext } from '../../../src/action/action.ts'
import { ChildFailed } from '../../../src/errors/failures.ts'
import { isRefusal } from '../../../src/errors/refusal.ts'
import { World } from './world.ts'

const input = z.unknown()
let world: World
afterEach(() => world.close())

const acting = (name: string, run: (context: RunContext) => unknown): AnyAction =>
  action({ name, version: 1, input, run: run as never, retry: { maxAttempts: 1 } })

const doubling = acting('doubling', ({ input: n }) => (n as number) * 2)
const failing = acting('failing', () => Promise.reject(new Error('no luck')))
const waiting = acting('waiting', ({ waitForSignal }) => waitForSignal('never'))

async function started(...definitions: [AnyAction, ...AnyAction[]]): Promise<number> {
  world = await World.open(...definitions)
  await world.worker().start()
  return await world.submit(definitions[0])
}

test('a parent spawns children, waits for them without a slot, and is given their results', async () => {
  const parent = acting('parent', async ({ child }) => {
    const children = await Promise.all([1, 2, 3].map((n) => child(`n${n}`, { action: 'doubling', input: n })))
    return await Promise.all(children.map((each) => each.result()))
  })
  const id = await started(parent, doubling)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.result(id)).toEqual([2, 4, 6])
  const events = await world.events(id)
  expect(events.filter(({ type }) => type === 'child_spawned')).toHaveLength(3)
  const child = await world.found(id + 1)
  expect(child.request).toMatchObject({ parentId: id, depth: 1, requestedBy: 'human:alice', tenant: 'default' })
  expect(child.execution.parent).toBe(id)
})

test('a child is spawned once, whatever crashes and however often its message comes', async () => {
  const parent = acting('parent', async ({ child }) => (await child('only', { action: 'doubling', input: 4 })).result())
  world = await World.open(parent, doubling)
  let spawns = 0
  const { protocol } = world
  const doubled: typeof protocol = {
    ...protocol,
    async spawn(worker, id, spawn) {
      spawns += 1
      const first = await protocol.spawn(worker, id, spawn)
      expect(await protocol.spawn(worker, id, spawn)).toEqual(first)
      return first
    },
  }
  await world.worker({ protocol: doubled }).start()
  const id = await world.submit(parent)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded' })
  expect(await world.result(id)).toBe(8)
  expect(spawns).toBe(1)
  await expect(world.found(id + 2)).rejects.toThrow('no execution')
})

test('a child that fails throws into the parent, which may go on', async () => {
  const seen: unknown[] = []
  const parent = acting('parent', async ({ child }) => {
    const bad = await child('bad', { action: 'failing', input: null })
    return await bad.result().catch((thrown: unknown) => {
      seen.push(thrown)
      return 'went on'
    })
  })
  const id = await started(parent, failing)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded' })
  expect(await world.result(id)).toBe('went on')
  expect(seen.at(-1)).toBeInstanceOf(ChildFailed)
  expect(seen.at(-1)).toMatchObject({ state: 'failed', message: expect.stringContaining('no luck') })
})

test('SE-25 a cancel of the parent cancels its children and theirs, in one commit, except those it abandons', async () => {
  const middle = acting('middle', async ({ child, waitForSignal }) => {
    await child('leaf', { action: 'waiting', input: null })
    await waitForSignal('never')
  })
  const parent = acting('parent', async ({ child, waitForSignal }) => {
    await child('middle', { action: 'middle', input: null })
    await child('free', { action: 'waiting', input: null, onParentCancel: 'abandon' })
    await waitForSignal('never')
  })
  const id = await started(parent, middle, waiting)
  for (const each of [1, 2, 3, 4]) await world.reach(each, 'waiting')
  await world.command(id, { type: 'cancel', reason: 'enough' })
  const names = await Promise.all(
    [1, 2, 3, 4].map(async (each) => {
      const { request, execution } = await world.found(each)
      return `${request.action} ${execution.state} ${execution.cancelledBy}`
    }),
  )
  expect(names.sort()).toEqual([
    'middle canceled human:alice',
    'parent canceled human:alice',
    'waiting canceled human:alice',
    'waiting waiting null',
  ])
})

test('SE-25 a cancel comes to many children in parts, so that no commit is long, and spares none', async () => {
  world = await World.open(waiting)
  const family = async (parent: number, count: number): Promise<number[]> => {
    const admission = await world.admission(waiting, parent)
    const admissions = Array.from({ length: count }, () => admission)
    const answers = await world.orders.give<'admit_many'>({ kind: 'admit_many', admissions })
    return isRefusal(answers) ? [] : answers.map((each) => (isRefusal(each) || each.replayed ? 0 : each.born.id))
  }
  const parent = await world.submit(waiting)
  const children = await family(parent, 450)
  const descendants = [...children, ...(await family(children[449] ?? 0, 250))]
  await world.command(parent, { type: 'cancel', reason: 'too many' })
  await world.clock.advance(1)
  const ends = await Promise.all(
    descendants.map(async (id) => (await world.events(id)).find(({ type }) => type === 'cancel')),
  )
  expect(ends.filter((end) => end?.principal === 'human:alice')).toHaveLength(700)
  const inOneCommit = Map.groupBy(ends, (end) => end?.position)
  expect(Math.max(...[...inOneCommit.values()].map(({ length }) => length))).toBeLessThanOrEqual(200)
})

test('SE-25 no child is born after the commit that asks to cancel the parent', async () => {
  const parent = acting('parent', async ({ child, step }) => {
    await step('cancelled meanwhile', async () => {
      await world.command(1, { type: 'cancel', reason: null })
      return null
    })
    await child('late', { action: 'doubling', input: 1 })
  })
  const id = await started(parent, doubling)
  expect(await world.reach(id)).toMatchObject({ state: 'canceled' })
  await expect(world.found(id + 1)).rejects.toThrow('no execution')
})

test('the 17th generation and a child of an ended parent are refused', async () => {
  const deeper = acting('deeper', async ({ child }) =>
    (await child('next', { action: 'deeper', input: null })).result(),
  )
  const id = await started(deeper)
  const failed = await world.reach(id)
  expect(failed).toMatchObject({ state: 'failed' })
  const last = await world.found(17)
  expect(last.request.depth).toBe(16)
  expect(last.execution.lastError).toContain('child_too_deep')
  await expect(world.found(18)).rejects.toThrow('no execution')
  const answer = await world.orders.give<'admit'>({ kind: 'admit', admission: await world.admission(deeper, id) })
  expect(isRefusal(answer) && answer.code).toBe('parent_ended')
})

test('an unknown action or bad input of a child fails its parent with the reason', async () => {
  const parent = acting('parent', async ({ child }) => child('x', { action: 'nowhere', input: null }))
  const id = await started(parent)
  const { state, lastError } = await world.reach(id)
  expect(state).toBe('failed')
  expect(lastError).toContain('unknown_action')
})
