import { expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/config.ts'
import { isRefusal, orThrow } from '../../../src/errors/refusal.ts'
import { createLog, type DeliveryLimits, LogDelivery } from '../../../src/server.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import { type Collector, collecting } from './collector.ts'
import { add, serving } from './serving.ts'

interface Delivering {
  readonly collector: Collector
  readonly query?: string
  readonly token?: string
  readonly limits?: Partial<DeliveryLimits>
  readonly secrets?: readonly string[]
}

/** A log as `pawl serve` opens it: each line to standard error, here a list, and to the collector. */
function delivering({ collector, query = '', token, limits, secrets = [] }: Delivering) {
  const clock = new VirtualClock()
  const errors: string[] = []
  let begun = 0
  let ended = 0
  const delivery = new LogDelivery({
    url: `${collector.url}${query}`,
    token,
    clock,
    random: { next: () => 0.5 },
    limits,
    say: (level, message, fields) => log[level](fields, message),
    async fetch(...args) {
      begun += 1
      try {
        return await fetch(...args)
      } finally {
        ended += 1
      }
    },
  })
  const write = (line: string): void => {
    errors.push(line.trimEnd())
    delivery.take(line)
  }
  const log = createLog({ level: 'info', clock, write, secrets })
  const said = (): string[] => errors.map((line) => (JSON.parse(line) as { msg: string }).msg)
  /** Requests are under way in real time: the clock stands still meanwhile, unless the collector lets one hang. */
  const isBusy = (): boolean => begun > ended && !(collector.asked.length === begun && collector.last() === 'hang')
  const idle = async (): Promise<void> => {
    do await new Promise(setImmediate)
    while (isBusy())
  }
  /** Lets time pass from timer to timer, an hour at most, until it holds while nothing is under way. */
  const until = async (holds: () => boolean): Promise<void> => {
    const endAt = clock.now() + 3_600_000
    for (await idle(); !holds(); await idle()) {
      if (clock.now() > endAt) throw new Error(`after an hour: ${errors.at(-1)}`)
      await clock.runNext()
    }
  }
  return { clock, delivery, log, errors, said, until, idle, begun: () => begun }
}

const fails = 'The log is not delivered elsewhere; its lines wait, and it is tried again.'
const again = 'The log is delivered elsewhere again.'
const drops = 'A line of the log is dropped: it stands here, but not elsewhere. More may be.'

test('CP-006 another system gets the bytes of standard error, in their order, with its token and many in one request', async () => {
  await using collector = await collecting()
  const { delivery, log, errors } = delivering({ collector, token: 't-0123456789' })
  for (let nth = 0; nth < 2_500; nth += 1) log.info({ nth, text: 'ü\n"\u2028' }, 'counted')
  await delivery.close()
  expect(collector.lines()).toEqual(errors)
  expect(errors).toHaveLength(2_500)
  expect(collector.taken.map(({ body }) => body.split('\n').length - 1)).toEqual([1_000, 1_000, 500])
  expect(collector.taken[0]?.headers).toMatchObject({
    'content-type': 'application/x-ndjson',
    authorization: 'Bearer t-0123456789',
  })
  expect(delivery.counts()).toEqual({ waiting: 0, dropped: 0 })
})

test('CP-006 lines go as they are written: a few are gathered for a tenth of a second', async () => {
  await using collector = await collecting()
  const { clock, log, errors, begun, until } = delivering({ collector })
  log.info({}, 'first')
  log.info({}, 'second')
  await clock.advance(99)
  expect(begun()).toBe(0)
  await clock.advance(1)
  expect(begun()).toBe(1)
  await until(() => collector.taken.length === 1)
  expect(collector.lines()).toEqual(errors)
})

test.each(['break', 500, 503, 429, 401, 'hang'] as const)(
  'CP-006 nothing is lost while the other system answers with %s: it is said once, tried ever more rarely, and all comes in order',
  async (how) => {
    await using collector = await collecting(() => how)
    const { clock, delivery, log, errors, said, until } = delivering({ collector })
    log.info({ nth: 0 }, 'counted')
    const at: number[] = []
    for (let tries = 1; tries <= 7; tries += 1) {
      await until(() => collector.asked.length === tries)
      at.push(clock.now())
      log.info({ nth: tries }, 'counted')
    }
    const rests = at.slice(1).map((time, index) => time - (at[index] ?? 0) - (how === 'hang' ? 10_000 : 0))
    expect(rests).toEqual([550, 1_100, 2_200, 4_400, 8_800, 16_500])
    expect(said().filter((msg) => msg === fails)).toHaveLength(1)
    collector.behave(() => 200)
    await until(() => said().includes(again) && delivery.counts().waiting === 0)
    expect(collector.lines()).toEqual(errors)
    expect(delivery.counts()).toEqual({ waiting: 0, dropped: 0 })
    await delivery.close()
  },
)

test('SE-34 a redirect is a failure: whoever it leads to gets neither token nor line, and is not named', async () => {
  await using elsewhere = await collecting()
  await using collector = await collecting(() => `${elsewhere.url as `http://${string}`}?key=hidden`)
  const { delivery, log, errors, said, until } = delivering({
    collector,
    query: '?key=unseen',
    token: 't-0123456789',
  })
  log.info({}, 'counted')
  await until(() => collector.asked.length >= 2)
  expect(said()).toContain(fails)
  expect(elsewhere.asked).toEqual([])
  expect(errors.join('\n')).not.toMatch(/hidden|unseen|0123456789/)
  collector.behave(() => 204)
  await until(() => delivery.counts().waiting === 0)
  expect(elsewhere.asked).toEqual([])
  expect(collector.lines()).toEqual(errors)
})

test('CP-006 beyond the buffer new lines are dropped, counted and said once, and what was said before them arrives', async () => {
  await using collector = await collecting(() => 503)
  const { delivery, log, errors, said, until } = delivering({ collector, limits: { bufferBytes: 2_000 } })
  const text = 'x'.repeat(100)
  for (let nth = 0; nth < 50; nth += 1) log.info({ nth, text }, 'counted')
  const { waiting, dropped } = delivery.counts()
  expect(waiting + dropped).toBe(errors.length)
  expect(dropped).toBeGreaterThan(30)
  expect(said().filter((msg) => msg === drops)).toHaveLength(1)
  collector.behave(() => 204)
  await until(() => delivery.counts().waiting === 0 && said().includes(again))
  await until(() => delivery.counts().waiting === 0)
  expect(collector.lines().slice(0, waiting)).toEqual(errors.slice(0, waiting))
  const last = JSON.parse(errors.at(-1) ?? '') as Record<string, unknown>
  expect(last).toMatchObject({ level: 'error', msg: again, dropped: delivery.counts().dropped })
  log.info({}, 'after it')
  await until(() => delivery.counts().waiting === 0)
  expect(collector.lines().at(-1)).toBe(errors.at(-1))
})

test('CP-006 a line that the other system never takes is found by halves and dropped; its neighbours arrive, and nothing feeds itself', async () => {
  await using collector = await collecting(({ body }) => (body.includes('poison') ? 400 : 204))
  const { delivery, log, errors, said, until } = delivering({ collector })
  for (let nth = 0; nth < 100; nth += 1) log.info({ nth }, nth === 37 ? 'poison' : 'counted')
  await until(() => said().includes(again) && delivery.counts().waiting === 0)
  expect(delivery.counts().dropped).toBe(1)
  expect(collector.lines()).toEqual(errors.filter((line) => !line.includes('poison')))
  collector.behave(() => 413)
  log.info({}, 'one')
  await until(() => delivery.counts().dropped >= 5 || delivery.counts().waiting === 0)
  expect(said().filter((msg) => msg === drops)).toHaveLength(2)
  expect(errors.length).toBeLessThan(105)
})

test('CP-006 the end of a process delivers what waits at once, also what has failed before', async () => {
  await using collector = await collecting(() => 500)
  const { delivery, log, errors, until, idle } = delivering({ collector })
  log.info({ nth: 0 }, 'counted')
  await until(() => collector.asked.length >= 5)
  log.info({ nth: 1 }, 'counted')
  collector.behave(() => 204)
  // No time passes any more: the rest between two tries is cut short.
  const closed = delivery.close()
  await idle()
  expect(delivery.counts().waiting).toBe(0)
  await closed
  expect(delivery.counts()).toEqual({ waiting: 0, dropped: 0 })
  expect(collector.lines()).toEqual(errors)
})

test('CP-006 an other system that hangs holds up the end for its bound and no longer, and what is left behind is said', async () => {
  await using collector = await collecting(() => 'hang')
  const { clock, delivery, log, errors, until } = delivering({ collector })
  log.info({}, 'counted')
  await until(() => collector.asked.length === 1)
  const startedAt = clock.now()
  let isOver = false
  const closed = delivery.close().then(() => {
    isOver = true
  })
  await clock.advance(4_999)
  expect(isOver).toBe(false)
  await clock.advance(1)
  await expect.poll(() => isOver).toBe(true)
  await closed
  expect(clock.now() - startedAt).toBe(5_000)
  expect(JSON.parse(errors.at(-1) ?? '')).toMatchObject({ level: 'error', lines: 1 })
  expect(clock.pending()).toBe(0)
  log.info({}, 'nobody is there any more')
  expect(delivery.counts()).toEqual({ waiting: 0, dropped: 1 })
})

test('SE-34 what leaves is masked as standard error is, its own token included', async () => {
  await using collector = await collecting()
  const { delivery, log } = delivering({ collector, token: 'collector-token', secrets: ['collector-token'] })
  log.info({ authorization: 'Bearer abc.def', text: 'collector-token' }, 'pawl_abcdefghijkl_0123456789ABCDEFghij')
  await delivery.close()
  expect(collector.lines()[0]).toContain('pawl_abcdefghijkl_[masked]')
  expect(collector.taken[0]?.body).not.toMatch(/abc\.def|collector-token|0123456789/)
})

test('CP-006 a system that hangs delays no answer, and metrics say what waits and what was dropped', async () => {
  await using collector = await collecting(() => 'hang')
  const { delivery, log, until } = delivering({ collector, limits: { bufferBytes: 1_000 } })
  await using server = await serving({ log, delivery })
  await server.send('/v1/executions', { body: { action: add.name, input: { a: 1 } } })
  await until(() => collector.asked.length === 1)
  for (let nth = 0; nth < 10; nth += 1) {
    const answer = await server.send('/v1/executions', { body: { action: add.name, input: { a: nth } } })
    expect(answer.status).toBe(201)
  }
  const text = await (await server.send('/metrics')).text()
  const { waiting, dropped } = delivery.counts()
  expect(waiting).toBeGreaterThan(0)
  expect(dropped).toBeGreaterThan(5)
  expect(text).toContain(`# TYPE pawl_log_lines_dropped_total counter\npawl_log_lines_dropped_total ${dropped - 1}\n`)
  expect(text).toContain(`# TYPE pawl_log_lines_waiting gauge\npawl_log_lines_waiting ${waiting}\n`)
})

test.each([
  ['logs.internal/lines', 'must begin with https://'],
  ['ftp://logs.internal', 'must begin with https://'],
  ['http://logs.internal/lines', 'must begin with https://'],
  ['http://127.0.0.1.evil.example/', 'must begin with https://'],
  ['https://user:hidden@logs.internal/', 'PAWL_LOG_TOKEN'],
])('SE-34 PAWL_LOG_URL=%s is refused at the start, in a sentence that does not repeat it', (address, sentence) => {
  const refusal = loadConfig({ PAWL_LOG_URL: address })
  expect(isRefusal(refusal) && refusal.code).toBe('bad_configuration')
  expect(isRefusal(refusal) && refusal.reason).toContain(sentence)
  expect(JSON.stringify(refusal)).not.toContain(address)
})

test('SE-34 a token of the log that no header can hold, or that has nowhere to go, is refused; https and this machine are taken', () => {
  expect(loadConfig({ PAWL_LOG_URL: 'https://l/', PAWL_LOG_TOKEN: 'höher' })).toMatchObject({
    code: 'bad_configuration',
  })
  expect(JSON.stringify(loadConfig({ PAWL_LOG_TOKEN: 'to-nowhere' }))).not.toContain('to-nowhere')
  expect(loadConfig({ PAWL_LOG_TOKEN: 'to-nowhere' })).toMatchObject({ code: 'bad_configuration' })
  for (const url of ['https://logs.internal/lines?stream=pawl', 'http://localhost:8686/', 'http://[::1]:8686/'])
    expect(orThrow(loadConfig({ PAWL_LOG_URL: url, PAWL_LOG_TOKEN: 'a+b/c=' })).logUrl).toBe(url)
})
