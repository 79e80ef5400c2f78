import { expect, test } from 'vitest'
import { commands } from '../../../src/commands/table.ts'
import { heldMax } from '../../../src/commit/rights/sign-ins.ts'
import { systemRandom } from '../../../src/identity/random.ts'
import { Tokens } from '../../../src/server.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { bodyOf, type Served, serving } from './serving.ts'

const hour = 3_600_000
const own = { 'sec-fetch-site': 'same-origin', 'content-type': 'application/json' }

async function browsing(options: Served = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5))
  const server = await serving({ slots: 0, clock, ...options })
  const link = async (token = server.adminToken): Promise<string> => {
    const headers = { authorization: `Bearer ${token}` }
    return String((await bodyOf(await server.send('/v1/sign-in-links', { body: {}, headers }))).path)
  }
  const cookieOf = (response: Response): string => (response.headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const signIn = async (token?: string): Promise<string> => cookieOf(await server.app.request(await link(token)))
  const statusFor = async (cookie: string): Promise<number> =>
    (await server.app.request('/v1/ops', { headers: { cookie } })).status
  const signOut = (cookie: string, body: object) =>
    server.app.request('/v1/sign-outs', { method: 'POST', body: JSON.stringify(body), headers: { cookie, ...own } })
  return Object.assign(server, { clock, link, cookieOf, signIn, statusFor, signOut })
}

test('SE-32 a sign-in link works once, whoever else follows it at the same moment, and for ten minutes', async () => {
  await using server = await browsing()
  const path = await server.link()
  const answers = await Promise.all([1, 2, 3].map(async () => server.app.request(path)))
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 401, 401])
  const late = await server.link()
  server.clock.setForward(600_000)
  expect((await server.app.request(late)).status).toBe(401)
})

test('SE-32 a link that another page opens, or that is fetched ahead, signs nobody in before a person agrees', async () => {
  await using server = await browsing()
  const path = await server.link()
  const headers = [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-purpose': 'prefetch' }]
  for (const each of headers) {
    const asked = await server.app.request(path, { headers: each as Record<string, string> })
    expect([asked.status, asked.headers.get('set-cookie')]).toEqual([200, null])
  }
  expect((await server.app.request(path, { method: 'HEAD' })).headers.get('set-cookie')).toBeNull()
  const body = new URLSearchParams({ ticket: path.split('=')[1] ?? '' })
  const agree = (site: string) =>
    server.app.request('/signin', { method: 'POST', body, headers: { 'sec-fetch-site': site } })
  expect((await agree('cross-site')).status).toBe(403)
  const agreed = await agree('same-origin')
  expect(await server.statusFor(server.cookieOf(agreed))).toBe(200)
})

test('SE-32 a session begins with a secret of its own: none that the browser brought is ever taken over', async () => {
  await using server = await browsing()
  const known = `pawl_session=pawls_${'a'.repeat(43)}`
  const answer = await server.app.request(await server.link(), { headers: { cookie: known } })
  expect(server.cookieOf(answer)).not.toBe(known)
  expect([await server.statusFor(known), await server.statusFor(server.cookieOf(answer))]).toEqual([401, 200])
  // The ticket of the link is no session, and the session is no ticket.
  const path = await server.link()
  expect(await server.statusFor(`pawl_session=${path.split('=')[1]}`)).toBe(401)
  const secret = server.cookieOf(answer).split('=')[1]
  expect((await server.app.request(`/signin?ticket=${secret}`)).status).toBe(401)
})

test('SE-32 a session is the same in every process on the store, and rows hold only its hash', async () => {
  await using server = await browsing()
  const cookie = await server.signIn()
  const { host, clock } = server.pawl.engine
  const other = new Tokens({ host, clock, random: systemRandom })
  const secret = cookie.split('=')[1] ?? ''
  expect(await other.session(secret)).toMatchObject({ principal: 'human:admin', role: 'admin' })
  expect(await other.signOut({ principal: 'human:admin', tenant: 'default' }, true)).toBe(1)
  expect(await server.statusFor(cookie)).toBe(401)
})

test('SE-32 a session ends when nobody uses it for an hour, and after twelve hours in any case', async () => {
  await using server = await browsing()
  const [used, idle] = [await server.signIn(), await server.signIn()]
  let hours = 0
  for (; hours < 11.5; hours += 0.5) {
    server.clock.setForward(hour / 2)
    expect(await server.statusFor(used)).toBe(200)
    // A commit behind the one that notes the use.
    await server.link()
    if (hours >= 0.5) expect(await server.statusFor(idle)).toBe(401)
  }
  server.clock.setForward(hour / 2)
  expect(await server.statusFor(used)).toBe(401)
})

test('SE-32 a session ends with the token that it began with, however that ends', async () => {
  await using server = await browsing()
  const made = async () =>
    bodyOf(await server.send('/v1/tokens', { body: { name: 'n', role: 'admin', expiresIn: '40m' } }))
  const [revoked, rotated, overlapping, expiring] = [await made(), await made(), await made(), await made()]
  const cookies = await Promise.all(
    [revoked, rotated, overlapping, expiring].map(({ token }) => server.signIn(String(token))),
  )
  const statuses = () => Promise.all(cookies.map((cookie) => server.statusFor(cookie)))
  expect(await statuses()).toEqual([200, 200, 200, 200])
  await server.send(`/v1/tokens/${revoked.id}`, { method: 'DELETE' })
  await server.send(`/v1/tokens/${rotated.id}/rotate`, { body: {} })
  await server.send(`/v1/tokens/${overlapping.id}/rotate`, { body: { overlap: '20m' } })
  expect(await statuses()).toEqual([401, 401, 200, 200])
  server.clock.setForward(20 * 60_000)
  expect(await statuses()).toEqual([401, 401, 401, 200])
  server.clock.setForward(20 * 60_000)
  expect(await statuses()).toEqual([401, 401, 401, 401])
})

test('SE-32 signing out ends this session; signing out everywhere all of the principal, unused links included', async () => {
  await using server = await browsing()
  const [here, there, third] = [await server.signIn(), await server.signIn(), await server.signIn()]
  const other = await server.signIn(await server.tokenOf('viewer'))
  const unused = await server.link()
  const page = {
    method: 'POST',
    headers: { cookie: here, 'sec-fetch-site': 'same-origin', 'content-type': 'application/x-www-form-urlencoded' },
  }
  const left = await server.app.request('/signout', page)
  expect(left.headers.get('set-cookie')).toContain('Max-Age=0')
  expect([await server.statusFor(here), await server.statusFor(there)]).toEqual([401, 200])
  expect(await bodyOf(await server.signOut(there, { everywhere: true }))).toEqual({ ended: 3 })
  const all = [there, third, other].map((cookie) => server.statusFor(cookie))
  expect(await Promise.all(all)).toEqual([401, 401, 200])
  expect((await server.app.request(unused)).status).toBe(401)
})

test('SE-32 no page elsewhere and no other content type changes anything with the session of a browser', async () => {
  await using server = await browsing()
  const cookie = await server.signIn()
  const { views } = server.pawl.engine.host
  const before = [await views.headPosition(), (await views.tokens()).length]
  const from: Record<string, string>[] = [
    {},
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none' },
    { origin: 'http://evil.test' },
    { origin: 'null' },
    { origin: 'http://localhost.evil.test' },
    { 'sec-fetch-site': 'cross-site', origin: 'http://localhost' },
    { 'sec-fetch-site': 'same-origin', origin: 'http://evil.test' },
  ]
  for (const { http, name } of commands.filter((command) => command.http.method !== 'GET')) {
    const path = http.path.replaceAll(/\{\w+\}/g, 'some-id')
    const body = http.method === 'POST' ? '{}' : null
    for (const headers of from) {
      const sent = { cookie, 'content-type': 'application/json', ...headers }
      const { status } = await server.app.request(path, { method: http.method, body, headers: sent })
      expect([name, headers, status]).toEqual([name, headers, 403])
    }
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
      const sent = { cookie, 'sec-fetch-site': 'same-origin', 'content-type': type }
      const { status } = await server.app.request(path, { method: http.method, body, headers: sent })
      expect([name, type, status]).toEqual([name, type, 415])
    }
  }
  expect([await views.headPosition(), (await views.tokens()).length]).toEqual(before)
  const pause = await server.app.request('/v1/pauses', {
    method: 'POST',
    body: '{"reason":"r"}',
    headers: { cookie, ...own },
  })
  expect(pause.status).toBe(200)
})

