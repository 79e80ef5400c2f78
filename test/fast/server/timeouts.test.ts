import { expect, test } from 'vitest'
import { bodyOf, serving } from './serving.ts'

interface Policy {
  readonly slaClass: string
  readonly actionClass: string
  readonly attemptMs: number | null
  readonly overallMs: number | null
  readonly version: number
  readonly by: string
  readonly reason: string
}

const change = { slaClass: 'critical', actionClass: 'sync', attempt: '5s', overall: 'none', reason: 'new contract' }
const submission = { action: 'demo.add', input: { a: 4 }, slaClass: 'critical', actionClass: 'sync' }

test('SE-26 a policy is changed with a reason, shown, kept in its history, and named in the trace of what it decided', async () => {
  await using server = await serving()
  const policies = async (path: string) => (await bodyOf(await server.send(path))).items as Policy[]
  const before = await policies('/v1/timeout-policies')
  expect(before).toContainEqual(expect.objectContaining({ slaClass: '*', actionClass: '*', attemptMs: 1_800_000 }))
  const set = await server.send('/v1/timeout-policies', { body: change })
  expect(set.status).toBe(200)
  const version = before.length + 1
  const shown = { slaClass: 'critical', actionClass: 'sync', attemptMs: 5_000, overallMs: null, version }
  expect(await bodyOf(set)).toMatchObject({ ...shown, by: 'human:admin', reason: 'new contract' })
  const after = await policies('/v1/timeout-policies')
  expect(after.filter(({ slaClass, actionClass }) => slaClass === 'critical' && actionClass === 'sync')).toEqual([
    expect.objectContaining(shown),
  ])
  expect(await policies('/v1/timeout-policies/history')).toHaveLength(version)
  const { id } = await bodyOf(await server.send('/v1/executions', { body: submission, headers: { prefer: 'wait=10' } }))
  const { decisions } = await bodyOf(await server.send(`/v1/executions/${String(id)}/trace`))
  expect(decisions).toMatchObject({
    timeouts: {
      admission: { version, of: 'critical sync', overallMs: null },
      claims: [{ sequence: 2, version, of: 'critical sync', attemptMs: 5_000 }],
    },
  })
})

test('SE-26 a policy that cannot be meant is refused, and only an admin changes one', async () => {
  await using server = await serving()
  const send = async (body: unknown, headers = {}) =>
    bodyOf(await server.send('/v1/timeout-policies', { body, headers }))
  expect(await send({ ...change, attempt: 'soon' })).toMatchObject({ code: 'invalid_delay' })
  expect(await send({ ...change, attempt: '0s' })).toMatchObject({ code: 'invalid_input' })
  expect(await send({ ...change, overall: '1s' })).toMatchObject({ code: 'invalid_input' })
  expect(await send({ ...change, slaClass: 'Really Important' })).toMatchObject({ code: 'invalid_input' })
  expect(await send({ ...change, reason: '' })).toMatchObject({ code: 'invalid_input' })
  const authorization = `Bearer ${await server.tokenOf('operator')}`
  expect(await send(change, { authorization })).toMatchObject({ code: 'not_permitted' })
})
