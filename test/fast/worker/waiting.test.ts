import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { type AnyAction, action, type RunContext } from '../../../src/action/action.ts'
import { isRefusal } from '../../../src/errors/refusal.ts'
import { World } from './world.ts'

const input = z.object({})
let world: World
afterEach(() => world.close())

const acting = (run: (context: RunContext) => unknown): AnyAction =>
  action({ name: 'acting', version: 1, input, run: run as never })

async function started(definition: AnyAction): Promise<number> {
  world = await World.open(definition)
  await world.worker().start()
  return await world.submit(definition)
}

const signal = (id: number, name: string, payload: unknown = null, dedupe: string | null = null) =>
  world.command(id, { type: 'signal', name, payload: JSON.stringify(payload), dedupe })

const types = async (id: number): Promise<string[]> => (await world.events(id)).map(({ type }) => type)

test('SE-22 a durable sleep of 40 days holds no slot, ends on time and costs no attempt', async () => {
  let runs = 0
  const definition = acting(async ({ sleep, clock }) => {
    runs += 1
    await sleep('cooling off', '40d')
    return { at: clock() }
  })
  world = await World.open(definition)
  const worker = world.worker()
  await worker.start()
  const id = await world.submit(definition)
  const waiting = await world.reach(id, 'waiting')
  expect(waiting).toMatchObject({ waitingFor: 'timer', worker: null, leaseUntil: null, attempt: 1 })
  const stopped = worker.stop()
  await world.clock.advance(1_000)
  await stopped
  await world.clock.advance(waiting.availableAt - world.clock.now() - 1)
  expect(await world.find(id)).toMatchObject({ state: 'waiting' })
  await world.clock.advance(1)
  await world.worker().start()
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.result(id)).toEqual({ at: waiting.availableAt })
  expect(runs).toBe(2)
})

test('SE-22 a sleep that a crash interrupts ends at the time that was journaled, not later', async () => {
  const definition = acting(async ({ sleep, attempt, clock }) => {
    await sleep('short', 900)
    if (attempt === 1) throw new Error('first attempt')
    await sleep('long', '10m')
    return { at: clock() }
  })
  const id = await started(definition)
  const waiting = await world.reach(id, 'waiting')
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 2 })
  expect(await world.result(id)).toEqual({ at: waiting.availableAt })
})

test('two sleeps at once suspend to the earlier one, then to the later one', async () => {
  const id = await started(
    acting(async ({ sleep, step }) => {
      const later = sleep('b', '10m').then(() => step('between', () => 'b is over'))
      await Promise.all([sleep('a', '20m'), later, sleep('c', 500)])
    }),
  )
  const first = await world.reach(id, 'waiting')
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  const suspends = (await world.events(id)).filter(({ type }) => type === 'suspend')
  expect(suspends.map(({ data }) => data?.wakeAt)).toEqual([first.availableAt, first.availableAt + 600_000])
})

test('SE-22 a wait takes the signal that is sent, as it was sent', async () => {
  const id = await started(acting(({ waitForSignal }) => waitForSignal('signed')))
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'signal', waitingOn: 'signed' })
  await signal(id, 'other')
  expect(await world.find(id)).toMatchObject({ state: 'waiting' })
  await signal(id, 'signed', { by: 'bob' })
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1, waitingOn: null })
  expect(await world.result(id)).toEqual({ by: 'bob' })
})

test('a signal that came before the run asked for it is not lost, and each is taken once, in order', async () => {
  const definition = acting(async ({ waitForSignal }) => [
    await waitForSignal('n'),
    await waitForSignal('n'),
    await waitForSignal('n'),
  ])
  world = await World.open(definition)
  const id = await world.submit(definition)
  await signal(id, 'n', 1)
  await world.worker().start()
  await world.reach(id, 'waiting')
  await signal(id, 'n', 2)
  await signal(id, 'n', 3)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.result(id)).toEqual([1, 2, 3])
})

test('a signal that is committed between the claim and the suspend wakes at once: no wake-up is lost', async () => {
  let id = 0
  id = await started(
    acting(async ({ waitForSignal, step, attempt }) => {
      await step('race', async () => {
        if (attempt === 1) await signal(id, 'go', 'now')
        return null
      })
      return await waitForSignal('go')
    }),
  )
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await types(id)).not.toContain('suspend')
  expect(await types(id)).toContain('hand_back')
})

