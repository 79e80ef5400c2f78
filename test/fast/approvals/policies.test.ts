import { expect, test } from 'vitest'
import { z } from 'zod'
import { action, type Pawl, type PolicyDocument, Refused } from '../../../src/pawl.ts'
import { testPawl } from '../../../src/testing.ts'

const input = z.object({ n: z.number() })
const send = action({ name: 'quote.send', version: 1, input, effects: ['mail'], run: ({ input: { n } }) => n })
const ask = action({
  name: 'quote.ask',
  version: 1,
  input,
  approval: 'plan_review',
  approvals: { quorum: 2 },
  effects: [],
  run: ({ input: { n } }) => n,
})
const family = action({
  name: 'crm.family',
  version: 1,
  input,
  run: async ({ input: { n }, child }) => (await child('only', { action: 'quote.send', input: { n } })).id,
})
let hosts = ['a', 'b']
const deploy = action({
  name: 'fleet.deploy',
  version: 1,
  input,
  plan: () => ({ summary: 'all', steps: hosts.map((target) => ({ step: 'go', target, args: {} })) }),
  steps: { go: { run: ({ target }) => target } },
})

const reviewed: PolicyDocument = {
  approvals: [{ name: 'quotes', when: { actions: ['quote.*'] }, require: { level: 'plan_review' } }],
}

async function opened() {
  const actions = [send, ask, family, deploy] as const
  const test = await testPawl({ actions, caller: { principal: 'human:ada', tenant: 'default' } })
  const as = (name: string, role: 'admin' | 'operator' | 'viewer' | 'agent' = 'admin', tenant = 'default') =>
    test.pawl.as({ principal: name, tenant, role })
  const { policies } = test.pawl
  return { test, as, policies, pawl: test.pawl }
}

/** What the first event of this type says. */
async function plannedAs(pawl: Pick<Pawl<[]>, 'watch'>, id: string, type: string): Promise<Record<string, unknown>> {
  for await (const event of pawl.watch(id)) if (event.type === type) return { ...event.data }
  throw new Error(`${id} ended without ${type}`)
}

const codeOf = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof Refused ? thrown.code : String(thrown)),
  )

test('SE-31 CP-002 what is admitted under a policy is held by it, with the version on the execution and in its hash', async () => {
  const { test, policies, as } = await opened()
  const before = await test.submit({ action: 'quote.send', input: { n: 1 } })
  expect(before).toMatchObject({ state: 'queued', policyVersion: 1 })
  const active = await policies.set(reviewed, 'money is at stake')
  expect(active).toMatchObject({ version: 2, active: true, kind: 'set', by: 'human:ada', document: reviewed })
  const held = await test.submit({ action: 'quote.send', input: { n: 1 } })
  expect(held).toMatchObject({ state: 'requested', policyVersion: 2, approvalLevel: 'plan_review' })
  expect(await test.pawl.approval(held.id)).toMatchObject({ policyVersion: 2, byRules: ['quotes'] })
  expect((await test.pawl.why(held.id)).why).toContain('So say quotes of version 2 of the policy.')
  await policies.setFlag('banner', 'hello', 'morning')
  const next = await test.submit({ action: 'quote.send', input: { n: 1 } })
  expect(next.policyVersion).toBe(3)
  const [one, other] = [await test.pawl.plan(held.id), await test.pawl.plan(next.id)]
  expect(one.planHash).not.toBe(other.planHash)
  // An operator agrees and dispatches: the policy changes who must agree, and nothing of how.
  const bob = as('human:bob', 'operator')
  await bob.approve(held.id, one.planHash ?? '')
  await bob.resume(held.id)
  await test.untilEnded(held.id)
  expect((await test.get(held.id)).state).toBe('succeeded')
  await test.stop()
})

