import { expect, test } from 'vitest'
import { z } from 'zod'
import { action, isRefusal, Refused } from '../../../src/pawl.ts'
import { type TestPawl, testPawl } from '../../../src/testing.ts'

const input = z.object({ n: z.number() })

/** What the outside world has seen, in order. */
function world() {
  const seen: string[] = []
  const confirmed = action({
    name: 'crm.confirm',
    version: 1,
    input,
    approval: 'confirm',
    run: async ({ input: { n }, effect }) => {
      await effect('upsert', { target: 'keyed', do: () => seen.push(`confirm ${n}`) })
      return n
    },
  })
  const reviewed = action({
    name: 'crm.review',
    version: 1,
    input,
    approval: 'plan_review',
    approvals: { quorum: 2, useBy: '1h' },
    effects: ['upsert'],
    run: async ({ input: { n }, effect }) => {
      await effect(n === 13 ? 'hidden' : 'upsert', { target: 'keyed', do: () => seen.push(`review ${n}`) })
      return n
    },
  })
  let hosts = ['web-1', 'web-2']
  const deploy = action({
    name: 'fleet.deploy',
    version: 1,
    input,
    approval: ({ n }) => (n === 3 ? 'step_by_step' : 'plan_review'),
    approvals: { planMaxAge: '10m' },
    plan: async ({ read }) => {
      const found = await read('hosts', () => hosts)
      return {
        summary: `Deploy to ${found.length} hosts`,
        steps: found.map((target) => ({ step: 'install', target, args: {}, effects: ['install'] })),
      }
    },
    steps: {
      install: {
        run: async ({ target, effect }) => {
          await effect('install', { target: 'keyed', do: () => seen.push(`install ${target}`) })
        },
      },
    },
  })
  const actions = [confirmed, reviewed, deploy] as const
  return {
    seen,
    actions,
    setHosts: (names: string[]) => {
      hosts = names
    },
  }
}

type World = ReturnType<typeof world>

async function opened() {
  const outside = world()
  const test = await testPawl({ actions: outside.actions, caller: { principal: 'human:ada', tenant: 'default' } })
  const as = (principal: string) => test.pawl.as({ principal, tenant: 'default', role: 'operator' })
  return { ...outside, test, as, bob: as('human:bob'), eve: as('human:eve') }
}

const codeOf = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof Refused ? thrown.code : String(thrown)),
  )

async function planned(test: TestPawl<World['actions']>, n: number) {
  const execution = await test.submit({ action: 'fleet.deploy', input: { n } })
  for (;;) {
    const now = await test.get(execution.id)
    if (now.planHash !== null) return { id: execution.id, hash: now.planHash }
    await test.clock.advance(1_000)
  }
}

test('SE-30 at level confirm nothing runs before somebody agrees, and then it goes on by itself', async () => {
  const { test, seen, bob } = await opened()
  const { id, planHash, state, approvalLevel } = await test.submit({ action: 'crm.confirm', input: { n: 1 } })
  expect({ state, approvalLevel }).toEqual({ state: 'requested', approvalLevel: 'confirm' })
  await test.clock.advance(60_000)
  expect(seen).toEqual([])
  expect((await bob.approve(id, planHash ?? '')).state).toBe('approved')
  await test.untilEnded(id)
  expect(seen).toEqual(['confirm 1'])
  const events = (await test.pawl.events(id)).map(({ type, principal }) => `${type} ${principal}`)
  expect(events.slice(0, 5)).toEqual([
    'request human:ada',
    'vote human:bob',
    'approve human:bob',
    'resume system:policy',
    expect.stringMatching(/^claim /),
  ])
  await test.stop()
})

test('SE-31 whoever is to agree is shown the steps themselves, with their targets, arguments and effects', async () => {
  const { test, bob } = await opened()
  const { id, hash } = await planned(test, 1)
  const install = { step: 'install', args: {}, effects: ['install'] }
  expect(await bob.plan(id)).toMatchObject({
    planHash: hash,
    steps: [
      { index: 0, target: 'web-1', ...install },
      { index: 1, target: 'web-2', ...install },
    ],
    next: null,
  })
  await test.stop()
})

test('CP-002 approve records and never dispatches; resume dispatches once, however often it is said', async () => {
  const { test, seen, bob, eve } = await opened()
  const { id, planHash } = await test.submit({ action: 'crm.review', input: { n: 1 } })
  const hash = planHash ?? ''
  expect(await codeOf(eve.resume(id))).toBe('approval_missing')
  await bob.approve(id, hash)
  await bob.approve(id, hash)
  expect((await test.get(id)).state).toBe('requested')
  await eve.approve(id, hash)
  await test.clock.advance(60_000)
  expect((await test.get(id)).state).toBe('approved')
  expect(seen).toEqual([])
  await Promise.all([bob.resume(id), eve.resume(id)])
  await test.untilEnded(id)
  expect(seen).toEqual(['review 1'])
  expect((await test.pawl.events(id)).filter(({ type }) => type === 'resume')).toHaveLength(1)
  await test.stop()
})

