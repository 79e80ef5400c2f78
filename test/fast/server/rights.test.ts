import { expect, test } from 'vitest'
import type { Role } from '../../../src/commands/permissions.ts'
import { bodyOf, serving } from './serving.ts'

type Server = Awaited<ReturnType<typeof serving>>

/** A browser or program of somebody: what it sends, and the code of a refusal. */
async function actor(server: Server, role: Role, name: string) {
  const headers = { authorization: `Bearer ${await server.tokenOf(role, name)}` }
  const send = async (path: string, body?: unknown, method?: string) => {
    const response = await server.send(path, {
      headers,
      ...(body === undefined ? {} : { body }),
      ...(method ? { method } : {}),
    })
    return { status: response.status, body: await bodyOf(response) }
  }
  const submit = (action: string, subject: string) =>
    send('/v1/executions', { action, input: action === 'demo.add' ? { a: 1 } : { text: 'x' }, subject })
  return {
    send,
    submit,
    codeOf: async (path: string, body?: unknown, method?: string) => (await send(path, body, method)).body.code,
  }
}
const grant = async (server: Server, body: object) => {
  const response = await server.send('/v1/roles/grants', { body: { reason: 'test', ...body } })
  return { status: response.status, body: await bodyOf(response) }
}

test('SE-32 a grant narrows what a token may do to its actions and subjects, on every route', async () => {
  await using server = await serving({ slots: 0 })
  const alice = await actor(server, 'operator', 'alice')
  const given = await grant(server, {
    principal: 'human:alice',
    role: 'operator',
    actions: 'demo.add',
    subjects: 'quote:*',
  })
  expect(given).toMatchObject({
    status: 201,
    body: { kind: 'grant', actions: ['demo.add'], subjects: ['quote:*'], by: 'human:admin' },
  })
  const mine = await alice.submit('demo.add', 'quote:1')
  expect(mine.status).toBe(201)
  const refused = await alice.submit('demo.echo', 'quote:1')
  expect(refused).toMatchObject({
    status: 403,
    body: {
      code: 'not_permitted',
      detail: expect.stringContaining('human:alice lacks execution.submit for demo.echo on quote:1'),
    },
  })
  expect((await alice.submit('demo.add', 'lead:1')).status).toBe(403)
  const many = await alice.send('/v1/executions/batch', {
    executions: [
      { action: 'demo.add', input: { a: 1 }, subject: 'quote:2' },
      { action: 'demo.add', input: { a: 1 }, subject: 'lead:2' },
    ],
  })
  expect((many.body.items as { status: number }[]).map(({ status }) => status)).toEqual([201, 403])
  const other = await bodyOf(
    await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 }, subject: 'lead:9' } }),
  )
  for (const [id, status] of [
    [mine.body.id, 200],
    [other.id, 403],
  ] as const) {
    expect((await alice.send(`/v1/executions/${id}`)).status).toBe(status)
    expect((await alice.send(`/v1/executions/${id}/cancel`, { reason: 'no' })).status).toBe(status)
    expect((await alice.send(`/v1/executions/${id}/rerun`, {})).status).toBe(status === 200 ? 201 : 403)
  }
  // What concerns all of a tenant needs a grant that is not narrowed.
  for (const path of ['/v1/executions', '/v1/ops', '/v1/events', '/v1/locks'])
    expect((await alice.send(path)).status).toBe(403)
  expect((await alice.send('/v1/pauses', { action: 'demo.echo', reason: 'r' })).status).toBe(403)
  expect((await alice.send('/v1/bulk', { command: 'cancel', query: 'state=queued', reason: 'r' })).status).toBe(403)
  expect(
    (await alice.send('/v1/schedules', { name: 's', action: 'demo.echo', cron: '0 0 * * *', input: {} })).status,
  ).toBe(403)
})

test('SE-32 a change of rights is in force with the next request, and every one of them is on record', async () => {
  await using server = await serving({ slots: 0 })
  const bob = await actor(server, 'admin', 'bob')
  expect((await bob.send('/v1/ops')).status).toBe(200)
  const { body: first } = await grant(server, { principal: 'human:bob', role: 'viewer' })
  expect([(await bob.send('/v1/ops')).status, (await bob.submit('demo.add', 'x')).status]).toEqual([200, 403])
  await server.send(`/v1/roles/grants/${first.version}?reason=left`, { method: 'DELETE' })
  // His token says admin; what he was granted says nothing any more.
  expect((await bob.send('/v1/ops')).status).toBe(403)
  await grant(server, { principal: 'group:ops', role: 'operator' })
  await grant(server, { principal: 'human:bob', role: 'group:ops' })
  expect((await bob.submit('demo.add', 'x')).status).toBe(201)
  const { items } = await bodyOf(await server.send('/v1/roles/history'))
  expect((items as { kind: string; principal: string; by: string; reason: string }[]).slice(-4)).toMatchObject([
    { kind: 'grant', principal: 'human:bob', role: 'viewer', by: 'human:admin', reason: 'test' },
    { kind: 'revoke', principal: 'human:bob', role: 'viewer', ref: String(first.version), reason: 'left' },
    { kind: 'grant', principal: 'group:ops', role: 'operator' },
    { kind: 'grant', principal: 'human:bob', role: 'group:ops' },
  ])
})

