import { expect, test } from 'vitest'
import { systemRandom } from '../../../src/identity/random.ts'
import { recheckMs } from '../../../src/server/open-answers.ts'
import { Tokens } from '../../../src/server.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { bodyOf, type Served, serving } from './serving.ts'

async function watched(options: Served = {}) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5))
  const server = await serving({ slots: 0, clock, ...options })
  const { id } = await bodyOf(await server.send('/v1/executions', { body: { action: 'demo.add', input: { a: 1 } } }))
  const made = (role = 'operator', more: object = {}) =>
    server.send('/v1/tokens', { body: { name: 'w', role, ...more } }).then(bodyOf)
  /** Another process on the same store. */
  const elsewhere = new Tokens({ host: server.pawl.engine.host, clock, random: systemRandom })
  /** A stream that has told what happened so far; `rest` is what it says until its end. */
  const stream = async (headers: Record<string, string>) => {
    const response = await server.app.request(`/v1/executions/${id}/stream`, { headers })
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (reader !== undefined && !text.includes('"sequence":1')) text += (await reader.read()).value ?? ''
    const rest = async (): Promise<string> => {
      for (let said = ''; ; ) {
        const { done, value } = (await reader?.read()) ?? { done: true, value: undefined }
        if (done) return said
        said += value
      }
    }
    return { rest, status: response.status }
  }
  return Object.assign(server, { clock, id: String(id), made, elsewhere, stream })
}

const bearer = (token: unknown) => ({ authorization: `Bearer ${String(token)}` })
const refused = /event: refused\ndata: \{.*"code":"invalid_token"/

test('SE-32 a token that is revoked ends its open streams at once, and nobody else’s', async () => {
  await using server = await watched()
  const [mine, other] = [await server.made(), await server.made()]
  const [ends, stays] = [await server.stream(bearer(mine.token)), await server.stream(bearer(other.token))]
  await server.send(`/v1/tokens/${mine.id}`, { method: 'DELETE' })
  expect(await ends.rest()).toMatch(refused)
  await server.send(`/v1/executions/${server.id}/cancel`, { body: {} })
  expect(await stays.rest()).toContain('event: end')
})

test('SE-32 what another process revokes ends open streams and long polls here within a second', async () => {
  await using server = await watched()
  const mine = await server.made()
  const stream = await server.stream(bearer(mine.token))
  const poll = server.send(`/v1/executions/${server.id}/wait?timeoutMs=60000`, { headers: bearer(mine.token) })
  await server.elsewhere.revoke(String(mine.id), 'default')
  expect((await server.send('/v1/ops', { headers: bearer(mine.token) })).status).toBe(401)
  await server.clock.advance(recheckMs)
  expect(await stream.rest()).toMatch(refused)
  expect(await bodyOf(await poll)).toMatchObject({ status: 401, code: 'invalid_token' })
})

test('SE-32 a token that runs out, and the old text behind its overlap, end open streams within a second', async () => {
  await using server = await watched()
  const [short, rotated] = [await server.made('operator', { expiresIn: '1h' }), await server.made()]
  const streams = [await server.stream(bearer(short.token)), await server.stream(bearer(rotated.token))]
  const { token } = await bodyOf(await server.send(`/v1/tokens/${rotated.id}/rotate`, { body: { overlap: '1h' } }))
  const old = await server.stream(bearer(rotated.token))
  const renewed = await server.stream(bearer(token))
  server.clock.setForward(3_600_000)
  await server.clock.advance(recheckMs)
  expect(await streams[0]?.rest()).toMatch(refused)
  expect(await old.rest()).toMatch(refused)
  await server.send(`/v1/executions/${server.id}/cancel`, { body: {} })
  expect(await renewed.rest()).toContain('event: end')
})

test('SE-32 signing out ends the streams of that session', async () => {
  await using server = await watched()
  const { path } = await bodyOf(await server.send('/v1/sign-in-links', { body: {} }))
  const cookie = ((await server.app.request(String(path))).headers.get('set-cookie') ?? '').split(';')[0] ?? ''
  const stream = await server.stream({ cookie })
  const own = { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin' }
  await server.app.request('/v1/sign-outs', { method: 'POST', body: '{}', headers: { cookie, ...own } })
  expect(await stream.rest()).toMatch(refused)
})

test('SE-32 a worker whose token is revoked gets no answer to what it waits for, and its claim goes back', async () => {
  await using server = await watched()
  const mine = await server.made('worker')
  const say = (name: string, body: object) => server.send(`/v1/worker/${name}`, { body, headers: bearer(mine.token) })
  const facts = { host: 'h', pid: 1, startedTicks: null, bootId: null }
  const hello = { ...facts, identity: 'w', incarnation: 'i', slots: 1, actions: [{ action: 'demo.echo', version: 1 }] }
  const { worker } = await bodyOf(await say('register', hello))
  expect(worker).toBeTypeOf('number')
  const listening = say('listen', { worker, waitMs: 60_000 })
  const claiming = say('claim', { worker, limit: 1, waitMs: 60_000 })
  await server.clock.advance(1)
  await server.send(`/v1/tokens/${mine.id}`, { method: 'DELETE' })
  expect([(await listening).status, (await claiming).status]).toEqual([401, 401])
  const body = { action: 'demo.echo', input: { text: 't' } }
  const { id } = await bodyOf(await server.send('/v1/executions', { body }))
  await server.clock.advance(1)
  expect(await bodyOf(await server.send(`/v1/executions/${id}`))).toMatchObject({ state: 'queued' })
})

test('SE-32 a token has only so many streams open, and one that ends makes room for the next', async () => {
  await using server = await watched({ limits: { streamsPerToken: 2 } })
  const mine = await server.made()
  const [first] = [await server.stream(bearer(mine.token)), await server.stream(bearer(mine.token))]
  const open = () => server.send(`/v1/executions/${server.id}/stream`, { headers: bearer(mine.token) })
  const third = await open()
  expect([third.status, third.headers.get('retry-after')]).toEqual([429, '1'])
  expect(await bodyOf(third)).toMatchObject({ code: 'rate_limited' })
  // Another token, and short requests of this one, are not held up.
  expect((await server.send('/v1/ops', { headers: bearer(mine.token) })).status).toBe(200)
  await server.send(`/v1/executions/${server.id}/cancel`, { body: {} })
  await first?.rest()
  expect((await open()).status).toBe(200)
})
