import { setImmediate as turn } from 'node:timers/promises'
import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action, actionRegistry } from '../../../src/action/action.ts'
import { TerminalError } from '../../../src/errors/failures.ts'
import { World } from './world.ts'

let world: World
afterEach(async () => {
  await world?.close()
})

/** A gate that tests open by name, and who stands before it. */
class Gates {
  readonly #open = new Map<string, PromiseWithResolvers<void>>()
  readonly #arrived = new Map<string, PromiseWithResolvers<void>>()

  async pass(name: string): Promise<void> {
    this.#of(this.#arrived, name).resolve()
    await this.#of(this.#open, name).promise
  }

  open(...names: readonly string[]): void {
    for (const name of names) this.#of(this.#open, name).resolve()
  }

  async arrival(name: string): Promise<void> {
    await this.#of(this.#arrived, name).promise
  }

  #of(gates: Map<string, PromiseWithResolvers<void>>, name: string): PromiseWithResolvers<void> {
    const known = gates.get(name) ?? Promise.withResolvers<void>()
    gates.set(name, known)
    return known
  }
}

/** Resolves once so many steps of an execution stand in line. No time passes meanwhile. */
async function inLine(id: number, count: number): Promise<void> {
  for (let turns = 0; turns < 5_000; turns += 1) {
    if ((await world.waiters(id)).length === count) return
    await turn()
  }
  throw new Error(`the steps of execution ${id} do not come to be ${count} in line`)
}

interface Fleet {
  readonly name?: string
  readonly parallel?: number
  readonly targets: readonly string[]
  readonly key?: (target: string) => string
  readonly locks?: readonly string[]
  readonly attempts?: number
  readonly run: (target: string) => unknown
}

const fleet = ({ name = 'fleet', parallel = 1, targets, key, locks = [], attempts = 1, run }: Fleet) =>
  action({
    name,
    version: 1,
    input: z.object({}),
    locks: () => [...locks],
    parallel,
    plan: () => ({
      summary: 'install',
      steps: targets.map((target) => ({ step: 'install', target, args: { key: key?.(target) ?? `asset:${target}` } })),
    }),
    steps: {
      install: {
        retry: { maxAttempts: attempts },
        locks: ({ args }) => [args.key],
        run: async ({ target }) => await run(target),
      },
    },
  })

/** Holds a lock as a whole run does, until its gate is opened. */
const holder = (gates: Gates, ...locks: readonly string[]) =>
  action({
    name: 'holder',
    version: 1,
    input: z.object({}),
    locks: () => [...locks],
    run: () => gates.pass('holder'),
  })

test('SE-24 a step holds its locks only while it runs, and while it stands in line others take its place', async () => {
  const gates = new Gates()
  const done: string[] = []
  const held: (readonly string[])[] = []
  const hold = holder(gates, 'asset:web-01')
  const plan = fleet({
    targets: ['web-01', 'web-02', 'web-03'],
    run: async (target) => {
      held.push((await world.permits()).filter(({ step }) => step !== null).map(({ key, step }) => `${key} ${step}`))
      done.push(target)
      if (target === 'web-03') gates.open('holder')
    },
  })
  world = await World.open(hold, plan)
  await world.worker().start()
  await world.submit(hold)
  await gates.arrival('holder')
  const id = await world.submit(plan)
  await world.reach(id)
  expect(done).toEqual(['web-02', 'web-03', 'web-01'])
  expect(held).toEqual(['web-02', 'web-03', 'web-01'].map((host) => [`asset:${host} install[${host}]`]))
  expect(await world.permits()).toEqual([])
  expect(await world.result(id)).toMatchObject({ succeeded: 3 })
})

test('SE-24 the steps of one run exclude each other, too, in the order of the plan', async () => {
  const targets = ['a', 'b', 'c', 'd', 'e']
  let running = 0
  const seen: string[] = []
  const plan = fleet({
    parallel: 3,
    targets,
    key: () => 'database',
    run: async (target) => {
      running += 1
      seen.push(`${target} ${running}`)
      await Promise.resolve()
      running -= 1
    },
  })
  world = await World.open(plan)
  await world.worker().start()
  const began = world.clock.now()
  const id = await world.submit(plan)
  await world.reach(id)
  expect(seen).toEqual(targets.map((target) => `${target} 1`))
  // Each heard that its turn had come, and did not have to ask for it.
  expect(world.clock.now() - began).toBeLessThan(5_000)
})

test('SE-24 two plans that need the same host take turns, each step in the order in which it asked, and why says where it stands', async () => {
  const gates = new Gates()
  const order: string[] = []
  const planOf = (name: string) =>
    fleet({
      name,
      targets: ['web-01'],
      run: async () => {
        order.push(`${name} begins`)
        await gates.pass(name)
        order.push(`${name} ends`)
      },
    })
  const [first, second, third] = [planOf('first'), planOf('second'), planOf('third')]
  world = await World.open(first, second, third)
  await world.worker().start()
  await world.worker().start()
  const ids: number[] = []
  for (const plan of [first, second, third]) {
    const id = await world.submit(plan)
    ids.push(id)
    if (plan === first) await gates.arrival('first')
    else await inLine(id, 1)
  }
  expect(await world.why(ids[2] ?? 0)).toEqual({
    why: expect.stringContaining('Its step install[web-01] waits for the lock "asset:web-01", number 2 in line.'),
    next: 'See the holder and the line with: pawl lock get "asset:web-01"',
  })
  gates.open('third', 'second', 'first')
  for (const id of ids) await world.reach(id)
  expect(order).toEqual(['first', 'second', 'third'].flatMap((name) => [`${name} begins`, `${name} ends`]))
})