test('SE-32 who has lost the right may not replay, rerun or have run what he asked for', async () => {
  await using server = await serving({ slots: 0 })
  const alice = await actor(server, 'operator', 'alice')
  const body = { action: 'demo.add', input: { a: 1 }, key: 'K' }
  const first = await alice.send('/v1/executions', body)
  await grant(server, { principal: 'human:alice', role: 'operator', actions: 'demo.echo' })
  expect((await alice.send('/v1/executions', body)).status).toBe(403)
  expect((await alice.send(`/v1/executions/${first.body.id}`)).status).toBe(403)
})

test('SE-32 a grant that cannot be meant is refused with its code and what to do', async () => {
  await using server = await serving({ slots: 0 })
  const codeOf = async (body: object) => {
    const { code, next } = (await grant(server, body)).body
    expect(next).toBeTypeOf('string')
    return code
  }
  expect(await codeOf({ principal: 'human:x', role: 'emperor' })).toBe('unknown_role')
  expect(await codeOf({ principal: 'x', role: 'viewer' })).toBe('invalid_input')
  expect(await codeOf({ principal: 'system:engine', role: 'viewer' })).toBe('invalid_input')
  expect(await codeOf({ principal: 'agent:bot', role: 'submitter' })).toBe('grant_exceeds_kind')
  expect(await codeOf({ principal: 'agent:bot', role: 'group:ops' })).toBe('grant_exceeds_kind')
  expect(await codeOf({ principal: 'human:x', role: 'viewer', actions: 'nothing.*' })).toBe('invalid_pattern')
  expect(await codeOf({ principal: 'human:x', role: 'viewer', actions: 'demo.*, *x' })).toBe('invalid_pattern')
  expect(await codeOf({ principal: 'human:x', role: 'viewer', subjects: 'a b' })).toBe('invalid_pattern')
  expect(await codeOf({ principal: 'human:x', role: 'viewer', levelMax: 4 })).toBe('invalid_input')
  expect(await codeOf({ principal: 'human:x', role: 'viewer', tenant: 'globex' })).toBe('invalid_input')
  expect(await codeOf({ principal: 'human:admin', role: 'operator' })).toBe('last_admin')
  const define = async (body: object) =>
    (await bodyOf(await server.send('/v1/roles', { body: { reason: 'r', ...body } }))).code
  expect(await define({ role: 'seller', permissions: 'execution.fly' })).toBe('unknown_permission')
  expect(await define({ role: 'operator', permissions: 'ops.read' })).toBe('invalid_input')
  expect(await define({ role: 'seller', permissions: 'none' })).toBe('unknown_role')
  const { body: given } = await grant(server, { principal: 'human:x', role: 'viewer' })
  const foreign = server.pawl.as({ principal: 'human:y', tenant: 'globex', role: 'admin' })
  await expect(foreign.roles.revoke(Number(given.version), 'no')).rejects.toMatchObject({ code: 'not_found' })
  expect(await foreign.roles.holders()).toEqual([])
})

test('SE-32 the last admin can neither narrow himself nor revoke his token until somebody else is one', async () => {
  await using server = await serving({ slots: 0 })
  const [own] = await server.tokens.list('default')
  const revoke = async () => server.send(`/v1/tokens/${own?.id}`, { method: 'DELETE' })
  expect(await bodyOf(await revoke())).toMatchObject({ code: 'last_admin' })
  await server.tokenOf('admin', 'second')
  expect((await grant(server, { principal: 'human:second', role: 'viewer' })).status).toBe(201)
  expect((await revoke()).status).toBe(409)
  await server.tokenOf('admin', 'third')
  expect((await revoke()).status).toBe(200)
  expect((await server.send('/v1/ops')).status).toBe(401)
})

test('SE-32 nobody makes himself more: neither by a grant, nor by a role, nor by a token', async () => {
  await using server = await serving({ slots: 0 })
  const keeper = await actor(server, 'admin', 'keeper')
  const permissions = 'role.list,role.grant,role.revoke,role.define,token.create,execution.submit,execution.get'
  await server.send('/v1/roles', { body: { role: 'keeper', permissions, reason: 'r' } })
  await grant(server, { principal: 'human:keeper', role: 'keeper' })
  const reason = 'mine'
  expect(await keeper.codeOf('/v1/roles/grants', { principal: 'human:keeper', role: 'admin', reason })).toBe(
    'grant_exceeds_own',
  )
  expect(await keeper.codeOf('/v1/roles/grants', { principal: 'human:eve', role: 'operator', reason })).toBe(
    'grant_exceeds_own',
  )
  expect(
    await keeper.codeOf('/v1/roles', { role: 'keeper', permissions: `${permissions},effect.resolve`, reason }),
  ).toBe('grant_exceeds_own')
  expect(await keeper.codeOf('/v1/tokens', { name: 'spare', role: 'admin', principal: 'human:eve' })).toBe(
    'not_permitted',
  )
  expect(
    await keeper.codeOf('/v1/tokens', { name: 'spare', role: 'admin', permissions: 'execution.get' }),
  ).toBeUndefined()
  expect(await keeper.codeOf('/v1/roles', { role: 'reader', permissions: 'execution.get', reason })).toBeUndefined()
  expect(await keeper.codeOf('/v1/roles/grants', { principal: 'human:eve', role: 'reader', reason })).toBeUndefined()
})

