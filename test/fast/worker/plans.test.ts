import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action, actionRegistry } from '../../../src/action/action.ts'
import { NetworkError, TerminalError } from '../../../src/errors/failures.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { World } from './world.ts'

let world: World
afterEach(async () => {
  await world?.close()
})

/** Hosts and what was done to each; those that are broken fail before anything is done to them. */
class Hosts {
  readonly installed: string[] = []
  broken: Readonly<Record<string, () => Error>>

  constructor(broken: Readonly<Record<string, () => Error>> = {}) {
    this.broken = broken
  }

  look(host: string): string {
    const failure = this.broken[host]?.()
    if (failure !== undefined) throw failure
    return `looked at ${host}`
  }

  install(host: string): { readonly on: string } {
    this.installed.push(host)
    return { on: host }
  }
}

const fleet = (
  hosts: Hosts,
  { names = ['web-02', 'web-01', 'web-03'], onFailure = 'stop' as 'stop' | 'continue', parallel = 1 } = {},
) =>
  action({
    name: 'fleet.deploy',
    version: 1,
    input: z.object({ version: z.string() }),
    parallel,
    plan: async ({ input, read }) => {
      const found = await read('hosts', () => names)
      return {
        summary: `Install ${input.version} on ${found.length} hosts`,
        steps: found.map((target) => ({
          step: 'install',
          target,
          args: { version: input.version },
          effects: ['install'],
        })),
      }
    },
    steps: {
      install: {
        onFailure,
        retry: { maxAttempts: 2 },
        run: async ({ target, effect, step }) => {
          await step('look', () => hosts.look(target))
          return await effect('install', { target: 'keyed', do: () => hosts.install(target) })
        },
      },
    },
  })

test('DG-06 an action with a plan is planned under a lease, approved by policy, and run target by target', async () => {
  const hosts = new Hosts()
  const deploy = fleet(hosts)
  world = await World.open(deploy)
  await world.worker().start()
  const id = await world.submit(deploy, { version: '2.1' })
  await world.reach(id)
  expect((await world.find(id)).lastError).toBeNull()
  expect(hosts.installed).toEqual(['web-01', 'web-02', 'web-03'])
  expect((await world.events(id)).map(({ type }) => type).slice(0, 6)).toEqual([
    'request',
    'planning_started',
    'planned',
    'approve',
    'resume',
    'claim',
  ])
  const events = await world.events(id)
  expect(
    events.filter(({ type }) => type === 'approve' || type === 'resume').map(({ principal }) => principal),
  ).toEqual(['system:policy', 'system:policy'])
  expect(await world.result(id)).toMatchObject({
    summary: 'Install 2.1 on 3 hosts',
    total: 3,
    succeeded: 3,
    failed: 0,
    skipped: 0,
    omitted: 0,
    targets: [
      { step: 'install', target: 'web-01', state: 'succeeded', value: { on: 'web-01' } },
      { target: 'web-02' },
      { target: 'web-03' },
    ],
  })
})

test('DG-06 stop skips what has not begun; redrive runs only what is not done', async () => {
  const hosts = new Hosts({ 'web-02': () => new TerminalError('the disk is full') })
  const deploy = fleet(hosts)
  world = await World.open(deploy)
  await world.worker().start()
  const id = await world.submit(deploy, { version: '2.1' })
  const failed = await world.reach(id)
  expect(failed).toMatchObject({ state: 'failed', lastErrorClass: 'PartialFailure' })
  expect(failed.lastError).toBe('1 of 3 succeeded; failed: install[web-02] (TerminalError: the disk is full)')
  expect(await world.result(id)).toMatchObject({ succeeded: 1, failed: 1, skipped: 1 })
  hosts.broken = {}
  await world.command(id, { type: 'redrive', reason: 'the disk is empty' })
  await world.reach(id)
  expect((await world.find(id)).state).toBe('succeeded')
  expect(hosts.installed).toEqual(['web-01', 'web-02', 'web-03'])
  // A redrive never plans anew.
  expect((await world.events(id)).filter(({ type }) => type === 'planned')).toHaveLength(1)
})

