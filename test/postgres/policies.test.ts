import pg from 'pg'
import { afterEach, expect, inject, test } from 'vitest'
import { z } from 'zod'
import { action, createPawl, type PolicyDocument, type Refused } from '../../src/pawl.ts'
import { openDatabase } from './database.ts'

const open: { stop(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.stop()
})

const pay = action({ name: 'money.pay', version: 1, input: z.number(), effects: [], run: ({ input }) => input })
const parent = action({
  name: 'money.parent',
  version: 1,
  input: z.number(),
  run: async ({ child, input }) => (await child('only', { action: 'money.pay', input })).id,
})
const held: PolicyDocument = {
  approvals: [{ name: 'money', when: { actions: ['money.pay'] }, require: { level: 'plan_review' } }],
}

async function opened(count: number) {
  const url = await openDatabase(inject('postgres'))
  const all = []
  for (let index = 0; index < count; index += 1) {
    const pawl = await createPawl({ store: url, actions: [pay, parent], slots: index === 0 ? 1 : 0 })
    open.push(pawl)
    all.push(pawl)
  }
  return { url, all }
}

test('SE-31 a policy that one process sets holds what another one admits, submitted or as a child, from the next commit on', async () => {
  const { all } = await opened(2)
  const [worker, desk] = all
  if (worker === undefined || desk === undefined) throw new Error('two were opened')
  await worker.start()
  expect(await worker.submit({ action: 'money.pay', input: 1 })).toMatchObject({ policyVersion: 1 })
  for (const version of [2, 3, 4]) {
    await desk.policies.setFlag('round', String(version), 'test')
    await desk.policies.set(held, 'test')
    expect(await worker.submit({ action: 'money.pay', input: 1 })).toMatchObject({
      state: 'requested',
      policyVersion: 2 * version - 1,
    })
  }
  const { id } = await desk.submit({ action: 'money.parent', input: 1 })
  expect(await desk.ended(id)).toMatchObject({ state: 'succeeded' })
  const [child] = (await desk.children(id)).items
  expect(await desk.get(child?.id ?? '')).toMatchObject({ state: 'requested', policyVersion: 7 })
  const one = desk.policies.set({}, 'mine', { ifVersion: 7 })
  const other = worker.policies.set({}, 'mine', { ifVersion: 7 })
  const codes = await Promise.all(
    [one, other].map((set) =>
      set.then(
        ({ version }) => version,
        (thrown) => (thrown as Refused).code,
      ),
    ),
  )
  expect(codes.map(String).sort()).toEqual(['8', 'policy_moved'])
  const told = (await worker.feed({ limit: 1000 })).items.filter(({ executionId }) => executionId === null)
  expect(told.map(({ type }) => type)).toEqual([...Array(7).fill('policy_changed'), 'policy_refused'])
})

test('SE-31 what was left in a transaction under a policy that was replaced meanwhile is refused, and its ticket says so', async () => {
  const { url, all } = await opened(1)
  const [pawl] = all
  if (pawl === undefined) throw new Error('one was opened')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  open.push({ stop: () => client.end() })
  await client.query('begin')
  const ticket = await pawl.submit({ action: 'money.pay', input: 1 }, { tx: client })
  await pawl.policies.set(held, 'meanwhile')
  await client.query('commit')
  await expect(pawl.get(ticket.id)).rejects.toMatchObject({ code: 'policy_replaced' })
  await client.query('begin')
  const next = await pawl.submit({ action: 'money.pay', input: 2 }, { tx: client })
  await client.query('commit')
  expect(await pawl.get(next.id)).toMatchObject({ state: 'requested', policyVersion: 2 })
})