test('SE-31 what waits for approval keeps what it was admitted with, whether the policy grows stricter or milder', async () => {
  const { test, policies, as } = await opened()
  const bob = as('human:bob', 'operator')
  await policies.set(reviewed, 'one vote')
  const first = await test.submit({ action: 'quote.send', input: { n: 1 } })
  const stricter = { approvals: [{ name: 'quotes', require: { level: 'plan_review' as const, quorum: 3 } }] }
  await policies.set(stricter, 'three votes')
  const second = await test.submit({ action: 'quote.send', input: { n: 2 } })
  await policies.set({}, 'none')
  const hash = (await test.pawl.plan(first.id)).planHash ?? ''
  expect((await bob.approve(first.id, hash)).state).toBe('approved')
  const later = (await test.pawl.plan(second.id)).planHash ?? ''
  expect((await bob.approve(second.id, later)).state).toBe('requested')
  expect(await test.get(second.id)).toMatchObject({ policyVersion: 3, approvalLevel: 'plan_review' })
  await test.stop()
})

test('SE-31 no execution is admitted under a policy already replaced, whichever way it is asked for', async () => {
  const { test, pawl } = await opened()
  const { plane } = pawl.engine
  const ended = await test.submit({ action: 'quote.send', input: { n: 1 } })
  await test.untilEnded(ended.id)
  await pawl.createSchedule({ name: 'daily', action: 'quote.send', input: { n: 1 }, cron: '0 0 * * *' })
  // Another process changes it: this one has not heard of it.
  const { orders } = pawl.engine.host
  const document = JSON.stringify(reviewed)
  const change = () =>
    orders.give<'policy'>({
      kind: 'policy',
      tenant: 'default',
      wanted: { kind: 'set', document },
      by: 'human:root',
      reason: 'elsewhere',
    })
  const ways: Record<string, () => Promise<{ state: string; policyVersion: number }>> = {
    submit: () => test.submit({ action: 'quote.send', input: { n: 2 } }),
    'submit many': async () => {
      const [one] = await pawl.submitMany([{ action: 'quote.send', input: { n: 3 } }])
      return one as never
    },
    rerun: () => pawl.rerun(ended.id),
    trigger: () => pawl.triggerSchedule('daily'),
  }
  let version = 1
  for (const [way, submit] of Object.entries(ways)) {
    await change()
    version += 1
    expect(plane.policies.of('default').version, way).toBeLessThan(version)
    expect(await submit(), way).toMatchObject({ state: 'requested', policyVersion: version })
    expect(plane.policies.of('default').version, way).toBe(version)
  }
  await change()
  const admission = await plane.check(
    { action: 'quote.send', input: { n: 9 } },
    { principal: 'human:ada', tenant: 'default' },
  )
  if ('refused' in admission) throw new Error(admission.reason)
  const late = await orders.give<'admit'>({ kind: 'admit', admission })
  expect(late).toMatchObject({ code: 'policy_replaced', details: { version: version + 1 } })
  await test.stop()
})

test('SE-31 a policy that is set between the check of a submit and its commit decides on it', async () => {
  const { test, pawl, policies } = await opened()
  const submits = Array.from({ length: 20 }, (_, n) => test.submit({ action: 'quote.send', input: { n } }))
  const set = policies.set(reviewed, 'in the middle')
  const more = Array.from({ length: 20 }, (_, n) => test.submit({ action: 'quote.send', input: { n } }))
  await set
  const after = await test.submit({ action: 'quote.send', input: { n: 0 } })
  for (const { id } of [...(await Promise.all([...submits, ...more])), after]) {
    const { policyVersion, approvalLevel } = await pawl.get(id)
    expect([policyVersion, approvalLevel]).toEqual(policyVersion === 1 ? [1, 'auto'] : [2, 'plan_review'])
  }
  expect(after.policyVersion).toBe(2)
  await test.stop()
})

