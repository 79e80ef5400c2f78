import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { World } from './world.ts'

const ran: string[] = []
const work = action({
  name: 'demo.work',
  version: 1,
  input: z.object({ name: z.string() }),
  async run({ input, effect }) {
    ran.push(input.name)
    return effect('write', { target: 'keyed', do: () => input.name })
  },
})

let world: World
beforeEach(async () => {
  ran.length = 0
  world = await World.open(work)
})
afterEach(() => world.close())

test('SE-27 immediate work is claimed before background work of any priority and age', async () => {
  const old = await world.submit(work, { name: 'old' }, { priority: 100 })
  const low = await world.submit(work, { name: 'low' }, { mode: 'immediate', priority: -100 })
  const high = await world.submit(work, { name: 'high' }, { mode: 'immediate' })
  await world.worker({ slots: 1 }).start()
  for (const id of [old, low, high]) await world.reach(id)
  expect(ran).toEqual(['high', 'low', 'old'])
})

test('SE-27 a worker that dies in an immediate run loses nothing: the next one ends it, its effect once', async () => {
  const id = await world.submit(work, { name: 'one' }, { mode: 'immediate' })
  const dying = world.dyingProtocol((call) => call === 'succeed')
  await world.worker({ protocol: dying }).start()
  await dying.dead
  expect(await world.find(id)).toMatchObject({ state: 'running', attempt: 1 })
  await world.clock.advance(31_000)
  await world.orders.give<'sweep'>({ kind: 'sweep' })
  await world.worker().start()
  await world.reach(id)
  expect(await world.find(id)).toMatchObject({ state: 'succeeded', attempt: 1 })
  expect((await world.events(id)).filter(({ type }) => type === 'claim')).toHaveLength(2)
  expect(await world.effects(id)).toMatchObject([{ state: 'applied', intents: 1 }])
})
