import { expect, test } from 'vitest'
import { Refused, refuse } from '../errors/refusal.ts'
import { VirtualClock } from '../time/clock.ts'
import { Breaker } from './breaker.ts'
import type { Carrier } from './carrier.ts'

/** A server that a test takes away and brings back. */
function world() {
  const clock = new VirtualClock()
  const said: string[] = []
  const seen: string[] = []
  const server = { state: 'up' as 'up' | 'away' | 'silent' | 'wrong', tries: 0, closed: 0 }
  const live: ((why: string) => void)[] = []
  const connect = (): Promise<Carrier> => {
    server.tries += 1
    if (server.state === 'wrong') throw new Refused(refuse('redis_denied', 'Redis does not let this user in.'))
    if (server.state !== 'up') return Promise.reject(new Error('connect ECONNREFUSED'))
    const failed = Promise.withResolvers<string>()
    live.push(failed.resolve)
    return Promise.resolve({
      failed: failed.promise,
      send: () => Promise.resolve(),
      bury: () => Promise.resolve(),
      recall: () => Promise.resolve(),
      pull: () => {},
      probe: () => (server.state === 'up' ? Promise.resolve() : new Promise(() => {})),
      close: () => {
        server.closed += 1
        return Promise.resolve()
      },
    })
  }
  const breaker = new Breaker({
    connect,
    clock,
    random: { next: () => 1 },
    log: (level, message) => void said.push(`${level} ${message}`),
  })
  return {
    clock,
    said,
    seen,
    server,
    live,
    breaker,
    listen: () => breaker.listen((carrier) => seen.push(carrier === null ? 'none' : 'one')),
  }
}

test('SE-50 a server that answers nothing any more is given up after the time of an answer, and looked for with growing pauses', async () => {
  const { clock, said, seen, server, breaker, listen } = world()
  await breaker.open()
  listen()
  expect(breaker.status()).toEqual({ isUp: true })
  server.state = 'silent'
  await clock.advance(1_000)
  expect(said).toEqual([])
  await clock.advance(2_000)
  expect(said).toEqual(['warn Redis is away: no answer for 2 s. Work is found in the store until it is back.'])
  expect(breaker.status()).toMatchObject({ isUp: false, why: 'no answer for 2 s' })
  const at: number[] = []
  for (let ms = 0; ms < 60_000; ms += 500) {
    const before = server.tries
    await clock.advance(500)
    if (server.tries > before) at.push(ms + 500)
  }
  expect(at).toEqual([500, 1_500, 3_500, 7_500, 15_500, 30_500, 45_500])
  server.state = 'up'
  await clock.advance(15_000)
  expect(said.slice(1)).toEqual(['info Redis is back: work is dispatched through it again.'])
  expect(seen).toEqual(['one', 'none', 'one'])
  await breaker.close()
  expect(server.closed).toBe(2)
})

test('SE-50 a connection that breaks is given up at once, and a failure of one that was given up before says nothing', async () => {
  const { clock, said, seen, live, breaker, listen } = world()
  await breaker.open()
  listen()
  const first = breaker.carrier as Carrier
  live[0]?.('Connection is closed.')
  await clock.advance(0)
  expect(said).toEqual(['warn Redis is away: Connection is closed. Work is found in the store until it is back.'])
  await clock.advance(500)
  breaker.fail(first, new Error('late'))
  await clock.advance(0)
  expect(seen).toEqual(['one', 'none', 'one'])
  expect(said.length).toBe(2)
  await breaker.close()
})

test('SE-50 what somebody has to correct is refused at the start, and at run time said like any outage', async () => {
  const { clock, said, server, live, breaker, listen } = world()
  server.state = 'wrong'
  await expect(breaker.open()).rejects.toThrow('does not let this user in')
  server.state = 'up'
  await breaker.open()
  listen()
  server.state = 'wrong'
  live[0]?.('the connection was closed')
  await clock.advance(5_000)
  expect(breaker.status()).toMatchObject({ isUp: false, why: 'Redis does not let this user in' })
  expect(said.length).toBe(1)
  await breaker.close()
})

test('SE-50 a server that is away at the start is looked for further on', async () => {
  const { clock, said, server, breaker } = world()
  server.state = 'away'
  await breaker.open()
  expect(said).toEqual(['warn Redis is away: connect ECONNREFUSED. Work is found in the store until it is back.'])
  server.state = 'up'
  await clock.advance(500)
  expect(breaker.status()).toEqual({ isUp: true })
  await breaker.close()
})
