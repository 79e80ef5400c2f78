import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { connect } from '../../../src/client.ts'
import type { openapi } from '../../../src/commands/openapi.ts'
import { commands } from '../../../src/commands/table.ts'
import { DatabaseError } from '../../../src/errors/failures.ts'
import { recheckMs } from '../../../src/server/open-answers.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { bodyOf, serving } from './serving.ts'

const pathOf = (path: string): string => path.replaceAll(/\{\w+\}/g, 'some-id-or-key')

test('nobody is anonymous: every route of a command refuses a request without a valid token', async () => {
  await using server = await serving({ slots: 0 })
  const { app } = server
  for (const { http } of commands) {
    const without = await app.request(pathOf(http.path), { method: http.method })
    const invalid = await app.request(pathOf(http.path), {
      method: http.method,
      headers: { authorization: 'Bearer nonsense' },
    })
    expect([without.status, invalid.status]).toEqual([401, 401])
    expect(without.headers.get('www-authenticate')).toContain('Bearer')
  }
  expect((await app.request('/v1/worker/claim', { method: 'POST' })).status).toBe(401)
  expect((await app.request('/')).status).toBe(401)
  expect((await app.request('/healthz')).status).toBe(200)
  expect((await app.request('/readyz')).status).toBe(200)
})

test('REL-06b an agent is denied every command beyond its own over HTTP, and each denial is logged', async () => {
  await using server = await serving({ slots: 0 })
  const headers = { authorization: `Bearer ${await server.tokenOf('agent', 'planner')}` }
  const submit = (as: Record<string, string> = {}) =>
    server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } }, headers: as })
  const own = await bodyOf(await submit(headers))
  const others = await bodyOf(await submit())
  const allowed = new Set(['submit', 'submit-many', 'status', 'events', 'wait', 'stream', 'cancel'])
  for (const { name, http } of commands.filter((command) => !allowed.has(command.name))) {
    const body = http.method === 'POST' ? { body: {} } : {}
    const { status } = await server.send(pathOf(http.path), { ...body, method: http.method, headers })
    expect([name, status]).toEqual([name, 403])
  }
  expect((await server.send(`/v1/executions/${own.id}`, { headers })).status).toBe(200)
  expect((await server.send(`/v1/executions/${others.id}`, { headers })).status).toBe(403)
  expect((await server.send(`/v1/executions/${others.id}/cancel`, { body: {}, headers })).status).toBe(403)
  expect((await server.send(`/v1/executions/${own.id}/cancel`, { body: {}, headers })).status).toBe(200)
  expect((await server.send('/v1/worker/register', { body: {}, headers })).status).toBe(403)
  const denied = server.lines.filter((line) => line.includes('"event":"rbac_violation"'))
  expect(denied).toHaveLength(commands.length - allowed.size + 3)
})

test('a token is shown once, ends when revoked or expired, and rows never hold its secret', async () => {
  await using server = await serving({ slots: 0 })
  const created = await bodyOf(await server.send('/v1/tokens', { body: { name: 'crm', role: 'viewer' } }))
  const headers = { authorization: `Bearer ${created.token}` }
  expect((await server.send('/v1/ops', { headers })).status).toBe(200)
  const listed = await (await server.send('/v1/tokens')).text()
  const rows = JSON.stringify(await server.pawl.engine.host.views.tokens())
  const secret = String(created.token).split('_')[2] ?? '-'
  expect(`${listed}${rows}${server.lines.join('')}`).not.toContain(secret)
  await server.send(`/v1/tokens/${created.id}`, { method: 'DELETE' })
  expect((await server.send('/v1/ops', { headers })).status).toBe(401)
  const short = await bodyOf(
    await server.send('/v1/tokens', { body: { name: 'short', role: 'viewer', expiresIn: '0ms' } }),
  )
  await new Promise((resolve) => setImmediate(resolve))
  while (Date.parse(String(short.expiresAt)) >= Date.now()) await new Promise((resolve) => setImmediate(resolve))
  expect((await server.send('/v1/ops', { headers: { authorization: `Bearer ${short.token}` } })).status).toBe(401)
})