test('SE-32 over https the cookie is bound to the host and browsers are told to stay there; over http neither', async () => {
  await using server = await browsing()
  const plain = await server.app.request(await server.link())
  expect(plain.headers.get('set-cookie')).toMatch(
    /^pawl_session=pawls_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200$/,
  )
  expect(plain.headers.get('strict-transport-security')).toBeNull()
  const secure = await server.app.request(`https://pawl.test${await server.link()}`)
  expect(secure.headers.get('set-cookie')).toMatch(
    /^__Host-pawl_session=pawls_[\w-]{43}; HttpOnly; SameSite=Strict; Path=\/; Max-Age=43200; Secure$/,
  )
  expect(secure.headers.get('strict-transport-security')).toBe('max-age=31536000')
  const secret = server.cookieOf(secure).split('=')[1]
  const asked = (cookie: string) => server.app.request('https://pawl.test/v1/ops', { headers: { cookie } })
  // A cookie that any subdomain could have set is not the one that this server gives.
  expect((await asked(`pawl_session=${secret}`)).status).toBe(401)
  expect((await asked(`__Host-pawl_session=${secret}`)).status).toBe(200)
})

test('SE-32 only a trusted proxy says whether the browser speaks https and what its address is', async () => {
  await using server = await browsing({ limits: { trustedProxies: ['10.0.0.0/8', '::1'] } })
  const forwarded = { 'x-forwarded-proto': 'https', 'x-forwarded-for': '203.0.113.9, 198.51.100.7, 10.1.1.1' }
  const ask = (remoteAddress: string) => {
    const incoming = { rawHeaders: [], socket: { remoteAddress } }
    return server.app.request('/healthz', { headers: forwarded }, { incoming })
  }
  const addressOf = (): unknown => (JSON.parse(server.lines.at(-1) ?? '{}') as { address?: unknown }).address
  for (const proxy of ['10.2.3.4', '::ffff:10.2.3.4', '::1']) {
    expect((await ask(proxy)).headers.has('strict-transport-security')).toBe(true)
    // The one before the trusted proxies: what stands further left anybody could have written.
    expect(addressOf()).toBe('198.51.100.7')
  }
  expect((await ask('192.0.2.1')).headers.has('strict-transport-security')).toBe(false)
  expect(addressOf()).toBe('192.0.2.1')
})

test('SE-32 a principal has a hundred sessions and links at most; the oldest end first', async () => {
  await using server = await browsing()
  const first = await server.signIn()
  server.clock.setForward(1)
  const next = await server.signIn()
  const other = await server.signIn(await server.tokenOf('viewer'))
  server.clock.setForward(1)
  const links = await Promise.all(Array.from({ length: heldMax - 1 }, () => server.link()))
  const both = [first, next, other].map((cookie) => server.statusFor(cookie))
  expect(await Promise.all(both)).toEqual([401, 200, 200])
  expect(server.cookieOf(await server.app.request(links[0] ?? ''))).toMatch(/^pawl_session=pawls_/)
})
