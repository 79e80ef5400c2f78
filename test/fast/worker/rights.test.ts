import { afterEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { checkRequest } from '../../../src/admit/request.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { createPawl } from '../../../src/pawl.ts'
import type { WantedChange } from '../../../src/rights/decide-change.ts'
import { defaultRetryPolicy } from '../../../src/time/backoff.ts'
import { World } from './world.ts'

let world: World
afterEach(() => world.close())

const add = action({ name: 'demo.add', version: 1, input: z.unknown(), run: () => 'added' })
const unsaid = { principal: null, actions: null, subjects: null, levelMax: null, permissions: null, ref: null }
const root = { tenant: 'default', principal: 'human:root', role: 'admin' }

async function change(wanted: Partial<WantedChange> & Pick<WantedChange, 'kind' | 'role'>): Promise<number> {
  const order = { kind: 'rights', wanted: { ...unsaid, ...wanted }, by: root, reason: 'test' } as const
  return orThrow(await world.orders.give<'rights'>(order)).version
}
const grant = (role = 'operator', more: Partial<WantedChange> = {}) =>
  change({ kind: 'grant', principal: 'human:alice', role, ...more })
const revoke = (version: number) => change({ kind: 'revoke', role: '', ref: String(version) })

async function submitAs(principal: string): Promise<number> {
  const rules = {
    actions: world.actions,
    retryPolicy: defaultRetryPolicy,
    now: world.clock.now(),
    newTraceId: () => '0'.repeat(32),
  }
  const admission = orThrow(
    await checkRequest({ action: 'demo.add', input: 1 }, { principal, tenant: 'default' }, rules),
  )
  const admitted = orThrow(await world.orders.give<'admit'>({ kind: 'admit', admission }))
  return admitted.replayed ? admitted.execution.id : admitted.born.id
}
const typesOf = async (id: number) => (await world.events(id)).map(({ type }) => type)

test('SE-32 what waits is not begun once its requester has lost the right: it fails, and runs when the right is back', async () => {
  world = await World.open(add)
  const given = await grant()
  const id = await world.submit(add)
  const others = await submitAs('human:bob')
  await revoke(given)
  await world.worker().start()
  await world.reach(others)
  expect((await world.find(others)).state).toBe('succeeded')
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastErrorClass: 'AuthError', attempt: 0 })
  expect(await typesOf(id)).toEqual(['enqueue', 'rbac_violation', 'fail'])
  const [, told] = await world.events(id)
  expect(told).toMatchObject({
    principal: 'system:rights',
    data: {
      code: 'right_lost',
      requester: 'human:alice',
      permission: 'execution.submit',
      action: 'demo.add',
      rights: 2,
    },
  })
  // Nobody else's redrive is a way around it: it runs in the name of whoever asked.
  orThrow(await world.command(id, { type: 'redrive', reason: 'again' }, 'human:root'))
  expect((await world.reach(id)).state).toBe('failed')
  await grant('submitter')
  orThrow(await world.command(id, { type: 'redrive', reason: 'again' }, 'human:root'))
  expect((await world.reach(id)).state).toBe('succeeded')
})

test('SE-32 the events of an admission and of each intent name the grant and the rights that were looked at', async () => {
  const act = action({
    name: 'demo.act',
    version: 1,
    input: z.unknown(),
    run: ({ effect }) => effect('post', { target: 'keyed', do: () => 1 }),
  })
  world = await World.open(act)
  const plain = await world.submit(act)
  expect((await world.events(plain))[0]?.data).toBeNull()
  await grant('viewer')
  await grant('operator', { actions: 'demo.*' })
  const id = await world.submit(act)
  await world.worker().start()
  await world.reach(id)
  const right = { grant: 'grant 2 (operator)', rights: 2 }
  const events = await world.events(id)
  expect(events.find(({ type }) => type === 'enqueue')?.data).toEqual(right)
  expect(events.find(({ type }) => type === 'effect_intended')?.data).toMatchObject(right)
})

