import { expect, test, vi } from 'vitest'
import { orThrow } from '../../../src/errors/refusal.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { bodyOf, type Served, serving } from './serving.ts'

const at = Date.UTC(2026, 0, 5)
const minute = 60_000

async function atRest(options: Served = {}) {
  const clock = new VirtualClock(at)
  const server = await serving({ slots: 0, clock, ...options })
  const statusFor = async (token: unknown, path = '/v1/ops', more: RequestInit = {}): Promise<number> => {
    const headers = { authorization: `Bearer ${String(token)}` }
    return (await server.app.request(path, { ...more, headers })).status
  }
  const submitAs = (token: unknown, action: string): Promise<number> =>
    statusFor(token, '/v1/executions', { method: 'POST', body: JSON.stringify({ action, input: { a: 1, text: 't' } }) })
  const create = async (body: object) => bodyOf(await server.send('/v1/tokens', { body }))
  const rotate = async (id: unknown, body: object) => bodyOf(await server.send(`/v1/tokens/${id}/rotate`, { body }))
  return Object.assign(server, { clock, statusFor, submitAs, create, rotate })
}

test('SE-32 a mistyped token is refused without a look at the store', async () => {
  await using server = await atRest()
  const token = await server.tokenOf('viewer')
  const lookups = vi.spyOn(server.pawl.engine.host.views, 'token')
  for (const place of [6, 20, token.length - 1]) {
    const wrong = token[place] === 'a' ? 'b' : 'a'
    expect(await server.statusFor(`${token.slice(0, place)}${wrong}${token.slice(place + 1)}`)).toBe(401)
  }
  expect(lookups).toHaveBeenCalledTimes(0)
  expect(await server.statusFor(token)).toBe(200)
  expect(lookups).toHaveBeenCalledTimes(1)
})

test('SE-32 a rotated token has a new text; the old one is good for the overlap, and not for more tokens or sessions', async () => {
  await using server = await atRest()
  const first = await server.create({ name: 'bridge', role: 'admin' })
  const second = await server.rotate(first.id, { overlap: '1h' })
  expect(second).toMatchObject({ id: first.id, rotatedAt: new Date(at).toISOString() })
  expect(second.token).not.toBe(first.token)
  expect([await server.statusFor(first.token), await server.statusFor(second.token)]).toEqual([200, 200])
  const post = { method: 'POST', body: JSON.stringify({}) }
  const named = { method: 'POST', body: JSON.stringify({ name: 'n', role: 'viewer' }) }
  const making = [`/v1/tokens/${first.id}/rotate`, '/v1/sign-in-links', '/v1/tokens']
  const byOld = making.map((path) => server.statusFor(first.token, path, path === '/v1/tokens' ? named : post))
  expect(await Promise.all(byOld)).toEqual([403, 403, 403])
  expect(await server.statusFor(second.token, '/v1/sign-in-links', post)).toBe(201)
  server.clock.setForward(60 * minute)
  expect(await server.statusFor(first.token)).toBe(401)
})

test('SE-32 rotation without overlap ends the old text at once, and a second rotation the one before', async () => {
  await using server = await atRest()
  const first = await server.create({ name: 'bridge', role: 'viewer' })
  const second = await server.rotate(first.id, {})
  expect([await server.statusFor(first.token), await server.statusFor(second.token)]).toEqual([401, 200])
  const third = await server.rotate(first.id, { overlap: '1h' })
  const fourth = await server.rotate(first.id, { overlap: '1h' })
  const all = [first, second, third, fourth].map(({ token }) => server.statusFor(token))
  expect(await Promise.all(all)).toEqual([401, 401, 200, 200])
  await server.send(`/v1/tokens/${first.id}`, { method: 'DELETE' })
  expect(await server.rotate(first.id, {})).toMatchObject({ code: 'invalid_token' })
  expect([await server.statusFor(third.token), await server.statusFor(fourth.token)]).toEqual([401, 401])
  expect(await server.rotate(first.id, { overlap: '8d' })).toMatchObject({ code: 'invalid_delay' })
})

test('SE-32 an expired token is refused from the millisecond of its end', async () => {
  await using server = await atRest()
  const { token } = await server.create({ name: 'short', role: 'viewer', expiresIn: '1h' })
  server.clock.setForward(60 * minute - 1)
  expect(await server.statusFor(token)).toBe(200)
  server.clock.setForward(1)
  expect(await server.statusFor(token)).toBe(401)
})

test('SE-32 when a token was last used is known within a minute, without a write for each request', async () => {
  await using server = await atRest()
  const { id, token } = await server.create({ name: 'ci', role: 'viewer' })
  const { orders, views } = server.pawl.engine.host
  const given = vi.spyOn(orders, 'give')
  for (let second = 0; second < 120; second++) {
    expect(await server.statusFor(token)).toBe(200)
    server.clock.setForward(1000)
  }
  expect(given.mock.calls.filter(([order]) => order.kind === 'token_change' && order.id === id)).toHaveLength(2)
  await server.send('/v1/pauses', { body: { reason: 'a commit behind' } })
  expect((await views.token(String(id)))?.lastUsedAt).toBe(at + minute)
})