test('DG-06 continue goes on behind a target that failed in all its tries, and names it', async () => {
  const hosts = new Hosts({ 'web-01': () => new NetworkError('no route to web-01') })
  const deploy = fleet(hosts, { onFailure: 'continue', parallel: 2 })
  world = await World.open(deploy)
  await world.worker().start()
  const id = await world.submit(deploy, { version: '2.1' })
  const failed = await world.reach(id)
  expect(failed.state).toBe('failed')
  expect(failed.lastError).toBe('2 of 3 succeeded; failed: install[web-01] (NetworkError: no route to web-01)')
  expect([...hosts.installed].sort()).toEqual(['web-02', 'web-03'])
  const begun = (await world.events(id)).filter(({ type }) => type === 'step_started')
  expect(begun.filter(({ data }) => data?.target === 'web-01')).toHaveLength(2)
})

test('DG-06 a worker that dies in the middle of a plan leaves its targets to the next, each effect once', async () => {
  const hosts = new Hosts()
  const deploy = fleet(hosts, { parallel: 1 })
  world = await World.open(deploy)
  let settled = 0
  const dying = world.dyingProtocol((call) => call === 'settle_target' && ++settled === 2)
  const first = world.worker({ protocol: dying })
  await first.start()
  const id = await world.submit(deploy, { version: '2.1' })
  await world.reach(id, 'running')
  await dying.dead
  await world.worker().start()
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'test', cause: 'exit' })
  await world.reach(id)
  expect(hosts.installed).toEqual(['web-01', 'web-02', 'web-03'])
  expect(await world.result(id)).toMatchObject({ succeeded: 3 })
})

test('DG-06 a worker that dies while it plans loses its lease, and another one plans', async () => {
  const hosts = new Hosts()
  const deploy = fleet(hosts)
  world = await World.open(deploy)
  const dying = world.dyingProtocol((call) => call === 'planned')
  await world.worker({ protocol: dying }).start()
  const id = await world.submit(deploy, { version: '2.1' })
  await dying.dead
  const planning = await world.find(id)
  expect(planning).toMatchObject({ state: 'requested', worker: 1, attempt: 1 })
  expect(planning.leaseUntil).not.toBeNull()
  await world.worker().start()
  await world.clock.advance(29_000)
  await world.orders.give<'sweep'>({ kind: 'sweep' })
  expect((await world.find(id)).worker).toBe(1)
  await world.clock.advance(2_000)
  await world.orders.give<'sweep'>({ kind: 'sweep' })
  await world.reach(id)
  const types = (await world.events(id)).map(({ type }) => type)
  expect(types.filter((type) => type === 'planning_started')).toHaveLength(2)
  expect(types).toContain('lease_expired')
  expect((await world.find(id)).state).toBe('succeeded')
})

test('DG-06 what the plan may not do fails it, and the reason says so', async () => {
  const twice = action({
    name: 'twice',
    version: 1,
    input: z.object({}),
    plan: () => ({
      summary: 'the same target twice',
      steps: [1, 2].map(() => ({ step: 'install', target: 'web-01', args: {} })),
    }),
    steps: { install: { run: () => null } },
  })
  const acting = action({
    name: 'acting',
    version: 1,
    input: z.object({}),
    plan: async (context) => {
      await (context as unknown as { effect(): Promise<void> }).effect()
      return { summary: 'acts', steps: [] }
    },
    steps: { install: { run: () => null } },
  })
  world = await World.open(twice, acting)
  await world.worker().start()
  const doubled = await world.reach(await world.submit(twice))
  expect(doubled).toMatchObject({ state: 'failed', lastErrorClass: 'TerminalError' })
  expect(doubled.lastError).toContain('plan_invalid')
  const acted = await world.reach(await world.submit(acting))
  expect(acted.lastError).toContain('plan() only reads')
})