test('SE-32 nothing is planned in the name of somebody who has lost the right', async () => {
  let plans = 0
  const planned = action({
    name: 'demo.planned',
    version: 1,
    input: z.unknown(),
    plan: () => {
      plans += 1
      return { summary: 'one', steps: [{ step: 'go', target: 'a', args: {} }] }
    },
    steps: { go: { run: () => 'gone' } },
  })
  world = await World.open(planned)
  const given = await grant()
  const id = await world.submit(planned)
  await revoke(given)
  await world.worker().start()
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastErrorClass: 'AuthError' })
  expect(plans).toBe(0)
})

test('SE-32 an effect in doubt is looked at although its requester has lost the right, and nothing else begins', async () => {
  const calls: string[] = []
  const act = action({
    name: 'demo.act',
    version: 1,
    input: z.unknown(),
    async run({ effect }) {
      await effect('post', { target: 'opaque', do: () => calls.push('post'), reconcile: () => 1 })
      await effect('more', { target: 'keyed', do: () => calls.push('more') })
    },
  })
  world = await World.open(act)
  const given = await grant()
  const id = await world.submit(act)
  const protocol = world.dyingProtocol((call) => call === 'record_effect')
  await world.worker({ protocol }).start()
  await protocol.dead
  await revoke(given)
  const [dead] = await world.workers()
  await world.orders.give<'gone'>({ kind: 'gone', worker: dead?.key ?? 0, proof: 'test', cause: 'exit' })
  await world.worker().start()
  expect(await world.reach(id)).toMatchObject({ state: 'failed', lastErrorClass: 'AuthError' })
  expect(calls).toEqual(['post'])
  expect((await world.effects(id)).map(({ name, state }) => [name, state])).toEqual([['post', 'applied']])
  const types = await typesOf(id)
  expect(types).toContain('rbac_violation')
  expect(types.indexOf('effect_reconciled')).toBeGreaterThan(types.indexOf('rbac_violation'))
})

test('SE-32 a program that claims a task by itself is refused what its requester may not have run', async () => {
  world = await World.open(add)
  const pawl = await createPawl({ store: 'sqlite::memory:', actions: [add], slots: 0 })
  try {
    const alice = pawl.as({ principal: 'human:alice', tenant: 'default', role: 'operator' })
    const { version } = await pawl.roles.grant('human:alice', 'operator', 'test')
    const tasks = pawl.tasks({ principal: 'human:alice', tenant: 'default' })
    const [first, second] = [
      await tasks.enqueue({ action: 'demo.add', input: 1 }),
      await tasks.enqueue({ action: 'demo.add', input: 2 }),
    ]
    expect(await tasks.claim(first, 'w1')).toMatchObject({ claimed: true })
    await pawl.roles.revoke(version, 'left')
    expect(await tasks.claim(second, 'w1')).toMatchObject({ claimed: false, refusal: { code: 'right_lost' } })
    expect((await pawl.get(second)).state).toBe('failed')
    await expect(tasks.enqueue({ action: 'demo.add', input: 3 })).rejects.toMatchObject({ code: 'not_permitted' })
    await expect(alice.get(first)).rejects.toMatchObject({ code: 'not_permitted' })
  } finally {
    await pawl.stop({ graceMs: 0 })
  }
})

test('SE-32 orders of one commit see what those before them changed of the rights, and a failed one changes nothing', async () => {
  world = await World.open(add)
  const wanted = { ...unsaid, kind: 'grant', principal: 'human:alice', role: 'viewer' } as const
  const [changed, submitted, other] = await Promise.all([
    world.orders.give<'rights'>({ kind: 'rights', wanted, by: root, reason: 'test' }),
    submitAs('human:alice').then(
      () => 'admitted',
      (thrown: { code: string }) => thrown.code,
    ),
    submitAs('human:bob'),
  ])
  expect([changed, submitted, typeof other]).toMatchObject([{ version: 1 }, 'not_permitted', 'number'])
})