test('SE-32 a token that is narrowed does what its scope and its role both allow, and nothing else', async () => {
  await using server = await atRest()
  const permissions = 'execution.submit,execution.get,execution.list,token.create'
  const { token, scope } = await server.create({ name: 'bot', role: 'submitter', permissions, actions: 'demo.add' })
  expect(scope).toEqual({ permissions: permissions.split(','), actions: ['demo.add'] })
  expect([await server.submitAs(token, 'demo.add'), await server.submitAs(token, 'demo.echo')]).toEqual([201, 403])
  const ids = await Promise.all(
    ['demo.add', 'demo.echo'].map(async (action) =>
      String((await bodyOf(await server.send('/v1/executions', { body: { action, input: { a: 1, text: 't' } } }))).id),
    ),
  )
  const seen = ids.map((id) => server.statusFor(token, `/v1/executions/${id}`))
  expect(await Promise.all(seen)).toEqual([200, 403])
  expect(await server.statusFor(token, '/v1/executions?action=demo.add')).toBe(200)
  expect(await server.statusFor(token, '/v1/executions?action=demo.echo')).toBe(403)
  expect(await server.statusFor(token, '/v1/executions')).toBe(403)
  expect(await server.statusFor(token, `/v1/executions/${ids[0]}/events`)).toBe(403)
  const batch = (...actions: string[]) => {
    const executions = actions.map((action) => ({ action, input: { a: 1, text: 't' } }))
    return server.statusFor(token, '/v1/executions/batch', { method: 'POST', body: JSON.stringify({ executions }) })
  }
  expect([await batch('demo.add'), await batch('demo.add', 'demo.echo')]).toEqual([200, 403])
  // The scope names it, the role does not have it.
  const more = { method: 'POST', body: JSON.stringify({ name: 'more', role: 'viewer' }) }
  expect(await server.statusFor(token, '/v1/tokens', more)).toBe(403)
})

test('SE-32 whoever is narrowed makes no token that is not, and gets the text of none', async () => {
  await using server = await atRest()
  const narrow = 'token.create,token.rotate,execution.get'
  const { id, token } = await server.create({ name: 'keeper', role: 'admin', permissions: narrow })
  const wide = await server.create({ name: 'wide', role: 'viewer' })
  const make = async (body: object) => {
    const headers = { authorization: `Bearer ${token}` }
    return bodyOf(await server.send('/v1/tokens', { body, headers }))
  }
  expect(await make({ name: 'n', role: 'admin' })).toMatchObject({ scope: { permissions: narrow.split(',') } })
  expect(await make({ name: 'n', role: 'viewer', permissions: 'execution.get' })).toHaveProperty('token')
  expect(await make({ name: 'n', role: 'viewer', permissions: 'execution.list' })).toMatchObject({
    code: 'not_permitted',
  })
  const post = { method: 'POST', body: '{}' }
  expect(await server.statusFor(token, `/v1/tokens/${wide.id}/rotate`, post)).toBe(403)
  expect(await server.statusFor(token, `/v1/tokens/${id}/rotate`, post)).toBe(200)
  expect(await server.create({ name: 'x', role: 'viewer', permissions: 'execution.fly' })).toMatchObject({
    code: 'invalid_input',
  })
  expect(await server.create({ name: 'x', role: 'worker', actions: 'demo.add' })).toMatchObject({
    code: 'invalid_input',
  })
})

test('SE-32 a revocation and a use that cross leave the token revoked', async () => {
  await using server = await atRest()
  const { tokens } = server
  const { view } = orThrow(
    await tokens.create({ name: 'a', principal: 'human:a', tenant: 'default', role: 'viewer', expiresAt: null }),
  )
  const { orders, views } = server.pawl.engine.host
  const use = { kind: 'token_change', id: view.id, tenant: 'default', change: { type: 'use', at: at + 1 } } as const
  await Promise.all([orders.give(use), tokens.revoke(view.id, 'default'), orders.give({ ...use })])
  expect(await views.token(view.id)).toMatchObject({ revokedAt: at, lastUsedAt: at + 1 })
  expect(orThrow(await tokens.revoke(view.id, 'default')).revokedAt).toBe(new Date(at).toISOString())
  expect(await tokens.revoke(view.id, 'globex')).toMatchObject({ code: 'not_found' })
})

test('SE-32 whoever was granted less than his token says makes no token that does more', async () => {
  await using server = await atRest()
  const keeper = await server.create({ name: 'k', role: 'admin', principal: 'human:kim' })
  const role = { role: 'keeper', permissions: 'token.create,token.rotate,execution.get', reason: 'r' }
  const grant = { principal: 'human:kim', role: 'keeper', reason: 'r' }
  expect((await server.send('/v1/roles', { body: role })).status).toBeLessThan(300)
  expect((await server.send('/v1/roles/grants', { body: grant })).status).toBeLessThan(300)
  const make = (body: object) => ({ method: 'POST', body: JSON.stringify({ name: 'n', role: 'viewer', ...body }) })
  expect(await server.statusFor(keeper.token, '/v1/tokens', make({}))).toBe(403)
  expect(await server.statusFor(keeper.token, '/v1/tokens', make({ permissions: 'execution.get' }))).toBe(201)
  const again = { method: 'POST', body: '{}' }
  expect(await server.statusFor(keeper.token, `/v1/tokens/${keeper.id}/rotate`, again)).toBe(403)
})
