import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { isRefusal } from '../../../src/errors/refusal.ts'
import { workerView } from '../../../src/projections/view.ts'
import type { Stopped } from '../../../src/run/drain.ts'
import { settings, World } from './world.ts'

const slow = action({
  name: 'slow',
  version: 1,
  input: z.object({ ms: z.number() }),
  run: ({ input, signal }) =>
    new Promise<string>((resolve, reject) => {
      const timer = world.clock.timer(input.ms, () => resolve('done'))
      signal.addEventListener('abort', () => {
        timer.cancel()
        reject(signal.reason)
      })
    }),
})

let world: World
afterEach(() => world?.close())

const drain = (identity: string, graceMs: number | null = null) =>
  world.orders.give<'ask_drain'>({ kind: 'ask_drain', identity, by: 'human:alice', reason: 'new kernel', graceMs })

const stateOf = async (identity: string) => {
  const worker = (await world.workers()).find((each) => each.identity === identity)
  return worker === undefined ? undefined : workerView(worker, world.clock.now()).state
}

test('CP-004b a drained worker takes nothing more, lets what runs come to its end, signs off and says that it is over', async () => {
  world = await World.open(slow)
  const ended: Stopped[] = []
  await world.worker({ identity: 'web-1', onDrained: (how) => ended.push(how) }).start()
  const running = await world.submit(slow, { ms: 120_000 })
  await world.reach(running, 'running')
  expect(isRefusal(await drain('web-1'))).toBe(false)
  const later = await world.submit(slow, { ms: 1 })
  await world.clock.advance(60_000)
  expect(await stateOf('web-1')).toBe('draining')
  expect(await world.find(later)).toMatchObject({ state: 'queued' })
  expect((await world.why(later)).why).toBe(
    'It waits for a worker: web-1 has slow version 1 and is drained by human:alice: new kernel',
  )
  expect(ended).toEqual([])
  await world.clock.advance(61_000)
  expect(await world.reach(running)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect(ended).toEqual([{ abandoned: [] }])
  expect(await stateOf('web-1')).toBe('drained')
  expect((await world.why(later)).why).toContain('No live worker has slow version 1')
  await world.worker({ identity: 'web-2' }).start()
  await world.clock.advance(1_000)
  expect(await world.reach(later)).toMatchObject({ state: 'succeeded' })
})

test('CP-004b what runs when the limit of a drain is over goes back and costs no attempt', async () => {
  world = await World.open(slow)
  await world.worker({ identity: 'web-1' }).start()
  const id = await world.submit(slow, { ms: 600_000 })
  await world.reach(id, 'running')
  await drain('web-1', 30_000)
  await world.clock.advance(29_000)
  expect(await world.find(id)).toMatchObject({ state: 'running' })
  await world.clock.advance(2_000)
  expect(await world.find(id)).toMatchObject({ state: 'queued', worker: null })
  expect((await world.events(id)).map(({ type }) => type)).toContain('hand_back')
  expect(await stateOf('web-1')).toBe('drained')
})

test('CP-004b a worker that hears of its drain only with a heartbeat takes nothing meanwhile, and hears a shorter limit', async () => {
  world = await World.open(slow)
  const deaf = { ...world.protocol, listen: () => new Promise<never>(() => {}) }
  await world.worker({ identity: 'web-1', protocol: deaf }).start()
  const id = await world.submit(slow, { ms: 600_000 })
  await world.reach(id, 'running')
  await drain('web-1')
  const later = await world.submit(slow, { ms: 1 })
  await world.clock.advance(settings.heartbeatMs)
  expect(await world.find(later)).toMatchObject({ state: 'queued' })
  await drain('web-1', 1_000)
  await world.clock.advance(settings.heartbeatMs + 1_000)
  expect(await world.find(id)).toMatchObject({ state: 'queued' })
  expect(await stateOf('web-1')).toBe('drained')
})

test('CP-004b a drain of somebody unknown, or of somebody who has ended, is refused; others of the name before are left', async () => {
  world = await World.open(slow)
  expect(await drain('nobody')).toMatchObject({ code: 'not_found' })
  const first = world.worker({ identity: 'web-1' })
  await first.start()
  const stopped = first.stop()
  await world.clock.advance(settings.pollMs)
  await stopped
  expect(await drain('web-1')).toMatchObject({ code: 'not_found' })
  await world.worker({ identity: 'web-1', incarnation: 'again' }).start()
  await world.worker({ identity: 'web-2' }).start()
  const answer = await drain('web-1')
  expect(isRefusal(answer) ? [] : answer.workers.map(({ incarnation }) => incarnation)).toEqual(['again'])
  await world.clock.advance(20_000)
  expect((await world.workers()).map(({ slots, drain: asked }) => [slots, asked !== null])).toEqual([
    [0, false],
    [0, true],
    [10, false],
  ])
})