test('a wait that times out gives null for good, and the signal that came late is left to the next wait', async () => {
  let waits = 0
  const id = await started(
    acting(async ({ waitForSignal }) => {
      const first = await waitForSignal('late', { timeout: '10m' })
      if (++waits === 1) await signal(id, 'late', 'here')
      return [first, await waitForSignal('late')]
    }),
  )
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(await world.result(id)).toEqual([null, 'here'])
})

test('a signal repeated with the same dedupe text is one; an ended execution takes none; the 1,001st unread is refused', async () => {
  const definition = acting(({ waitForSignal }) => waitForSignal('go'))
  world = await World.open(definition)
  const id = await world.submit(definition)
  await signal(id, 'x', 1, 'same')
  await signal(id, 'x', 2, 'same')
  expect((await types(id)).filter((type) => type === 'signal_received')).toHaveLength(1)
  await Promise.all(Array.from({ length: 999 }, (_, each) => signal(id, 'x', each)))
  const refused = await signal(id, 'x')
  expect(isRefusal(refused) && refused.code).toBe('signals_full')
  await world.command(id, { type: 'cancel', reason: null })
  const late = await signal(id, 'go')
  expect(isRefusal(late) && late.code).toBe('illegal_transition')
})

test('SE-25 a cancel ends what sleeps or waits for a signal at once', async () => {
  const id = await started(acting(({ sleep, waitForSignal }) => Promise.all([sleep('s', '1h'), waitForSignal('go')])))
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'signal', waitingOn: 'go' })
  await world.command(id, { type: 'cancel', reason: 'enough' })
  expect(await world.find(id)).toMatchObject({ state: 'canceled', waitingFor: null, waitingOn: null })
})

test('a wait or sleep inside a step body is refused, as is one with a bad name or duration', async () => {
  for (const run of [
    ({ step, sleep }) => step('outer', () => sleep('inner', '1h')),
    ({ waitForSignal }) => waitForSignal('has blank'),
    ({ sleep }) => sleep('s', 'soon'),
    ({ sleep }) => sleep('s', '11000d'),
  ] as ((context: RunContext) => unknown)[]) {
    const id = await started(acting(run))
    expect(await world.reach(id)).toMatchObject({ state: 'failed', attempt: 1 })
    await world.close()
  }
  world = await World.open()
})

test('a handler that swallows the suspension cannot end, nor act, before what it waits for is there', async () => {
  let calls = 0
  const id = await started(
    acting(async ({ sleep, effect }) => {
      await sleep('s', '10m').catch(() => {})
      await effect('post', { target: 'keyed', do: () => ++calls }).catch(() => {})
      return 'done'
    }),
  )
  await world.reach(id, 'waiting')
  expect(calls).toBe(0)
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded' })
  expect(calls).toBe(1)
})

for (const proven of ['before', 'later'] as const) {
  test(`CP-004b an effect that was not found is done once its old process is proven dead ${proven}`, async () => {
    let calls = 0
    const definition = acting(({ effect }) =>
      effect('post', { target: 'opaque', do: () => ++calls, reconcile: () => null }),
    )
    world = await World.open(definition)
    const protocol = world.dyingProtocol((name) => name === 'record_effect')
    await world.worker({ protocol }).start()
    const id = await world.submit(definition)
    await protocol.dead
    calls = 0
    const gone = () => world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'killed', cause: 'exit' })
    if (proven === 'before') await gone()
    await world.clock.advance(31_000)
    await world.orders.give<'sweep'>({ kind: 'sweep' })
    await world.worker().start()
    if (proven === 'later') {
      expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'outcome' })
      expect(calls).toBe(0)
      await gone()
      expect(await world.find(id)).not.toMatchObject({ state: 'waiting' })
    }
    expect(await world.reach(id)).toMatchObject({ state: 'succeeded' })
    expect(calls).toBe(1)
  })
}

test('an operator who decides an effect in doubt of a sleeping execution does not wake it early', async () => {
  const definition = acting(async ({ effect, sleep }) => {
    const post = effect('post', {
      target: 'opaque',
      do: () => {
        throw new Error('no answer')
      },
    })
    await post.catch(() => {})
    await sleep('s', '10m')
    return await effect('post', { target: 'keyed', do: () => 'second' })
  })
  const id = await started(definition)
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'timer', openEffects: 1 })
  const [open] = await world.effects(id)
  const resolve = { type: 'resolve_effect', effectKey: open?.effectKey ?? '', verdict: 'applied', value: '1' } as const
  await world.command(id, { ...resolve, reason: 'seen' })
  expect(await world.find(id)).toMatchObject({ state: 'waiting', openEffects: 0 })
  expect(await world.reach(id)).toMatchObject({ state: 'succeeded' })
})