test('SE-31 a child is held by the policy as its parent is: the worker is told the policy it has not heard of', async () => {
  const { test, policies, pawl } = await opened()
  await policies.set(reviewed, 'quotes only')
  const parent = await test.submit({ action: 'crm.family', input: { n: 4 } })
  expect(parent.state).toBe('queued')
  await test.untilEnded(parent.id)
  const [child] = (await pawl.children(parent.id)).items
  expect(child).toMatchObject({ action: 'quote.send', state: 'requested' })
  expect(await pawl.get(child?.id ?? '')).toMatchObject({ policyVersion: 2, approvalLevel: 'plan_review' })
  await test.stop()
})

test('SE-30 an action with a plan that says nothing of approval is planned and then waits, where the policy says so', async () => {
  const { test, policies, as } = await opened()
  await policies.set({ approvals: [{ name: 'fleet', require: { level: 'step_by_step', resume: 'auto' } }] }, 'careful')
  const { id } = await test.submit({ action: 'fleet.deploy', input: { n: 1 } })
  const bob = as('human:bob', 'operator')
  const hash = String((await plannedAs(test.pawl, id, 'planned')).planHash)
  expect((await test.get(id)).state).toBe('requested')
  for (const step of ['go[a]', 'go[b]']) await bob.approve(id, hash, { step })
  await bob.approve(id, hash)
  await test.untilEnded(id)
  expect((await test.get(id)).state).toBe('succeeded')
  await test.stop()
})

test('SE-30 how many targets a plan has decides whether people are asked, each time it is made', async () => {
  const { test, policies, as } = await opened()
  const many = { name: 'many', when: { targetsFrom: 3 }, require: { level: 'plan_review' as const } }
  await policies.set({ approvals: [many] }, 'more than two hosts')
  hosts = ['a', 'b']
  const few = await test.submit({ action: 'fleet.deploy', input: { n: 1 } })
  expect(few).toMatchObject({ state: 'requested', approvalLevel: 'auto' })
  await test.untilEnded(few.id)
  expect((await test.pawl.events(few.id)).map(({ type, principal }) => `${type} ${principal}`).slice(2, 5)).toEqual([
    expect.stringMatching(/^planned worker:/),
    'approve system:policy',
    'resume system:policy',
  ])
  hosts = ['a', 'b', 'c']
  const { id } = await test.submit({ action: 'fleet.deploy', input: { n: 2 } })
  expect(await plannedAs(test.pawl, id, 'planned')).toMatchObject({ steps: 3, level: 'plan_review' })
  expect(await test.get(id)).toMatchObject({ state: 'requested', approvalLevel: 'plan_review' })
  const bob = as('human:bob', 'operator')
  expect((await bob.approvals()).items.map(({ executionId }) => executionId)).toEqual([id])
  // Of fewer hosts nobody has to be asked, and of more somebody has to again.
  hosts = ['a', 'b', 'c', 'd']
  await bob.replan(id)
  expect(await plannedAs(test.pawl, id, 'replanned')).toMatchObject({ steps: 4, level: 'plan_review' })
  hosts = ['a']
  await bob.replan(id)
  await test.untilEnded(id)
  expect((await test.get(id)).state).toBe('succeeded')
  await test.stop()
})

test('SE-31 a policy never asks for less than the action does', async () => {
  const { test, policies } = await opened()
  await policies.set({ approvals: [{ name: 'lax', require: { level: 'auto', quorum: 1 } }] }, 'in a hurry')
  const { id } = await test.submit({ action: 'quote.ask', input: { n: 1 } })
  expect(await test.pawl.approval(id)).toMatchObject({ level: 'plan_review', quorum: 2 })
  await test.stop()
})

