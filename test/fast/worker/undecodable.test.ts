import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action, actionRegistry } from '../../../src/action/action.ts'
import type { Claimed } from '../../../src/commit/order.ts'
import { NetworkError, RetryAfter } from '../../../src/errors/failures.ts'
import type { WorkerProtocol } from '../../../src/protocol/protocol.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world?.close())

/** Hands out what the store has, but for what `plant` makes of it. */
const planting = (plant: (claimed: Claimed) => Claimed): WorkerProtocol => ({
  ...world.protocol,
  claim: async (ask) => (await world.protocol.claim(ask)).map(plant),
})

const work = (input: AnyAction['input'], handled: unknown[] = []) =>
  action({
    name: 'work',
    version: 1,
    input,
    run: ({ input: given }) => {
      handled.push(given)
      return given
    },
  })

test('SE-23 DG-04 a stored input that the action does not accept any more ends as Undecodable at once, and its neighbours run', async () => {
  const handled: unknown[] = []
  const before = work(z.object({ size: z.union([z.string(), z.number()]) }), handled)
  const after = work(z.object({ size: z.number() }), handled)
  world = await World.open(before)
  const old = await world.submit(before, { size: 'large' })
  const others = [await world.submit(before, { size: 1 }), await world.submit(before, { size: 2 })]
  const deployed = world.worker({ actions: actionRegistry([after]) })
  await deployed.start()
  for (const id of others) expect((await world.reach(id)).state).toBe('succeeded')
  const { state, attempt, lastErrorClass, lastError } = await world.reach(old)
  expect({ state, attempt, lastErrorClass }).toEqual({ state: 'failed', attempt: 1, lastErrorClass: 'Undecodable' })
  expect(lastError).toMatch(/stored input, by work version 1 .* size: .* Deploy code that can read it, then redrive/)
  expect(lastError).not.toContain('large')
  expect(handled).toEqual([{ size: 1 }, { size: 2 }])

  void deployed.stop()
  await world.worker().start()
  await world.command(old, { type: 'redrive', reason: 'the schema reads both again' })
  expect((await world.reach(old)).state).toBe('succeeded')
})

test('SE-23 an input that is no JSON ends as Undecodable, and the worker goes on', async () => {
  const plain = work(z.object({}))
  world = await World.open(plain)
  const protocol = planting((claimed) => ({ ...claimed, request: { ...claimed.request, input: '{"hidden' } }))
  await world.worker({ protocol }).start()
  for (const id of [await world.submit(plain), await world.submit(plain)]) {
    const { state, attempt, lastErrorClass, lastError } = await world.reach(id)
    expect({ state, attempt, lastErrorClass }).toEqual({ state: 'failed', attempt: 1, lastErrorClass: 'Undecodable' })
    expect(lastError).not.toContain('hidden')
  }
})

test('a schema that throws says that it cannot read the input, unless the world broke under it', async () => {
  let thrown: Error = new TypeError('size is undefined')
  const checked = work({
    '~standard': {
      version: 1,
      vendor: 'test',
      validate: (value) => {
        if (value === 'checked') return { value }
        throw thrown
      },
    },
  })
  world = await World.open(checked)
  await world
    .worker({ protocol: planting((claimed) => ({ ...claimed, request: { ...claimed.request, input: '{}' } })) })
    .start()
  expect(await world.reach(await world.submit(checked, 'checked'))).toMatchObject({ lastErrorClass: 'Undecodable' })
  thrown = new NetworkError('no answer')
  const id = await world.submit(checked, 'checked')
  expect(await world.reach(id, 'retryable_failed')).toMatchObject({ lastErrorClass: 'NetworkError' })
})

