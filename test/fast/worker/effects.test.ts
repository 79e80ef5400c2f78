import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action, type EffectSpec, type EffectTarget } from '../../../src/action/action.ts'
import { NetworkError, NotApplied, UnknownOutcome } from '../../../src/errors/failures.ts'
import { World } from './world.ts'

const input = z.object({})
let world: World
afterEach(() => world.close())

/** The outside world: what it was asked to do, and what of it happened. */
class Target {
  readonly calls: string[] = []
  readonly applied = new Map<string, number>()

  do(key: string): { id: string } {
    this.calls.push(key)
    this.applied.set(key, (this.applied.get(key) ?? 0) + 1)
    return { id: `id-of-${key.slice(0, 4)}` }
  }

  find(key: string): { id: string } | undefined {
    return this.applied.has(key) ? { id: `id-of-${key.slice(0, 4)}` } : undefined
  }
}

function posting(target: Target, kind: EffectTarget, more: Partial<EffectSpec<{ id: string }>> = {}): AnyAction {
  return action({
    name: 'posting',
    version: 1,
    input,
    run: async ({ effect }) => ({
      got: await effect('post', { target: kind, do: ({ effectKey }) => target.do(effectKey), ...more }),
    }),
  })
}

/** Runs until the worker's process dies at the named call, is proven dead or not, and another worker takes over. */
async function dieAt(call: string, definition: AnyAction, proven: boolean): Promise<number> {
  world = await World.open(definition)
  const protocol = world.dyingProtocol((name) => name === call)
  await world.worker({ protocol }).start()
  const id = await world.submit(definition)
  await protocol.dead
  if (proven) await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'killed', cause: 'exit' })
  else {
    await world.clock.advance(31_000)
    await world.orders.give<'sweep'>({ kind: 'sweep' })
  }
  await world.worker().start()
  return id
}

for (const kind of ['keyed', 'fenced'] as const) {
  test(`CP-008d a ${kind} effect whose report was lost is replayed with the same key`, async () => {
    const target = new Target()
    const id = await dieAt('record_effect', posting(target, kind), false)
    expect((await world.reach(id)).state).toBe('succeeded')
    expect(target.calls).toHaveLength(2)
    expect(new Set(target.calls).size).toBe(1)
    expect(await world.effects(id)).toMatchObject([{ state: 'applied', intents: 2 }])
  })
}

test('CP-008d a keyed effect that can be looked for is not called again when it is found', async () => {
  const target = new Target()
  const reconcile = ({ effectKey }: { effectKey: string }) => target.find(effectKey)
  const id = await dieAt('record_effect', posting(target, 'keyed', { reconcile }), false)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(target.calls).toHaveLength(1)
  expect(await world.effects(id)).toMatchObject([{ state: 'applied', intents: 1 }])
  expect(await world.result(id)).toEqual({ got: target.find(target.calls[0] ?? '') })
})

test('CP-008d an opaque effect that nobody can look for waits for a person and is never called again', async () => {
  const target = new Target()
  const id = await dieAt('record_effect', posting(target, 'opaque'), true)
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'outcome' })
  expect(target.calls).toHaveLength(1)
  const [row] = await world.effects(id)
  await world.command(id, {
    type: 'resolve_effect',
    effectKey: row?.effectKey ?? '',
    verdict: 'applied',
    value: '{"id":"seen by a person"}',
    reason: 'it is in the channel',
  })
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(await world.result(id)).toEqual({ got: { id: 'seen by a person' } })
  expect(target.calls).toHaveLength(1)
})

test('CP-008d the "no" of an opaque target is believed when the process that called is proven dead', async () => {
  const target = new Target()
  let lookups = 0
  const reconcile = ({ effectKey }: { effectKey: string }) => {
    lookups += 1
    return target.find(effectKey)
  }
  const definition = posting(target, 'opaque', { reconcile })
  world = await World.open(definition)
  // Dies after the commit of the intent and before the call.
  const { protocol } = world
  let intended: () => void = () => {}
  const dead = new Promise<void>((resolve) => {
    intended = resolve
  })
  await world
    .worker({
      protocol: {
        ...protocol,
        async work(worker, id, command) {
          const answer = await protocol.work(worker, id, command)
          if (command.type !== 'intend_effect') return answer
          intended()
          return await new Promise(() => {})
        },
      },
    })
    .start()
  const id = await world.submit(definition)
  await dead
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'killed', cause: 'exit' })
  await world.worker().start()
  expect((await world.reach(id)).state).toBe('succeeded')
  expect([lookups, target.calls.length]).toEqual([1, 1])
})

test('CP-004b the "no" of an opaque target is not believed while the frozen process may still call', async () => {
  const target = new Target()
  const reconcile = () => undefined
  const id = await dieAt('record_effect', posting(target, 'opaque', { reconcile }), false)
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'outcome' })
  expect(target.calls).toHaveLength(1)
})

test('CP-008d an opaque effect that the look finds is used and not called again', async () => {
  const target = new Target()
  const reconcile = ({ effectKey }: { effectKey: string }) => target.find(effectKey)
  const id = await dieAt('record_effect', posting(target, 'opaque', { reconcile }), false)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(target.calls).toHaveLength(1)
})

