import { expect, test } from 'vitest'
import { z } from 'zod'
import { action, Refused } from '../../../src/pawl.ts'
import { testPawl } from '../../../src/testing.ts'

const input = z.object({ n: z.number() })

async function opened() {
  const seen: string[] = []
  const between: { now?: () => Promise<unknown> } = {}
  const reviewed = action({
    name: 'crm.review',
    version: 1,
    input,
    approval: 'plan_review',
    approvals: { groups: ['finance'] },
    effects: ['upsert'],
    run: ({ input: { n }, effect }) => effect('upsert', { target: 'keyed', do: () => seen.push(`review ${n}`) }),
  })
  const confirmed = action({
    name: 'crm.confirm',
    version: 1,
    input,
    approval: 'confirm',
    run: ({ input: { n }, effect }) => effect('upsert', { target: 'keyed', do: () => seen.push(`confirm ${n}`) }),
  })
  const deploy = action({
    name: 'fleet.deploy',
    version: 1,
    input,
    plan: () => ({ summary: 'both', steps: ['a', 'b'].map((target) => ({ step: 'go', target, args: {} })) }),
    steps: {
      go: {
        run: async ({ target }) => {
          seen.push(`go ${target}`)
          await between.now?.()
          return target
        },
      },
    },
  })
  const actions = [reviewed, confirmed, deploy] as const
  const test = await testPawl({ actions, caller: { principal: 'human:ada', tenant: 'default' } })
  const as = (name: string) => test.pawl.as({ principal: `human:${name}`, tenant: 'default', role: 'operator' })
  return { seen, between, test, bob: as('bob'), eve: as('eve'), ada: as('ada'), roles: test.pawl.roles }
}

const codeOf = (done: Promise<unknown>): Promise<string> =>
  done.then(
    () => 'done',
    (thrown: unknown) => (thrown instanceof Refused ? thrown.code : String(thrown)),
  )

test('SE-31 SE-32 somebody agrees up to the level and for the actions that he was granted, and no further', async () => {
  const { test, bob, eve, roles } = await opened()
  await roles.grant('human:bob', 'operator', 'test', { levelMax: 1 })
  await roles.grant('human:eve', 'operator', 'test', { actions: ['crm.confirm'] })
  await roles.grant('human:bob', 'group:finance', 'test')
  const review = await test.submit({ action: 'crm.review', input: { n: 1 } })
  const confirm = await test.submit({ action: 'crm.confirm', input: { n: 1 } })
  expect(await codeOf(bob.approve(review.id, review.planHash ?? ''))).toBe('not_permitted')
  expect(await codeOf(eve.approve(review.id, review.planHash ?? ''))).toBe('not_permitted')
  expect((await test.pawl.events(review.id)).map(({ type }) => type)).toEqual([
    'request',
    'rbac_violation',
    'rbac_violation',
  ])
  expect(await codeOf(bob.approve(confirm.id, confirm.planHash ?? ''))).toBe('done')
  await roles.grant('group:finance', 'operator', 'test')
  expect(await codeOf(bob.approve(review.id, review.planHash ?? ''))).toBe('done')
  await test.stop()
})

test('SE-31 SE-32 the groups of a vote are those of the grants when it is recorded, whatever a token or a program says', async () => {
  const { test, bob, roles } = await opened()
  const saying = test.pawl.as({ principal: 'human:eve', tenant: 'default', role: 'operator', groups: ['finance'] })
  const { id, planHash } = await test.submit({ action: 'crm.review', input: { n: 1 } })
  await roles.grant('human:eve', 'operator', 'test')
  expect(await codeOf(saying.approve(id, planHash ?? ''))).toBe('not_in_group')
  await roles.grant('human:bob', 'operator', 'test')
  expect(await codeOf(bob.approve(id, planHash ?? ''))).toBe('not_in_group')
  const { version } = await roles.grant('human:bob', 'group:finance', 'test')
  expect((await bob.approvals({ mine: true })).items.map(({ executionId }) => executionId)).toEqual([id])
  await roles.revoke(version, 'left')
  expect(await codeOf(bob.approve(id, planHash ?? ''))).toBe('not_in_group')
  await roles.grant('human:bob', 'group:finance', 'test')
  // One who is revoked in the commit that would record his vote has none.
  const grant = (await roles.holders('human:bob')).find(({ role }) => role === 'operator')?.grant ?? 0
  const { engine } = test.pawl
  const wanted = { kind: 'revoke', principal: null, role: '', actions: null, subjects: null, levelMax: null } as const
  const [, voted] = await Promise.all([
    engine.host.orders.give<'rights'>({
      kind: 'rights',
      wanted: { ...wanted, permissions: null, ref: String(grant) },
      by: { tenant: 'default', principal: 'human:ada', role: 'admin' },
      reason: 'left',
    }),
    codeOf(bob.approve(id, planHash ?? '')),
  ])
  expect(voted).toBe('not_permitted')
  await test.stop()
})