async function redriveMany(executions: readonly number[]): Promise<void> {
  const { tenant } = await world.find(executions[0] ?? 0)
  const bulk = { tenant, command: 'redrive' as const, query: '', reason: 'it is over', by: 'human:alice' }
  const { key } = orThrow(await world.orders.give<'bulk_open'>({ kind: 'bulk_open', bulk }))
  await world.orders.give<'bulk_fill'>({ kind: 'bulk_fill', key, executions, isLast: true })
  await world.orders.give<'bulk_work'>({ kind: 'bulk_work', key, limit: 10, admissions: [] })
}

test('DG-06 a redrive of many runs the failed targets of each, as a redrive of one does', async () => {
  const hosts = new Hosts({ 'web-02': () => new TerminalError('the disk is full') })
  const deploy = fleet(hosts)
  world = await World.open(deploy)
  await world.worker().start()
  const id = await world.submit(deploy, { version: '2.1' })
  expect((await world.reach(id)).state).toBe('failed')
  hosts.broken = {}
  await redriveMany([id])
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(hosts.installed).toEqual(['web-01', 'web-02', 'web-03'])
})

test.each([
  ['one', (id: number) => world.command(id, { type: 'redrive', reason: 'it is back' })],
  ['many', (id: number) => redriveMany([id])],
])('DG-06 a plan that fails for a while is planned again, and a redrive of %s plans anew', async (_, redrive) => {
  let failures = 0
  const flaky = action({
    name: 'flaky',
    version: 1,
    input: z.object({}),
    retry: { maxAttempts: 2 },
    plan: () => {
      failures += 1
      if (failures < 4) throw new NetworkError('the inventory is away')
      return { summary: 'nothing to do', steps: [] }
    },
    steps: { install: { run: () => null } },
  })
  world = await World.open(flaky)
  await world.worker().start()
  const id = await world.submit(flaky)
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastError: 'the inventory is away' })
  expect(failures).toBe(2)
  await redrive(id)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(await world.result(id)).toMatchObject({ total: 0 })
})

test('SE-21 while two versions are rolled out, each worker plans and runs its own; without one, it waits', async () => {
  const did: string[] = []
  const versioned = (version: number) =>
    action({
      name: 'rolling',
      version,
      input: z.object({}),
      plan: () => ({ summary: `by ${version}`, steps: [{ step: 'go', target: 't', args: {} }] }),
      steps: { go: { run: () => void did.push(`v${version}`) } },
    })
  const [old, young] = [versioned(1), versioned(2)]
  world = await World.open(old, young)
  await world.worker({ actions: actionRegistry([young]) }).start()
  const first = await world.submit(old, {}, { version: 1 })
  const second = await world.submit(young, {}, { version: 2 })
  await world.reach(second)
  expect(did).toEqual(['v2'])
  await world.clock.advance(120_000)
  expect(await world.find(first)).toMatchObject({ state: 'requested', fence: 0 })
  await world.worker({ actions: actionRegistry([old]) }).start()
  await world.reach(first)
  expect(did).toEqual(['v2', 'v1'])
  expect(await world.result(first)).toMatchObject({ summary: 'by 1' })
})

test('DG-06 a plan whose step handler is missing fails as JournalMismatch, and nothing runs', async () => {
  const runs: number[] = []
  const version = (steps: 'go' | 'other') =>
    action({
      name: 'changed',
      version: 1,
      input: z.object({}),
      plan: () => ({ summary: 'go', steps: [{ step: 'go', target: 't', args: {} }] }),
      steps: { [steps]: { run: () => void runs.push(1) } },
    })
  const planner = version('go')
  world = await World.open(planner)
  const dying = world.dyingProtocol((call) => call === 'begin_target')
  await world.worker({ protocol: dying }).start()
  const id = await world.submit(planner)
  await dying.dead
  await world.worker({ actions: actionRegistry([version('other')]) }).start()
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'test', cause: 'exit' })
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastErrorClass: 'JournalMismatch' })
  expect(runs).toEqual([])
})
