import { expect, test } from 'vitest'
import { z } from 'zod'
import type { Admission } from '../../../src/commit/order.ts'
import { orThrow } from '../../../src/errors/refusal.ts'
import { action } from '../../../src/pawl.ts'
import { testPawl } from '../../../src/testing.ts'

const pay = action({ name: 'money.pay', version: 1, input: z.number(), effects: [], run: ({ input }) => input })
const document = JSON.stringify({ approvals: [{ name: 'money', require: { level: 'plan_review' } }] })

/** A policy that another process sets: nobody here has heard of it. */
async function opened() {
  const test = await testPawl({ actions: [pay], caller: { principal: 'human:ada', tenant: 'default' } })
  const { host, plane } = test.pawl.engine
  const change = async () =>
    orThrow(
      await host.orders.give<'policy'>({
        kind: 'policy',
        tenant: 'default',
        wanted: { kind: 'set', document },
        by: 'human:root',
        reason: 'elsewhere',
      }),
    )
  return { test, host, plane, change, by: { principal: 'human:ada', tenant: 'default' } }
}

test('SE-31 an occurrence of a schedule is admitted under the policy that is in force when it fires, and none is lost', async () => {
  const { test, change } = await opened()
  await test.pawl.createSchedule({ name: 'hourly', action: 'money.pay', input: 1, cron: '0 * * * *' })
  await change()
  await test.advance(3_600_000 + 2_000)
  const { items } = await test.pawl.list({ action: 'money.pay' })
  expect(items.map(({ state, policyVersion }) => [state, policyVersion])).toEqual([['requested', 2]])
  expect((await test.pawl.schedule('hourly')).lastError).toBeNull()
  await test.stop()
})

test('SE-31 a part of a bulk rerun that was checked under a replaced policy waits, and is done once it was checked anew', async () => {
  const { test, host, plane, change, by } = await opened()
  const { id } = await test.submit({ action: 'money.pay', input: 1 })
  await test.untilEnded(id)
  const { execution } = orThrow(await plane.find(id, by))
  const { orders } = host
  const bulk = { tenant: 'default', command: 'rerun' as const, query: '', reason: null, by: 'human:ada' }
  const { key } = orThrow(await orders.give<'bulk_open'>({ kind: 'bulk_open', bulk }))
  await orders.give<'bulk_fill'>({ kind: 'bulk_fill', key, executions: [execution.id], isLast: true })
  const check = async (): Promise<Admission> => orThrow(await plane.check({ action: 'money.pay', input: 1 }, by))
  const work = async (admission: Admission) =>
    orThrow(
      await orders.give<'bulk_work'>({ kind: 'bulk_work', key, limit: 9, admissions: [[execution.id, admission]] }),
    )
  const outdated = await check()
  await change()
  expect(await work(outdated)).toMatchObject({ state: 'running', done: 0, refused: 0 })
  await plane.policies.refresh(by)
  expect(await work(await check())).toMatchObject({ state: 'done', done: 1, refused: 0 })
  const { items } = await test.pawl.list({ state: 'requested' })
  expect(items).toMatchObject([{ policyVersion: 2, approvalLevel: 'plan_review' }])
  await test.stop()
})

test('SE-20 SE-31 a key that is known answers under any policy, and the first execution keeps what it was admitted with', async () => {
  const { test, change } = await opened()
  const first = await test.submit({ action: 'money.pay', input: 1, key: 'K' })
  await change()
  const again = await test.submit({ action: 'money.pay', input: 1, key: 'K' })
  expect(again).toMatchObject({ id: first.id, policyVersion: 1, approvalLevel: 'auto' })
  await test.stop()
})

test('SE-31 a redrive goes back to the gate that the execution was admitted with, also under a stricter policy', async () => {
  const { test, change } = await opened()
  const { id } = await test.submit({ action: 'money.pay', input: 1, delay: '1h' })
  await test.pawl.cancel(id, 'not yet')
  await change()
  expect(await test.pawl.redrive(id, 'now')).toMatchObject({ state: 'queued', policyVersion: 1 })
  expect(await test.pawl.rerun((await test.submit({ action: 'money.pay', input: 2 })).id).catch(() => 'open')).toBe(
    'open',
  )
  await test.stop()
})