test('SE-31 a rollback brings an old document back as a further version, and a flag switches the rules that name it', async () => {
  const { test, policies } = await opened()
  const freeze: PolicyDocument = {
    approvals: [{ name: 'freeze', when: { flags: { freeze: true } }, require: { level: 'plan_review', quorum: 2 } }],
    flags: { freeze: false },
  }
  const stateNow = async () => (await test.submit({ action: 'quote.send', input: { n: 1 } })).state
  await policies.set(freeze, 'year end')
  expect(await stateNow()).toBe('queued')
  await policies.setFlag('freeze', true, 'it begins')
  expect(await stateNow()).toBe('requested')
  expect(await policies.flags()).toEqual([{ name: 'freeze', value: true }])
  expect(await policies.rollback(2, 'it ends')).toMatchObject({
    version: 4,
    kind: 'rollback',
    restored: 2,
    document: freeze,
  })
  expect(await stateNow()).toBe('queued')
  await policies.setFlag('freeze', 'none', 'away with it')
  expect(await policies.flags()).toEqual([])
  expect((await policies.rollback(1, 'as it was')).document).toEqual({})
  const { items, next } = await policies.list()
  expect(items.map(({ version, kind, active }) => [version, kind, active])).toEqual([
    [6, 'rollback', true],
    [5, 'flag', false],
    [4, 'rollback', false],
    [3, 'flag', false],
    [2, 'set', false],
    [1, 'default', false],
  ])
  expect(next).toBeNull()
  expect((await policies.diff(2, 3)).items).toEqual([{ at: 'flags.freeze', before: false, after: true }])
  expect(items.map(({ hash }) => hash).filter((hash) => hash === items[2]?.hash)).toHaveLength(2)
  await test.stop()
})

test('SE-31 of two who change the same version one is refused, and told which version is in force', async () => {
  const { test, policies, as } = await opened()
  const other = as('human:bob').policies
  const codes = await Promise.all([policies, other].map((each) => codeOf(each.set(reviewed, 'mine', { ifVersion: 1 }))))
  expect(codes.sort()).toEqual(['done', 'policy_moved'])
  expect(await codeOf(policies.rollback(1, 'x', { ifVersion: 1 }))).toBe('policy_moved')
  expect(await codeOf(policies.setFlag('a', true, 'x', { ifVersion: 3 }))).toBe('policy_moved')
  expect((await policies.get()).version).toBe(2)
  await test.stop()
})

test('REL-04b each change and each refused change is an event of the tenant, and of no other', async () => {
  const { test, policies, as, pawl } = await opened()
  const foreign = as('human:eve', 'admin', 'globex')
  await policies.set(reviewed, 'money', { ifVersion: 1 })
  await codeOf(policies.set({ approvals: 7 } as never, 'nonsense'))
  for (const _ of [1, 2, 3]) await codeOf(policies.set({}, 'late', { ifVersion: 1 }))
  await policies.rollback(1, 'no')
  const { items } = await pawl.feed()
  const told = items.filter(({ executionId }) => executionId === null)
  expect(told.map(({ type, principal, to }) => [type, principal, to])).toEqual([
    ['policy_changed', 'human:ada', null],
    ['policy_refused', 'human:ada', null],
    ['policy_refused', 'human:ada', null],
    ['policy_changed', 'human:ada', null],
  ])
  expect(told.map(({ data }) => data)).toMatchObject([
    { version: 2, from: 1, kind: 'set', reason: 'money' },
    { command: 'policy set', code: 'invalid_policy' },
    { command: 'policy set', code: 'policy_moved' },
    { version: 3, from: 2, kind: 'rollback', restored: 1, reason: 'no' },
  ])
  expect((await foreign.feed()).items).toEqual([])
  // Positions stay dense, and what comes behind is told as before.
  const { id } = await test.submit({ action: 'quote.send', input: { n: 1 } })
  await test.untilEnded(id)
  expect((await pawl.events(id)).map(({ type }) => type)).toEqual(['enqueue', 'claim', 'succeed'])
  await test.stop()
})

