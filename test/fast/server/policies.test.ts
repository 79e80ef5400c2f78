import { expect, test } from 'vitest'
import type { Role } from '../../../src/commands/permissions.ts'
import { bodyOf, serving } from './serving.ts'

type Server = Awaited<ReturnType<typeof serving>>

const rule = { name: 'sums', when: { actions: ['demo.add'] }, require: { level: 'confirm', quorum: 2 } }
const document = { approvals: [rule] }

async function sent(server: Server, path: string, body: unknown, headers: Record<string, string> = {}) {
  const response = await server.send(path, { body, headers })
  return { status: response.status, body: await bodyOf(response) }
}

const refusedChanges = async (server: Server): Promise<unknown[]> => {
  const { items } = (await bodyOf(await server.send('/v1/events'))) as { items: { type: string; data: unknown }[] }
  return items.filter(({ type }) => type === 'policy_refused').map(({ data }) => data)
}

test('SE-31 a policy is set, read, compared and rolled back over HTTP, and If-Match refuses whoever came too late', async () => {
  await using server = await serving({ slots: 0 })
  const set = { document, reason: 'money' }
  const first = await sent(server, '/v1/policies', set, { 'if-match': '"1"' })
  expect(first).toMatchObject({ status: 201, body: { version: 2, active: true, by: 'human:admin', document } })
  const late = await sent(server, '/v1/policies', set, { 'if-match': '"1"' })
  expect(late).toMatchObject({ status: 412, body: { code: 'policy_moved', details: { version: 2 } } })
  const held = await sent(server, '/v1/executions', { action: 'demo.add', input: { a: 1 } })
  expect(held).toMatchObject({ status: 201, body: { state: 'requested', approvalLevel: 'confirm', policyVersion: 2 } })
  expect(await sent(server, '/v1/flags', { name: 'live', value: true, reason: 'go' })).toMatchObject({ status: 201 })
  expect(await bodyOf(await server.send('/v1/flags'))).toMatchObject({ items: [{ name: 'live', value: true }] })
  expect(await bodyOf(await server.send('/v1/policies/2/diff?to=3'))).toMatchObject({
    items: [{ at: 'flags.live', before: null, after: true }],
  })
  expect(await sent(server, '/v1/policies/1/rollback', { reason: 'no' })).toMatchObject({
    status: 201,
    body: { version: 4, kind: 'rollback', restored: 1, document: {} },
  })
  const read = await bodyOf(await server.send('/v1/policies/document?version=2'))
  expect(read).toMatchObject({ version: 2, active: false, document, timeouts: expect.any(Array) })
  expect((await server.send('/v1/policies/document?version=9')).status).toBe(404)
})

test.each<[string, unknown, number, string]>([
  ['invalid JSON', '{"document":{', 400, 'invalid_json'],
  ['no document', { reason: 'x' }, 422, 'invalid_input'],
  ['no reason', { document }, 422, 'invalid_input'],
  ['an unknown field of the command', { document, reason: 'x', activate: true }, 422, 'invalid_input'],
  ['an unknown section', { document: { rules: [] }, reason: 'x' }, 422, 'invalid_policy'],
  [
    'an impossible quorum',
    { document: { approvals: [{ ...rule, require: { quorum: 0 } }] }, reason: 'x' },
    422,
    'invalid_policy',
  ],
  [
    'an unknown group',
    { document: { approvals: [{ ...rule, require: { groups: ['x'] } }] }, reason: 'x' },
    422,
    'unknown_group',
  ],
  [
    'an unknown action',
    { document: { approvals: [{ ...rule, when: { actions: ['x.*'] } }] }, reason: 'x' },
    422,
    'invalid_pattern',
  ],
  ['100 KB', { document: { flags: { a: 'x'.repeat(100_000) } }, reason: 'x' }, 422, 'invalid_policy'],
  ['2 MB', { document: { flags: { a: 'x'.repeat(2_000_000) } }, reason: 'x' }, 413, 'input_too_large'],
])(
  'SE-31 a policy with %s is refused with code and next step, and nothing is changed',
  async (_, body, status, code) => {
    await using server = await serving({ slots: 0 })
    const answer = await sent(server, '/v1/policies', body)
    expect(answer).toMatchObject({ status, body: { code, next: expect.stringMatching(/./) } })
    expect(await bodyOf(await server.send('/v1/policies/document'))).toMatchObject({ version: 1, document: {} })
    // What reached the rules is on record; what was no command at all did not.
    const isCommand = !['invalid_json', 'invalid_input', 'input_too_large'].includes(code)
    expect(await refusedChanges(server)).toMatchObject(isCommand ? [{ command: 'policy set', code }] : [])
  },
)

test('SE-32 nobody but an admin changes a policy over HTTP, and an agent sees none', async () => {
  await using server = await serving({ slots: 0 })
  const statusOf = async (role: Role, path: string, body?: unknown): Promise<number> => {
    const headers = { authorization: `Bearer ${await server.tokenOf(role, role)}` }
    return (await server.send(path, body === undefined ? { headers } : { headers, body })).status
  }
  for (const role of ['operator', 'submitter', 'viewer', 'agent', 'worker'] as const) {
    expect(await statusOf(role, '/v1/policies', { document, reason: 'x' }), role).toBe(403)
    expect(await statusOf(role, '/v1/policies/1/rollback', { reason: 'x' }), role).toBe(403)
    expect(await statusOf(role, '/v1/flags', { name: 'a', value: true, reason: 'x' }), role).toBe(403)
    const sees = role === 'agent' || role === 'worker' ? 403 : 200
    expect(await statusOf(role, '/v1/policies'), role).toBe(sees)
    expect(await statusOf(role, '/v1/policies/document'), role).toBe(sees)
  }
  expect(await bodyOf(await server.send('/v1/policies/document'))).toMatchObject({ version: 1 })
})