test('what did not happen for sure is no doubt: NotApplied and a refused connection are called again', async () => {
  const refused = Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED', syscall: 'connect' })
  const thrown = [new NotApplied('it was refused', { cause: new NetworkError() }), refused]
  const target = new Target()
  const definition = posting(target, 'opaque', {
    do: ({ effectKey }) => {
      const error = thrown.shift()
      if (error !== undefined) throw error
      return target.do(effectKey)
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 3 })
  expect(await world.effects(id)).toMatchObject([{ state: 'applied', intents: 3 }])
})

test('an effect in doubt may not be swallowed: the handler that goes on has not succeeded', async () => {
  const definition = action({
    name: 'swallowing',
    version: 1,
    input,
    async run({ effect }) {
      await effect('post', {
        target: 'opaque',
        do: () => {
          throw new NetworkError('after the first byte')
        },
      }).catch(() => {})
      return { fine: true }
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  expect(await world.reach(id, 'waiting', 'succeeded')).toMatchObject({ state: 'waiting', waitingFor: 'outcome' })
})

test('no terminal state while in doubt: a cancelled execution is claimed once more to look, and nothing new begins', async () => {
  const target = new Target()
  let looks = 0
  let isAlone = true
  const definition = action({
    name: 'two_posts',
    version: 1,
    input,
    async run({ effect }) {
      await effect('first', {
        target: 'keyed',
        do: async ({ effectKey, signal }) => {
          target.do(effectKey)
          if (isAlone) await world.clock.sleep(3_600_000, signal)
          return { id: 'direct' }
        },
        reconcile: ({ effectKey }) => {
          looks += 1
          return target.find(effectKey)
        },
      })
      await effect('second', { target: 'keyed', do: ({ effectKey }) => target.do(effectKey) })
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  await world.reach(id, 'running')
  await world.clock.advance(1_000)
  await world.command(id, { type: 'cancel', reason: null })
  isAlone = false
  expect(await world.reach(id)).toMatchObject({ state: 'canceled' })
  expect([looks, target.calls.length]).toEqual([1, 1])
  expect(await world.effects(id)).toMatchObject([{ name: 'first', state: 'applied' }])
})

test('no effect begins after somebody asked to cancel', async () => {
  const target = new Target()
  const definition = action({
    name: 'late',
    version: 1,
    input,
    async run({ effect, step }) {
      await step('wait', () => world.clock.sleep(1_000))
      await effect('post', { target: 'keyed', do: ({ effectKey }) => target.do(effectKey) }).catch(() => {})
      return 'swallowed'
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  await world.reach(id, 'running')
  await world.command(id, { type: 'cancel', reason: null })
  expect((await world.reach(id)).state).toBe('canceled')
  expect(target.calls).toEqual([])
})

test('a record-only execution performs nothing: stand-ins are recorded, and without one it ends there, marked', async () => {
  const target = new Target()
  const definition = action({
    name: 'dry',
    version: 1,
    input,
    async run({ effect }) {
      const first = await effect('first', {
        target: 'keyed',
        do: ({ effectKey }) => target.do(effectKey),
        simulate: () => ({ id: 'simulated' }),
      })
      await effect('second', { target: 'opaque', do: ({ effectKey }) => target.do(effectKey) }).catch(() => {})
      return first
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition, {}, { recordOnly: true })
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(await world.result(id)).toEqual({ recordedOnly: true, stoppedAt: 'second' })
  expect(target.calls).toEqual([])
  expect(await world.effects(id)).toEqual([])
  expect((await world.steps(id)).map(({ name }) => name)).toEqual(['simulated:first'])
})

test('a handler that changed under its execution fails as JournalMismatch before it performs anything', async () => {
  const target = new Target()
  let name = 'old_name'
  const definition = action({
    name: 'renaming',
    version: 1,
    input,
    async run({ effect }) {
      await effect(name, { target: name === 'kind' ? 'opaque' : 'keyed', do: ({ effectKey }) => target.do(effectKey) })
      const before = name
      name = 'new_name'
      if (before === 'old_name') throw new NetworkError()
      return {}
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastErrorClass: 'JournalMismatch' })
  expect(target.calls).toHaveLength(1)
})

test('parallel effects of a replayed run may come in any order', async () => {
  const target = new Target()
  let tries = 0
  const definition = action({
    name: 'parallel',
    version: 1,
    input,
    async run({ effect, step }) {
      tries += 1
      const first = tries === 1
      const post = async (name: string) => {
        await step(`prepare ${name}`, () => world.clock.sleep(first && name === 'a' ? 5_000 : 1))
        if (first && name === 'a') throw new NetworkError()
        await effect(name, { target: 'keyed', do: ({ effectKey }) => target.do(effectKey) })
      }
      await Promise.all([post('a'), post('b')])
    },
  })
  world = await World.open(definition)
  await world.worker().start()
  expect((await world.reach(await world.submit(definition))).state).toBe('succeeded')
  expect(target.calls).toHaveLength(2)
})

test('an error of a call is recorded with its class, and an unknowable outcome is told as one', async () => {
  const definition = action({
    name: 'unknown',
    version: 1,
    input,
    run: ({ effect }) =>
      effect('post', {
        target: 'keyed',
        do: () => {
          throw new UnknownOutcome('timed out half-way')
        },
        reconcile: () => {
          throw new NetworkError('cannot look')
        },
      }),
  })
  world = await World.open(definition)
  await world.worker().start()
  const id = await world.submit(definition)
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'outcome', ending: 'failed' })
  expect(await world.effects(id)).toMatchObject([{ state: 'in_doubt', errorClass: 'UnknownOutcome' }])
})