test('SE-31 a foreign tenant neither sees nor changes a policy, and is not held by it', async () => {
  const { test, policies, as } = await opened()
  await policies.set(reviewed, 'ours')
  const foreign = as('human:eve', 'admin', 'globex')
  expect(await foreign.policies.get()).toMatchObject({ version: 1, document: {} })
  expect(await codeOf(foreign.policies.get(2))).toBe('not_found')
  expect(await codeOf(foreign.policies.rollback(2, 'theirs'))).toBe('not_found')
  expect(await codeOf(foreign.policies.diff(1, 2))).toBe('not_found')
  expect((await foreign.submit({ action: 'quote.send', input: { n: 1 } })).state).toBe('queued')
  await foreign.policies.setFlag('x', true, 'own')
  expect((await policies.get()).version).toBe(2)
  await test.stop()
})

test('SE-32 only who holds the permission changes a policy, and an agent has no part in it', async () => {
  const { test, as } = await opened()
  const changes = (role: 'operator' | 'viewer' | 'agent') => {
    const { policies } = as(`human:${role}`, role)
    return [
      () => policies.set({}, 'x'),
      () => policies.rollback(1, 'x'),
      () => policies.setFlag('x', true, 'x'),
      () => policies.simulate({}),
      () => policies.get(),
    ]
  }
  const codes = async (role: 'operator' | 'viewer' | 'agent') =>
    Promise.all(changes(role).map((each) => codeOf(each())))
  const denied = 'not_permitted'
  expect(await codes('operator')).toEqual([denied, denied, denied, 'done', 'done'])
  expect(await codes('viewer')).toEqual([denied, denied, denied, denied, 'done'])
  expect(await codes('agent')).toEqual([denied, denied, denied, denied, denied])
  await test.stop()
})

test('SE-31 simulated on the newest executions, a document says what each would need, and nothing is written', async () => {
  const { test, policies, pawl } = await opened()
  await pawl.pause({}, 'hold')
  for (const n of [1, 2]) await test.submit({ action: 'quote.send', input: { n } })
  await test.submit({ action: 'crm.family', input: { n: 3 } })
  await test.submit({ action: 'quote.ask', input: { n: 4 } })
  const head = await pawl.engine.host.views.headPosition()
  const wanted: PolicyDocument = {
    approvals: [
      { name: 'sends', when: { actions: ['quote.send'] }, require: { level: 'confirm', quorum: 2 } },
      { name: 'asks', when: { actions: ['quote.ask'] }, require: { quorum: 3 } },
    ],
  }
  const sample = await policies.simulate(wanted)
  expect(sample).toMatchObject({ version: 1, unknown: 0, changed: 3 })
  const confirm = { action: 'quote.send', before: { level: 'auto' }, after: { level: 'confirm', quorum: 2 } }
  expect(sample.items).toMatchObject([
    { action: 'quote.ask', before: { level: 'plan_review', quorum: 2 }, after: { level: 'plan_review', quorum: 3 } },
    confirm,
    confirm,
  ])
  expect((await policies.simulate(wanted, { sample: 1 })).sample).toBe(1)
  expect(sample.verdict).toBe(
    'Looked at the newest executions, 4 in all: 3 would be asked for otherwise than under version 1.',
  )
  expect((await policies.simulate({})).verdict).toBe(
    'Looked at the newest executions, 4 in all: none would be asked for otherwise than under version 1.',
  )
  expect(await pawl.engine.host.views.headPosition()).toBe(head)
  expect((await policies.get()).version).toBe(1)
  await test.stop()
})

test('REL-06c limits of a policy lower those of the server, and no submit raises them', async () => {
  const { test, policies, pawl } = await opened()
  await pawl.pause({}, 'hold')
  await policies.set({ limits: { queueMax: 2, concurrency: 1 } }, 'small customer')
  for (const n of [1, 2]) await test.submit({ action: 'quote.send', input: { n } })
  expect(await codeOf(test.submit({ action: 'quote.send', input: { n: 3 } }))).toBe('queue_full')
  await policies.set({}, 'large customer')
  expect(await codeOf(test.submit({ action: 'quote.send', input: { n: 3 } }))).toBe('done')
  await test.stop()
})
