import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { World } from './world.ts'

let world: World
afterEach(async () => {
  await world?.close()
})

/** Installs on each host and, on some, looks again after a while. */
const rollout = (did: string[], parallel: number, pauses: Readonly<Record<string, string>>) =>
  action({
    name: 'rollout',
    version: 1,
    input: z.object({}),
    parallel,
    plan: () => ({ summary: 'roll out', steps: ['a', 'b', 'c'].map((target) => ({ step: 'go', target, args: {} })) }),
    steps: {
      go: {
        locks: ({ target }) => [`host:${target}`],
        async run({ target, effect, sleep }) {
          await effect('install', { target: 'keyed', do: () => did.push(`install ${target}`) })
          const pause = pauses[target]
          if (pause === undefined) return
          await sleep('settle', pause)
          did.push(`look at ${target}`)
        },
      },
    },
  })

test('DG-06 SE-24 while a step sleeps the others go on; then the plan waits without a lock, and wakes with the first', async () => {
  const did: string[] = []
  const plan = rollout(did, 2, { a: '10m', b: '5m' })
  world = await World.open(plan)
  await world.worker().start()
  const began = world.clock.now()
  const id = await world.submit(plan)
  expect(await world.reach(id, 'waiting')).toMatchObject({ waitingFor: 'timer', availableAt: began + 300_000 })
  expect(did).toEqual(['install a', 'install b'])
  expect(await world.permits()).toEqual([])
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(did).toEqual(['install a', 'install b', 'look at b', 'install c', 'look at a'])
  expect(world.clock.now() - began).toBeLessThan(600_000 + 60_000)
})

test('DG-06 with one target at a time, the next begins when the pause behind the one before is over', async () => {
  const did: string[] = []
  const plan = rollout(did, 1, { a: '10m' })
  world = await World.open(plan)
  await world.worker().start()
  const id = await world.submit(plan)
  await world.reach(id, 'waiting')
  expect(did).toEqual(['install a'])
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(did).toEqual(['install a', 'look at a', 'install b', 'install c'])
})

test('DG-06 a target that sleeps keeps its own place only', async () => {
  const did: string[] = []
  const plan = rollout(did, 2, { a: '10m' })
  world = await World.open(plan)
  await world.worker().start()
  const id = await world.submit(plan)
  await world.reach(id, 'waiting')
  expect(did).toEqual(['install a', 'install b', 'install c'])
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(did.at(-1)).toBe('look at a')
})