test('a page shows what others wrote as text', async () => {
  await using server = await serving({ slots: 0 })
  const subject = '<script>alert(1)</script>'
  const { id } = await bodyOf(
    await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 }, subject } }),
  )
  for (const path of ['/', `/executions/${id}`]) {
    const text = await (await server.send(path)).text()
    expect(text).toContain('&lt;script&gt;alert(1)')
    expect(text).not.toContain(subject)
  }
})

test('OpenAPI names every route that a command has, and nothing else', async () => {
  await using server = await serving({ slots: 0 })
  const document = (await bodyOf(await server.app.request('/openapi.json'))) as ReturnType<typeof openapi>
  const described = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method} ${path}`),
  )
  expect(described.sort()).toEqual(commands.map(({ http }) => `${http.method.toLowerCase()} ${http.path}`).sort())
  const served = server.app.routes.map(({ method, path }) => `${method} ${path}`)
  for (const { http } of commands)
    expect(served).toContain(`${http.method} ${http.path.replaceAll(/\{(\w+)\}/g, ':$1')}`)
})

test('an unknown route is a problem with a next step, and every answer carries the security headers', async () => {
  await using server = await serving({ slots: 0 })
  const response = await server.send('/v1/nothing')
  expect(response.status).toBe(404)
  expect(await bodyOf(response)).toMatchObject({ code: 'not_found', next: expect.stringContaining('/openapi.json') })
  expect(response.headers.get('x-content-type-options')).toBe('nosniff')
  expect(response.headers.get('x-frame-options')).toBe('DENY')
})

test('SE-34 whatever a request is named, it writes one line of the log, and that is JSON', async () => {
  await using server = await serving({ slots: 0 })
  const forged = '%0a%7B%22level%22%3A%22info%22%7D%0d%0a%1b%5B31m%E2%80%A8%00'
  for (const path of [`/${forged}`, `/v1/executions/${forged}`, `/v1/ops?${forged}=1`]) {
    const before = server.lines.length
    await server.send(path)
    const written = server.lines.slice(before)
    expect(written).toHaveLength(1)
    for (const line of written) {
      for (const mark of ['\n', '\r', '\u001b', '\u0000']) expect(line.trimEnd()).not.toContain(mark)
      expect(JSON.parse(line)).toMatchObject({ msg: 'request' })
    }
  }
})

test('SE-32 while the store cannot be asked, nobody is let in, and nobody stays for long', async () => {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5))
  await using server = await serving({ slots: 0, clock })
  const { id } = await bodyOf(await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } } }))
  const reader = (await server.send(`/v1/executions/${id}/stream`)).body?.getReader()
  await reader?.read()
  await reader?.read()
  const { views } = server.pawl.engine.host
  const broken = vi.spyOn(views, 'token').mockRejectedValue(new DatabaseError('it is gone'))
  const before = server.lines.length
  const asked = await server.send('/v1/ops')
  expect([asked.status, (await bodyOf(asked)).code]).toEqual([503, 'store_busy'])
  expect(server.lines.slice(before).filter((line) => line.includes('it is gone'))).toHaveLength(1)
  broken.mockRejectedValue(new TypeError('a mistake of ours'))
  const mistaken = await server.send('/v1/ops')
  expect([mistaken.status, (await bodyOf(mistaken)).code]).toEqual([500, 'internal'])
  for (let look = 0; look < 5; look++) await clock.advance(recheckMs)
  const last = new TextDecoder().decode((await reader?.read())?.value)
  expect(last).toContain('event: refused')
  broken.mockRestore()
  expect((await server.send('/v1/ops')).status).toBe(200)
})

test('SE-34 a redirect is not followed, and whoever it leads to gets no token', async () => {
  const asked: string[] = []
  const listen = async (server: Server): Promise<string> => {
    await once(server.listen(0, '127.0.0.1'), 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  const elsewhere = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.end('{}')
  })
  const away = await listen(elsewhere)
  const leading = createServer((_, response) => response.writeHead(307, { location: `${away}/taken` }).end())
  const client = connect({ url: await listen(leading), token: 'pawl_none' })
  await expect(client.ops()).rejects.toThrow(/fetch|server|reach/)
  expect(asked).toEqual([])
  for (const server of [elsewhere, leading]) {
    server.closeAllConnections()
    server.close()
  }
})
