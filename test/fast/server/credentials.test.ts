import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { commands } from '../../../src/commands/table.ts'
import { bodyOf, serving } from './serving.ts'

const pathOf = (path: string): string => path.replaceAll(/\{\w+\}/g, 'some-id')

test('SE-34 a request shows one thing to be let in with, in its place; everything else is a refusal with code, reason and next step', async () => {
  await using server = await serving({ slots: 0 })
  const { path } = await bodyOf(await server.send('/v1/sign-in-links', { body: {} }))
  const cookie = ((await server.app.request(String(path))).headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const token = server.adminToken
  const bearer = `Bearer ${token}`
  const other = cookie.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  const cases: [string, string, Record<string, string>, number, string][] = [
    ['nothing', '/v1/ops', {}, 401, 'not_signed_in'],
    ['a session that is none', '/v1/ops', { cookie: other }, 401, 'not_signed_in'],
    ['two tokens', '/v1/ops', { authorization: `${bearer}, ${bearer}` }, 400, 'ambiguous_credentials'],
    ['token and session', '/v1/ops', { authorization: bearer, cookie }, 400, 'ambiguous_credentials'],
    ['two sessions', '/v1/ops', { cookie: `${cookie}; ${other}` }, 400, 'ambiguous_credentials'],
    ['another scheme', '/v1/ops', { authorization: `Basic ${btoa(`x:${token}`)}` }, 401, 'invalid_token'],
    ['no scheme', '/v1/ops', { authorization: token }, 401, 'invalid_token'],
    ['no token', '/v1/ops', { authorization: 'Bearer' }, 401, 'invalid_token'],
    ['two words', '/v1/ops', { authorization: `${bearer} x` }, 401, 'invalid_token'],
    ['a token as session', '/v1/ops', { cookie: `pawl_session=${token}` }, 401, 'not_signed_in'],
    ['a session as token', '/v1/ops', { authorization: `Bearer ${cookie.split('=')[1]}` }, 401, 'invalid_token'],
    ['a token in the address', `/v1/ops?token=${token}`, {}, 400, 'token_in_address'],
    ['and in the header', `/v1/ops?access_token=${token}`, { authorization: bearer }, 400, 'token_in_address'],
    ['under another name', `/v1/executions?query=${token}`, { authorization: bearer }, 400, 'token_in_address'],
    ['as a name', `/v1/ops?${token}`, { authorization: bearer }, 400, 'token_in_address'],
    ['at the page', `/?token=${token}`, {}, 400, 'token_in_address'],
    ['a cut token', '/v1/ops', { authorization: bearer.slice(0, -1) }, 401, 'invalid_token'],
  ]
  for (const [what, where, headers, status, code] of cases) {
    const answer = await server.app.request(where, { headers })
    expect([what, answer.status]).toEqual([what, status])
    if (where.startsWith('/?')) continue
    expect(answer.headers.get('content-type')).toBe('application/problem+json')
    expect([what, await bodyOf(answer)]).toMatchObject([what, { code, next: expect.stringMatching(/\w/) }])
  }
})

test('SE-34 no part of a token, a session or a link is in the log or in an answer, however it was sent', async () => {
  await using server = await serving({ slots: 0 })
  const { path } = await bodyOf(await server.send('/v1/sign-in-links', { body: {} }))
  const session = ((await server.app.request(String(path))).headers.get('set-cookie') ?? '').split(/[=;]/)[1] ?? ''
  const secrets = [server.adminToken.split('_')[2] ?? '', session, String(path).split('=')[1] ?? '']
  const ways = secrets.flatMap((secret): [string, RequestInit][] => {
    const text = secret === secrets[0] ? server.adminToken : secret
    return [
      [`/v1/ops?token=${text}`, {}],
      [`/${text}`, {}],
      [`/v1/executions/${text}`, { headers: { authorization: `Bearer ${text}x` } }],
      ['/v1/ops', { headers: { authorization: `Basic ${text}` } }],
      ['/v1/ops', { headers: { authorization: text } }],
      ['/v1/ops', { headers: { cookie: `pawl_session=${text}; pawl_session=${text}` } }],
      ['/v1/executions', { method: 'POST', body: `{"${text}`, headers: { authorization: `Bearer ${text}` } }],
      [`/signin?ticket=${text}`, {}],
    ]
  })
  const said: string[] = []
  for (const [where, init] of ways) said.push(await (await server.app.request(where, init)).text())
  for (const secret of secrets) {
    expect(server.lines.join('')).not.toContain(secret)
    expect(JSON.stringify(await server.pawl.engine.host.views.tokens())).not.toContain(secret)
  }
  // What stands in a path is given back to whoever sent it, and to nobody else.
  const given = said.filter((_, index) => !ways[index]?.[0].startsWith('/pawl'))
  for (const secret of secrets) expect(given.join('')).not.toContain(secret)
})

test('SE-32 a token that nobody has and one with a wrong secret are answered by the same work with the same words', async () => {
  await using server = await serving({ slots: 0 })
  const real = await server.tokenOf('viewer')
  const revoked = await bodyOf(await server.send('/v1/tokens', { body: { name: 'r', role: 'viewer' } }))
  await server.send(`/v1/tokens/${revoked.id}`, { method: 'DELETE' })
  const { newTokenText, readTokenText } = await import('../../../src/server/token-text.ts')
  const { systemRandom } = await import('../../../src/identity/random.ts')
  const texts = [
    newTokenText(systemRandom).text,
    newTokenText(systemRandom, readTokenText(real)?.id).text,
    String(revoked.token),
  ]
  const lookups = vi.spyOn(server.pawl.engine.host.views, 'token')
  const answers: unknown[] = []
  for (const text of texts) {
    const response = await server.send('/v1/ops', { headers: { authorization: `Bearer ${text}` } })
    answers.push({ ...(await bodyOf(response)), instance: '', status: response.status })
    expect(lookups).toHaveBeenCalledTimes(answers.length)
  }
  expect(answers[1]).toEqual(answers[0])
  expect(answers[2]).toEqual(answers[0])
})

test('SE-32 whatever stands in the headers of a request, it lets nobody in and breaks nothing', async () => {
  await using server = await serving({ slots: 0 })
  const text = fc.string({ maxLength: 200 }).filter((each) => /^[\x20-\x7e]*$/.test(each))
  const scheme = fc.constantFrom('Bearer ', 'bearer  ', 'Basic ', '', 'Bearer pawl_')
  await fc.assert(
    fc.asyncProperty(scheme, text, text, async (start, authorization, cookie) => {
      const headers = { authorization: `${start}${authorization}`, cookie: `pawl_session=${cookie}` }
      for (const each of [headers, { authorization: headers.authorization }, { cookie: headers.cookie }]) {
        const { status } = await server.app.request('/v1/ops', { headers: each })
        expect([400, 401]).toContain(status)
      }
    }),
    { numRuns: 100 },
  )
})

test('SE-33 every route that a token of another tenant asks says nothing of this one', async () => {
  await using server = await serving({ slots: 0 })
  const submit = { action: 'demo.add', input: { a: 7 }, key: 'canary-key', subject: 'canary:1' }
  const { id } = await bodyOf(await server.send('/v1/executions', { body: submit }))
  await server.send('/v1/pauses', { body: { subject: 'canary:1', reason: 'canary-reason' } })
  await server.send('/v1/tokens', { body: { name: 'canary-token', role: 'viewer' } })
  await server.send('/v1/schedules', {
    body: { name: 'canary-schedule', action: 'demo.add', input: { a: 1 }, cron: '0 0 * * *' },
  })
  const made = await server.tokens.create({
    name: 'spy',
    principal: 'human:spy',
    tenant: 'globex',
    role: 'admin',
    expiresAt: null,
  })
  const headers = { authorization: `Bearer ${'token' in made ? made.token : ''}` }
  const stateBefore = (await bodyOf(await server.send(`/v1/executions/${id}`))).stateVersion
  for (const { http, name } of commands) {
    const names: Record<string, string> = { key: 'canary-key', name: 'canary-schedule' }
    const where = http.path.replaceAll(/\{(\w+)\}/g, (_, field: string) => names[field] ?? String(id))
    const body = http.method === 'POST' ? JSON.stringify({ reason: 'r' }) : null
    const response = await server.app.request(where, { method: http.method, body, headers })
    expect([name, response.status < 500]).toEqual([name, true])
    const told = await response.text()
    const asked = [String(id), 'canary-key', 'canary-schedule']
    expect([name, asked.reduce((left, each) => left.replaceAll(each, ''), told)]).not.toEqual([
      name,
      expect.stringContaining('canary'),
    ])
    if (response.ok) expect([name, told.includes(String(id))]).toEqual([name, false])
  }
  expect((await bodyOf(await server.send(`/v1/executions/${id}`))).stateVersion).toBe(stateBefore)
})

test('SE-32 every route but the few public ones refuses whoever is not signed in, and public ones say nothing of a tenant', async () => {
  await using server = await serving({ slots: 0 })
  await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 7 }, subject: 'canary:1' } })
  const open = new Map([
    ['GET /healthz', 200],
    ['GET /readyz', 200],
    ['GET /openapi.json', 200],
    ['GET /static/live.js', 200],
    ['GET /static/page.css', 200],
    ['GET /signin', 401],
    // The page of whoever is not signed in, without a cookie to take away.
    ['POST /signin', 403],
    ['POST /signout', 200],
  ])
  const routes = new Set(
    server.app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method} ${path}`),
  )
  expect([...open.keys()].filter((route) => !routes.has(route))).toEqual([])
  for (const route of routes) {
    const [method = '', path = ''] = route.split(' ')
    const response = await server.app.request(pathOf(path.replaceAll(/:\w+/g, 'some-id')), { method })
    expect([route, response.status]).toEqual([route, open.get(route) ?? 401])
    expect(await response.text()).not.toContain('canary')
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(response.headers.get('content-security-policy')).toMatch(/default-src 'none'.*frame-ancestors 'none'/)
    expect(response.headers.get('content-security-policy')).not.toContain('unsafe')
    expect(response.headers.get('referrer-policy')).toBe('no-referrer')
    expect(response.headers.get('cache-control')).toBe(path.startsWith('/static/') ? 'max-age=60' : 'no-store')
  }
  const preflight = await server.app.request('/v1/executions', {
    method: 'OPTIONS',
    headers: { origin: 'http://evil.test' },
  })
  expect([preflight.status, preflight.headers.get('access-control-allow-origin')]).toEqual([404, null])
})