test('REL-06b what is denied on an execution is on its record: once, then once a minute for the same', async () => {
  await using server = await serving({ slots: 0 })
  const bot = await actor(server, 'agent', 'bot')
  const { id } = await bodyOf(await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } } }))
  for (const command of ['redrive', 'redrive', 'rerun', 'retry']) {
    expect((await bot.send(`/v1/executions/${id}/${command}`, { reason: 'r' })).status).toBe(403)
  }
  const foreign = server.pawl.as({ principal: 'agent:bot', tenant: 'globex', role: 'agent' })
  await expect(foreign.redrive(String(id), 'r')).rejects.toMatchObject({ code: 'not_permitted' })
  const { items } = await bodyOf(await server.send(`/v1/executions/${id}/events`))
  const told = (items as { type: string; principal: string; data: object }[]).filter(
    ({ type }) => type === 'rbac_violation',
  )
  expect(told).toMatchObject([
    { principal: 'agent:bot', data: { code: 'not_permitted', command: 'redrive', permission: 'execution.redrive' } },
  ])
})

test('SE-32 neither a bulk command nor a replaced submit is a way to what somebody may not do to others', async () => {
  await using server = await serving({ slots: 0 })
  const keeper = await actor(server, 'admin', 'keeper')
  const permissions = 'bulk.create,bulk.get,execution.submit,execution.get,execution.list'
  await server.send('/v1/roles', { body: { role: 'mover', permissions, reason: 'r' } })
  await grant(server, { principal: 'human:keeper', role: 'mover' })
  const later = { action: 'demo.add', key: 'K', delay: '1h' }
  const other = await bodyOf(await server.send('/v1/executions', { body: { ...later, input: { a: 1 } } }))
  expect(await keeper.codeOf('/v1/bulk', { command: 'cancel', query: 'action=demo.add', reason: 'r' })).toBe(
    'not_permitted',
  )
  expect(await keeper.codeOf('/v1/executions', { ...later, input: { a: 2 }, dedupe: 'supersede' })).toBe(
    'not_permitted',
  )
  // The program lets everybody do everything; what was granted narrows that as well.
  const inside = server.pawl.as({ principal: 'human:keeper', tenant: 'default' })
  const replaced = { ...later, action: 'demo.add', input: { a: 2 }, dedupe: 'supersede' } as const
  await expect(inside.submit(replaced)).rejects.toMatchObject({ code: 'not_permitted' })
  expect((await bodyOf(await server.send(`/v1/executions/${other.id}`))).state).toBe('queued')
})

test('SE-32 a bulk command goes no further once whoever gave it has lost the right', async () => {
  await using server = await serving({ slots: 0 })
  const { orders, views } = server.pawl.engine.host
  const { id } = await server.pawl.submit({ action: 'demo.add', input: { a: 1 } })
  const [found] = await views.list({ limit: 1 })
  const { body: given } = await grant(server, { principal: 'human:alice', role: 'operator' })
  const bulk = { tenant: 'default', command: 'cancel', query: 'all', reason: 'r', by: 'human:alice' } as const
  const opened = await orders.give<'bulk_open'>({ kind: 'bulk_open', bulk })
  const key = 'key' in opened ? opened.key : 0
  await orders.give<'bulk_fill'>({ kind: 'bulk_fill', key, executions: [found?.execution.id ?? 0], isLast: true })
  await server.send(`/v1/roles/grants/${given.version}?reason=left`, { method: 'DELETE' })
  const worked = await orders.give<'bulk_work'>({ kind: 'bulk_work', key, limit: 10, admissions: [] })
  expect(worked).toMatchObject({ state: 'done', done: 0, refused: 1 })
  expect(await views.bulkRefusals(key)).toEqual([{ code: 'not_permitted', count: 1 }])
  expect((await server.pawl.get(id)).state).toBe('queued')
})

test('SE-32 a stream tells nothing more to somebody who has lost the right while it is open', async () => {
  await using server = await serving({ slots: 0 })
  const { body: given } = await grant(server, { principal: 'human:alice', role: 'operator' })
  const alice = server.pawl.as({ principal: 'human:alice', tenant: 'default', role: 'operator' })
  const { id } = await server.pawl.submit({ action: 'demo.add', input: { a: 1 } })
  const told: string[] = []
  const watching = (async () => {
    for await (const { type } of alice.watch(id)) {
      told.push(type)
      await server.send(`/v1/roles/grants/${given.version}?reason=left`, { method: 'DELETE' })
      await server.pawl.cancel(id, 'no')
    }
  })()
  await expect(watching).rejects.toMatchObject({ code: 'not_permitted' })
  expect(told).toEqual(['enqueue'])
})