/** Calls that leave something in the journal, and what an earlier claim would have left of it. */
const records = {
  'a step that is no JSON': [({ step }) => step('one', () => 1), { one: 'undefined' }],
  'an artifact of another shape': [
    ({ artifact }) => artifact('file', 'text', 'text/plain'),
    { 'artifact:file': '{"v":2}' },
  ],
  'a sleep of another shape': [({ sleep }) => sleep('nap', '1h'), { 'sleep:nap': '{"until":"later"}' }],
  'a signal of another shape': [({ waitForSignal }) => waitForSignal('go'), { 'signal:go': '[]' }],
  'a child of another shape': [({ child }) => child('kid', { action: 'work', input: null }), { 'child:kid': 'null' }],
} satisfies Record<string, [(context: Parameters<AnyAction['run']>[0]) => Promise<unknown>, Record<string, string>]>

test.each(Object.entries(records))(
  'SE-23 %s in the journal ends the execution as Undecodable, even when the handler swallows it',
  async (_, [call, planted]) => {
    const journaled = action({
      name: 'work',
      version: 1,
      input: z.unknown(),
      run: async (context) => {
        await call(context).catch(() => {})
        return 'swallowed'
      },
    })
    world = await World.open(journaled)
    const steps = Object.entries(planted).map(([name, value]) => ({
      name,
      value,
      ordinal: 0,
      fence: 1,
      startedAt: 0,
      at: 0,
    }))
    const protocol = planting((claimed) => ({
      ...claimed,
      steps: steps.map((step) => ({ ...step, id: claimed.execution.id })),
    }))
    await world.worker({ protocol }).start()
    const id = await world.submit(journaled)
    const { state, attempt, lastErrorClass, lastError } = await world.reach(id)
    expect({ state, attempt, lastErrorClass }).toEqual({ state: 'failed', attempt: 1, lastErrorClass: 'Undecodable' })
    expect(lastError).toMatch(/cannot be read: .*\. Deploy code that can read it, then redrive the execution\./)
    expect((await world.find(id)).losses).toBe(0)
  },
)

test('SE-23 the recorded value of an effect that cannot be read ends the execution, and the effect is not repeated', async () => {
  let performed = 0
  const mailing = action({
    name: 'work',
    version: 1,
    input: z.unknown(),
    run: async ({ effect, attempt }) => {
      await effect('mail', {
        target: 'opaque',
        do: () => {
          performed += 1
        },
      })
      if (attempt === 1) throw new RetryAfter(10)
    },
  })
  world = await World.open(mailing)
  const cut = (claimed: Claimed): Claimed => ({
    ...claimed,
    effects: claimed.effects.map((effect) => ({ ...effect, value: '{"id":' })),
  })
  await world.worker({ protocol: planting(cut) }).start()
  const ended = await world.reach(await world.submit(mailing))
  expect(ended).toMatchObject({ state: 'failed', attempt: 2, lastErrorClass: 'Undecodable' })
  expect(ended.lastError).toContain('effect mail')
  expect(performed).toBe(1)
})

test.each([
  ['what its second step is told', { args: '{"version":' }],
  ['what a step has recorded', { value: 'oops' }],
])(
  'SE-23 DG-06 a plan of which %s cannot be read ends as Undecodable before anything of it is done',
  async (_, cut) => {
    const installed: string[] = []
    const deploy = action({
      name: 'deploy',
      version: 1,
      input: z.unknown(),
      plan: () => ({
        summary: 'Install on two hosts',
        steps: ['a', 'b'].map((target) => ({ step: 'install', target, args: { version: 2 } })),
      }),
      steps: {
        install: {
          run: ({ target }) => {
            installed.push(target)
          },
        },
      },
    })
    world = await World.open(deploy)
    let isCut = true
    const planted = (claimed: Claimed): Claimed => ({
      ...claimed,
      targets: claimed.targets?.map((target) => (isCut && target.idx === 1 ? { ...target, ...cut } : target)),
    })
    await world.worker({ protocol: planting(planted) }).start()
    const id = await world.submit(deploy)
    const ended = await world.reach(id)
    expect(ended).toMatchObject({ state: 'failed', lastErrorClass: 'Undecodable' })
    expect(ended.lastError).toContain('install[b]')
    expect(installed).toEqual([])
    isCut = false
    await world.command(id, { type: 'redrive', reason: 'repaired' })
    expect((await world.reach(id)).state).toBe('succeeded')
    expect(installed).toEqual(['a', 'b'])
  },
)
