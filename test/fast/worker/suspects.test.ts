import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action, actionRegistry } from '../../../src/action/action.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world?.close())

test('SE-23 an execution whose worker was lost twice runs alone: nothing beside it, and nothing more until it has ended', async () => {
  const beside: string[] = []
  const hanging = new Map([
    ['lost-1', 2],
    ['lost-2', 2],
  ])
  const gates = new Map<string, () => void>()
  /** The action as one process runs it. */
  const workIn = (running: Set<string>) =>
    action({
      name: 'work',
      version: 1,
      input: z.object({ name: z.string() }),
      async run({ input: { name } }) {
        const left = hanging.get(name) ?? 0
        hanging.set(name, left - 1)
        if (left > 0) return await new Promise(() => {})
        running.add(name)
        if (running.size > 1 && [...running].some((each) => each.startsWith('lost'))) beside.push([...running].join())
        await new Promise<void>((resolve) => {
          gates.set(name, resolve)
        })
        running.delete(name)
        return name
      },
    })
  const work = workIn(new Set())
  world = await World.open(work)
  const lost = [await world.submit(work, { name: 'lost-1' }), await world.submit(work, { name: 'lost-2' })]
  for (let times = 0; times < 2; times += 1) {
    await world.worker({ slots: 4, actions: actionRegistry([workIn(new Set())]) }).start()
    for (const id of lost) await world.reach(id, 'running')
    const { worker } = await world.find(lost[0] ?? 0)
    await world.orders.give<'gone'>({ kind: 'gone', worker: worker ?? 0, proof: 'test', cause: 'exit' })
  }
  await world.worker({ slots: 4, actions: actionRegistry([workIn(new Set())]) }).start()
  const plain = [await world.submit(work, { name: 'plain-1' }), await world.submit(work, { name: 'plain-2' })]
  const all = [...lost, ...plain]
  for (let turn = 0; turn < 200; turn += 1) {
    for (const [name, open] of gates) {
      gates.delete(name)
      open()
    }
    await world.clock.runNext()
    const states = await Promise.all(all.map(async (id) => (await world.find(id)).state))
    if (states.every((state) => state === 'succeeded')) break
  }
  for (const id of all) expect(await world.find(id)).toMatchObject({ state: 'succeeded', losses: 0 })
  expect(beside).toEqual([])
  const claims = (await world.events(lost[0] ?? 0)).filter(({ type }) => type === 'claim')
  expect(claims.map(({ data }) => data)).toEqual([null, null, { alone: true }])
})