test('SE-31 a vote of the requester, of an agent, on a foreign hash or past its use is refused, recorded, and nothing runs', async () => {
  const { test, seen, bob, eve, as } = await opened()
  const { id, planHash } = await test.submit({ action: 'crm.review', input: { n: 1 } })
  const hash = planHash ?? ''
  expect(await codeOf(test.pawl.approve(id, hash))).toBe('own_request')
  expect(await codeOf(as('agent:planner').approve(id, hash))).toBe('not_permitted')
  expect(await codeOf(bob.approve(id, 'f'.repeat(64)))).toBe('plan_differs')
  await bob.approve(id, hash)
  await test.clock.advance(1_800_000)
  await eve.approve(id, hash)
  await test.clock.advance(1_800_000)
  expect(await codeOf(eve.resume(id))).toBe('approval_expired')
  expect((await test.get(id)).state).toBe('requested')
  expect(await codeOf(eve.resume(id))).toBe('approval_missing')
  const refused = (await test.pawl.events(id)).filter(({ type }) => type === 'transition_refused')
  expect(refused.map(({ data }) => data?.code)).toEqual([
    'own_request',
    'plan_differs',
    'approval_expired',
    'approval_missing',
  ])
  expect(seen).toEqual([])
  await test.stop()
})

test('SE-31 an effect that the approved plan does not name is refused', async () => {
  const { test, seen, bob, eve } = await opened()
  const { id, planHash } = await test.submit({ action: 'crm.review', input: { n: 13 } })
  await bob.approve(id, planHash ?? '')
  await eve.approve(id, planHash ?? '')
  await bob.resume(id)
  await test.untilEnded(id)
  expect(await test.get(id)).toMatchObject({
    state: 'failed',
    lastError: expect.stringContaining('effect_not_planned'),
  })
  expect(seen).toEqual([])
  await test.stop()
})

test('SE-31 the same plan made anew keeps its approval, another one ends it', async () => {
  const { test, seen, bob, setHosts } = await opened()
  const { id, hash } = await planned(test, 2)
  await bob.approve(id, hash)
  await bob.replan(id)
  await test.clock.advance(1_000)
  expect(await test.get(id)).toMatchObject({ state: 'approved', planHash: hash })
  setHosts(['web-1', 'web-3'])
  await bob.replan(id)
  await test.clock.advance(1_000)
  const changed = await test.get(id)
  expect(changed.state).toBe('requested')
  expect(changed.planHash).not.toBe(hash)
  expect((await test.pawl.planDiff(id)).diff).toMatchObject({ added: 1, removed: 1, changed: 0 })
  expect(await codeOf(bob.resume(id))).toBe('approval_missing')
  expect(await codeOf(bob.approve(id, hash))).toBe('plan_differs')
  await bob.approve(id, changed.planHash ?? '')
  await test.clock.advance(600_000)
  // The plan is too old by now: it is made anew, is the same, and goes on.
  expect((await bob.resume(id)).state).toBe('requested')
  await test.untilEnded(id)
  expect(seen).toEqual(['install web-1', 'install web-3'])
  expect(await codeOf(bob.replan(id))).toBe('illegal_transition')
  await test.stop()
})

test('SE-30 step by step each step waits for its own approval, and a resume', async () => {
  const { test, seen, bob } = await opened()
  const { id, hash } = await planned(test, 3)
  expect(await codeOf(bob.approve(id, hash, { step: 9 }))).toBe('plan_invalid')
  await bob.approve(id, hash)
  await bob.resume(id)
  await test.clock.advance(5_000)
  expect(await test.get(id)).toMatchObject({ state: 'waiting', waitingFor: 'step_approval' })
  expect((await test.pawl.why(id)).why).toContain('step 0, install[web-1],')
  expect(await codeOf(bob.resume(id))).toBe('step_not_approved')
  await bob.approve(id, hash, { step: 'install[web-1]' })
  await test.clock.advance(5_000)
  expect(seen).toEqual([])
  await bob.resume(id)
  await test.clock.advance(5_000)
  expect(seen).toEqual(['install web-1'])
  await bob.approve(id, hash, { step: 1 })
  await bob.resume(id)
  await test.untilEnded(id)
  expect(seen).toEqual(['install web-1', 'install web-2'])
  expect((await test.get(id)).state).toBe('succeeded')
  await test.stop()
})

test('SE-31 a revoked vote ends the approval, and a rejected plan ends the execution', async () => {
  const { test, seen, bob, eve } = await opened()
  const { id, planHash } = await test.submit({ action: 'crm.review', input: { n: 1 } })
  const hash = planHash ?? ''
  await bob.approve(id, hash)
  await eve.approve(id, hash)
  await bob.revoke(id, 'the customer called')
  await bob.revoke(id, 'the customer called')
  expect((await test.get(id)).state).toBe('requested')
  expect(await codeOf(eve.resume(id))).toBe('approval_missing')
  expect((await test.pawl.approvals({ mine: true })).items).toEqual([])
  expect((await bob.approvals({ mine: true })).items.map(({ executionId, votes }) => [executionId, votes])).toEqual([
    [id, 1],
  ])
  expect((await eve.reject(id, 'never mind')).state).toBe('canceled')
  expect((await eve.reject(id, 'never mind')).state).toBe('canceled')
  expect((await bob.redrive(id, 'after all')).state).toBe('requested')
  expect((await test.pawl.approval(id)).votes).toBe(0)
  expect(seen).toEqual([])
  expect(isRefusal(await test.pawl.approval(id))).toBe(false)
  await test.stop()
})