test('SE-32 no further step of a plan begins once its requester has lost the right', async () => {
  const { test, ada, between, seen } = await opened()
  const desk = test.pawl.as({ principal: 'human:desk', tenant: 'default' })
  const { version } = await desk.roles.grant('human:ada', 'operator', 'test', { actions: ['fleet.*'] })
  between.now = async () => {
    delete between.now
    await desk.roles.revoke(version, 'left')
  }
  const { id } = await ada.submit({ action: 'fleet.deploy', input: { n: 1 } })
  for (;;) {
    const { state } = await desk.get(id)
    if (state === 'failed' || state === 'succeeded') break
    await test.clock.advance(1_000)
  }
  expect((await desk.get(id)).lastErrorClass).toBe('AuthError')
  expect(seen).toEqual(['go a'])
  await test.stop()
})

test('SE-31 SE-32 a vote counts no more once its voter has lost the right, the group or the level, and is shown as taken back', async () => {
  const { test, bob, eve, roles, seen } = await opened()
  await roles.grant('human:eve', 'operator', 'test')
  await roles.grant('human:eve', 'group:finance', 'test')
  const losses = [
    { give: ['group:finance'], take: 'group:finance' },
    { give: ['group:finance'], take: 'operator' },
  ]
  for (const [n, { give, take }] of losses.entries()) {
    for (const role of ['operator', ...give]) await roles.grant('human:bob', role, 'test')
    const { id, planHash } = await test.submit({ action: 'crm.review', input: { n } })
    expect((await bob.approve(id, planHash ?? '')).state).toBe('approved')
    for (const { grant, role } of await roles.holders('human:bob')) if (role === take) await roles.revoke(grant, 'left')
    expect(await codeOf(eve.resume(id))).toBe('approval_missing')
    expect((await test.pawl.get(id)).state).toBe('requested')
    const { cast } = await test.pawl.approval(id)
    expect(cast).toMatchObject([{ voter: 'human:bob', endedBy: 'system:rights', endedWhy: 'right_lost' }])
    for (const { grant } of await roles.holders('human:bob')) await roles.revoke(grant, 'left')
    expect(await codeOf(eve.approve(id, planHash ?? ''))).toBe('done')
    expect(await codeOf(eve.resume(id))).toBe('done')
    while ((await test.pawl.get(id)).state !== 'succeeded') await test.clock.advance(1_000)
    expect(seen.at(-1)).toBe(`review ${n}`)
  }
  await test.stop()
})

test('SE-32 what was dispatched on the vote of somebody who lost the right before the claim is asked for anew', async () => {
  const { test, bob, roles, seen } = await opened()
  const { version } = await roles.grant('human:bob', 'operator', 'test')
  await roles.grant('human:bob', 'group:finance', 'test')
  const submitted = { action: 'crm.review', input: { n: 1 } } as const
  const { id, planHash } = await test.submit({ ...submitted, delay: 60_000 })
  await bob.approve(id, planHash ?? '')
  await bob.resume(id)
  await roles.revoke(version, 'left')
  while ((await test.pawl.get(id)).state === 'queued') await test.clock.advance(10_000)
  expect((await test.pawl.get(id)).state).toBe('requested')
  expect((await test.pawl.events(id)).at(-1)).toMatchObject({ type: 'invalidate', principal: 'system:rights' })
  expect(seen).toEqual([])
  await test.stop()
})
