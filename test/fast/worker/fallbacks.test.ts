import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { NetworkError, TerminalError } from '../../../src/errors/failures.ts'
import { World } from './world.ts'

let world: World
afterEach(async () => {
  await world?.close()
})

interface Ways {
  readonly push: (target: string) => unknown
  readonly pull: (target: string) => unknown
  readonly kind?: 'keyed' | 'opaque'
  readonly lastWord?: 'stop' | 'continue'
}

/** Pushes to each host, and has the host pull where that fails. */
const deploy = ({ push, pull, kind = 'keyed', lastWord = 'stop' }: Ways) =>
  action({
    name: 'fleet.deploy',
    version: 1,
    input: z.object({}),
    plan: () => ({
      summary: 'deploy',
      steps: ['web-01', 'web-02', 'web-03'].map((target) => ({ step: 'push', target, args: {} })),
    }),
    steps: {
      push: {
        retry: { maxAttempts: 2 },
        onFailure: { fallback: 'pull' },
        run: async ({ target, effect }) => await effect('install', { target: kind, do: () => push(target) }),
      },
      pull: {
        retry: { maxAttempts: 1 },
        onFailure: lastWord,
        run: async ({ target, effect }) => await effect('install', { target: 'keyed', do: () => pull(target) }),
      },
    },
  })

/** Nothing has happened where this is thrown. */
const broken = (why: string): Error => Object.assign(new TerminalError(why), { errorClass: 'NotApplied' })

const pushing = (did: string[], ...fails: readonly string[]) => ({
  push(target: string) {
    did.push(`push ${target}`)
    if (fails.includes(target)) throw broken('no route')
    return 'pushed'
  },
  pull(target: string) {
    did.push(`pull ${target}`)
    return 'pulled'
  },
})

test('DG-06 SE-43 a fallback answers for a target whose step has failed, and the result tells', async () => {
  const did: string[] = []
  const plan = deploy(pushing(did, 'web-02'))
  world = await World.open(plan)
  await world.worker().start()
  const id = await world.submit(plan)
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(did.filter((each) => each.startsWith('pull'))).toEqual(['pull web-02'])
  expect(did.at(-1)).toBe('push web-03')
  const result = (await world.result(id)) as { targets: readonly Record<string, unknown>[] }
  expect(result).toMatchObject({ succeeded: 3, failed: 0, fellBack: 1 })
  expect(result.targets.map(({ target, value, fellBack }) => [target, value, fellBack])).toEqual([
    ['web-01', 'pushed', undefined],
    ['web-02', 'pulled', true],
    ['web-03', 'pushed', undefined],
  ])
  expect(result.targets[1]?.error).toMatch(/no route$/)
  const settled = (await world.events(id)).filter(({ type }) => type === 'target_settled')
  expect(settled.map(({ data }) => data?.fellBack)).toEqual([undefined, true, undefined])
})

test('DG-06 when the fallback fails, too, its own word counts, and both reasons are told', async () => {
  const did: string[] = []
  const ways = pushing(did, 'web-01')
  const pull = () => {
    throw broken('no agent')
  }
  const stopping = deploy({ ...ways, pull })
  world = await World.open(stopping)
  await world.worker().start()
  const id = await world.submit(stopping)
  const failed = await world.reach(id)
  expect(failed.state).toBe('failed')
  expect(failed.lastError).toMatch(
    /^0 of 3 succeeded; failed: push\[web-01\] \(.*pull instead failed: .*no agent; before it: .*no route/,
  )
  expect(await world.result(id)).toMatchObject({ failed: 1, skipped: 2, fellBack: 0 })
})

test('DG-06 a redrive begins again with the step itself', async () => {
  const did: string[] = []
  const fails = ['web-01']
  const plan = deploy({
    push(target) {
      did.push(`push ${target}`)
      if (fails.includes(target)) throw broken('no route')
    },
    pull() {
      throw broken('no agent')
    },
    lastWord: 'continue',
  })
  world = await World.open(plan)
  await world.worker().start()
  const id = await world.submit(plan)
  expect((await world.reach(id)).state).toBe('failed')
  expect(await world.result(id)).toMatchObject({ succeeded: 2, failed: 1 })
  fails.length = 0
  did.length = 0
  await world.command(id, { type: 'redrive', reason: 'there is a route' })
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(did).toEqual(['push web-01'])
  expect(await world.result(id)).toMatchObject({ succeeded: 3, fellBack: 0 })
})

test('DG-06 a worker that dies in a fallback leaves it to the next, which never tries the step again', async () => {
  const did: string[] = []
  const plan = deploy(pushing(did, 'web-01'))
  world = await World.open(plan)
  let outcomes = 0
  const dying = world.dyingProtocol((call) => call === 'record_effect' && ++outcomes === 2)
  await world.worker({ protocol: dying }).start()
  const id = await world.submit(plan)
  await world.reach(id, 'running')
  for (let timers = 0; timers < 100 && !did.includes('pull web-01'); timers += 1) await world.clock.runNext()
  await dying.dead
  const before = did.filter((each) => each === 'push web-01').length
  await world.worker().start()
  await world.orders.give<'gone'>({ kind: 'gone', worker: 1, proof: 'test', cause: 'exit' })
  expect((await world.reach(id)).state).toBe('succeeded')
  expect(before).toBe(1)
  expect(did.filter((each) => each === 'pull web-01')).toHaveLength(2)
  expect(did.filter((each) => each === 'push web-01')).toHaveLength(before)
  expect(await world.result(id)).toMatchObject({ succeeded: 3, fellBack: 1 })
})

test.each(['opaque', 'keyed'] as const)(
  'DG-06 CP-008d no fallback follows an %s effect of which nobody knows whether it happened',
  async (kind) => {
    const did: string[] = []
    const plan = deploy({
      ...pushing(did),
      kind,
      push() {
        throw new NetworkError('the connection broke')
      },
    })
    world = await World.open(plan)
    await world.worker().start()
    const id = await world.submit(plan)
    expect(await world.reach(id, 'waiting', 'failed', 'succeeded')).toMatchObject({
      state: 'waiting',
      waitingFor: 'outcome',
    })
    expect(did).toEqual([])
  },
)
