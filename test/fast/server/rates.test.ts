import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Rates } from '../../../src/server/rates.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { bodyOf, type Served, serving } from './serving.ts'

test('no window of any length lets more through than its rate and one burst, and waiting as told is enough', () => {
  const gaps = fc.array(fc.integer({ min: 0, max: 400 }), { minLength: 1, maxLength: 200 })
  fc.assert(
    fc.property(gaps, fc.integer({ min: 1, max: 50 }), fc.integer({ min: 1, max: 20 }), (waits, perSecond, burst) => {
      const clock = new VirtualClock(0)
      const rates = new Rates(clock, { perSecond, burst })
      const taken: number[] = []
      for (const wait of waits) {
        clock.setForward(wait)
        const waitMs = rates.take('k')
        if (waitMs === 0) taken.push(clock.now())
        else {
          clock.setForward(Math.ceil(waitMs))
          expect(rates.take('k')).toBe(0)
          taken.push(clock.now())
        }
      }
      for (const [first, from] of taken.entries()) {
        for (const [count, to] of taken.slice(first).entries())
          expect(count + 1).toBeLessThanOrEqual(burst + ((to - from) * perSecond) / 1000 + 1e-6)
      }
    }),
    { numRuns: 200 },
  )
})

async function limited(limits: NonNullable<Served['limits']>) {
  const clock = new VirtualClock(Date.UTC(2026, 0, 5))
  const server = await serving({ slots: 0, clock, limits })
  const from = (remoteAddress: string, authorization: string) => {
    const incoming = { rawHeaders: [], socket: { remoteAddress } }
    return server.app.request('/v1/ops', { headers: { authorization } }, { incoming })
  }
  const ask = async (token: string, path = '/v1/ops') =>
    server.send(path, { headers: { authorization: `Bearer ${token}` } })
  return Object.assign(server, { clock, from, ask })
}

test('CP-005 a token that asks too often is told when to ask again, and then is answered', async () => {
  await using server = await limited({ tokenRequests: 2 })
  const [one, two] = [await server.tokenOf('viewer'), await server.tokenOf('viewer')]
  const statuses = await Promise.all([1, 2, 3, 4, 5].map(async () => (await server.ask(one)).status))
  expect(statuses).toEqual([200, 200, 200, 200, 429])
  const refused = await server.ask(one)
  expect(refused.headers.get('retry-after')).toBe('1')
  expect(await bodyOf(refused)).toMatchObject({ code: 'rate_limited', next: expect.stringContaining('Retry-After') })
  expect((await server.ask(two)).status).toBe(200)
  server.clock.setForward(1000)
  expect((await server.ask(one)).status).toBe(200)
})

test('SE-33 tokens of one tenant share its rate, and those of another are not touched by it', async () => {
  await using server = await limited({ tenantRequests: 2 })
  const elsewhere = { name: 'a', principal: 'human:a', tenant: 'globex', role: 'viewer', expiresAt: null }
  const made = await server.tokens.create(elsewhere)
  const foreign = 'token' in made ? made.token : ''
  const tokens = [await server.tokenOf('viewer'), await server.tokenOf('operator')]
  for (const [count, status] of [200, 200, 200, 200, 429, 429].entries())
    expect((await server.ask(tokens[count % 2] ?? '')).status).toBe(status)
  expect((await server.ask(foreign)).status).toBe(200)
})

test('CP-005 what a worker says of its work is not counted', async () => {
  await using server = await limited({ tokenRequests: 1, tenantRequests: 1 })
  const headers = { authorization: `Bearer ${await server.tokenOf('worker')}` }
  for (let count = 0; count < 10; count++) {
    const { status } = await server.send('/v1/worker/listen', { body: { worker: 99, waitMs: 0 }, headers })
    expect(status).not.toBe(429)
  }
})

test('SE-32 an address that fails to sign in too often is not looked up any more, and keeps nobody out who was in before', async () => {
  await using server = await limited({ failedSignIns: 3 })
  const [known, unknown] = [await server.tokenOf('viewer'), await server.tokenOf('viewer')]
  const guess = `Bearer ${known.slice(0, 18)}${'x'.repeat(38)}`
  expect((await server.from('192.0.2.1', `Bearer ${known}`)).status).toBe(200)
  const statuses: number[] = []
  for (let count = 0; count < 5; count++) statuses.push((await server.from('192.0.2.1', guess)).status)
  expect(statuses).toEqual([401, 401, 401, 429, 429])
  expect((await server.from('192.0.2.1', `Bearer ${known}`)).status).toBe(200)
  const refused = await server.from('192.0.2.1', `Bearer ${unknown}`)
  expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '20'])
  expect((await server.from('192.0.2.2', `Bearer ${unknown}`)).status).toBe(200)
  server.clock.setForward(20_000)
  expect((await server.from('192.0.2.1', guess)).status).toBe(401)
  expect(server.lines.filter((line) => line.includes('"event":"sign_in_failed"'))).toHaveLength(4)
})

test('SE-32 links that nobody gave count as failed sign-ins, too', async () => {
  await using server = await limited({ failedSignIns: 2 })
  const incoming = { rawHeaders: [], socket: { remoteAddress: '192.0.2.1' } }
  for (let count = 0; count < 2; count++)
    expect((await server.app.request('/signin?ticket=nonsense', {}, { incoming })).status).toBe(401)
  const token = await server.tokenOf('viewer')
  expect((await server.from('192.0.2.1', `Bearer ${token}`)).status).toBe(429)
})