test('SE-24 SE-25 a cancel takes a step out of the line, and nothing is left of it', async () => {
  const gates = new Gates()
  const hold = holder(gates, 'asset:web-01')
  const done: string[] = []
  const plan = fleet({ targets: ['web-01'], run: (target) => done.push(target) })
  world = await World.open(hold, plan)
  await world.worker().start()
  const first = await world.submit(hold)
  await gates.arrival('holder')
  const id = await world.submit(plan)
  await inLine(id, 1)
  await world.command(id, { type: 'cancel', reason: 'no more' })
  expect((await world.reach(id)).state).toBe('canceled')
  await inLine(id, 0)
  gates.open('holder')
  await world.reach(first)
  expect(done).toEqual([])
  expect(await world.permits()).toEqual([])
})

test('SE-24 a lost lease gives back what its steps hold, and the next in line has it', async () => {
  const plan = fleet({ name: 'dying', targets: ['web-01'], run: () => null })
  const done: string[] = []
  const next = fleet({ name: 'next', targets: ['web-01'], run: (target) => done.push(target) })
  world = await World.open(plan, next)
  const dying = world.dyingProtocol((call) => call === 'settle_target')
  await world.worker({ protocol: dying, actions: actionRegistry([plan]) }).start()
  const first = await world.submit(plan)
  await dying.dead
  expect(await world.permits()).toMatchObject([{ key: 'asset:web-01', execution: first, granted: false }])
  await world.worker().start()
  const second = await world.submit(next)
  await inLine(second, 1)
  expect(done).toEqual([])
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'test', cause: 'exit' })
  expect((await world.reach(second)).state).toBe('succeeded')
  expect((await world.reach(first)).state).toBe('succeeded')
  expect(await world.permits()).toEqual([])
})

test('DG-06 SE-24 a target that stands in line when another fails and says stop is skipped', async () => {
  const gates = new Gates()
  const hold = holder(gates, 'asset:web-01')
  const plan = fleet({
    targets: ['web-01', 'web-02'],
    run: () => {
      throw new TerminalError('the disk is full')
    },
  })
  world = await World.open(hold, plan)
  await world.worker().start()
  const first = await world.submit(hold)
  await gates.arrival('holder')
  const began = world.clock.now()
  const id = await world.submit(plan)
  await world.reach(id)
  expect(world.clock.now() - began).toBeLessThan(5_000)
  expect(await world.result(id)).toMatchObject({ failed: 1, skipped: 1 })
  await inLine(id, 0)
  gates.open('holder')
  await world.reach(first)
})

test('SE-24 what would wait for itself fails its try, and goes on once the other has given way', async () => {
  const gates = new Gates()
  const one = fleet({ name: 'one', targets: ['t'], key: () => 'b', locks: ['a'], attempts: 3, run: () => 'one' })
  const other = fleet({ name: 'other', targets: ['t'], key: () => 'a', locks: ['b'], attempts: 1, run: () => 'other' })
  const hold = holder(gates, 'never')
  world = await World.open(one, other, hold)
  await world.worker().start()
  const [first, second] = [await world.submit(one), await world.submit(other)]
  const ends = [await world.reach(first), await world.reach(second)]
  const failed = ends.filter(({ state }) => state === 'failed')
  expect(failed.length).toBeLessThanOrEqual(1)
  for (const { lastError } of failed) expect(lastError).toContain('permit_deadlock')
  expect(ends.some(({ state }) => state === 'succeeded')).toBe(true)
  expect(await world.permits()).toEqual([])
})

test('SE-24 a key that is none fails its target, and names it', async () => {
  const plan = fleet({ targets: ['web-01'], key: () => 'tenant', run: () => null })
  world = await World.open(plan)
  await world.worker().start()
  const end = await world.reach(await world.submit(plan))
  expect(end.lastError).toContain('install[web-01] (ValidationError: A lock of a step must not be "tenant"')
})

test('SE-24 a step that missed the news asks again by itself', async () => {
  const gates = new Gates()
  const hold = holder(gates, 'asset:web-01')
  const plan = fleet({ targets: ['web-01'], run: () => null })
  world = await World.open(hold, plan)
  const deaf = { ...world.protocol, listen: () => new Promise<never>(() => {}) }
  await world.worker({ protocol: deaf }).start()
  await world.submit(hold)
  await gates.arrival('holder')
  const id = await world.submit(plan)
  await inLine(id, 1)
  gates.open('holder')
  expect((await world.reach(id)).state).toBe('succeeded')
})
