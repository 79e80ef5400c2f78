import { expect, test } from 'vitest'
import { createLog, type LogOptions } from './log.ts'

function written(options: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = createLog({ level: 'info', clock: { now: () => 0 }, write: (line) => lines.push(line), ...options })
  return { log, lines }
}

test('CP-006 a line is JSON with level, time and the fields given', () => {
  const { log, lines } = written()
  log.module('server').info({ traceId: 'abc', status: 201 }, 'request')
  expect(JSON.parse(lines[0] ?? '')).toEqual({
    level: 'info',
    time: '1970-01-01T00:00:00.000Z',
    module: 'server',
    traceId: 'abc',
    status: 201,
    msg: 'request',
  })
})

test('secrets are masked wherever they stand, in any of the forms that a line can hold', () => {
  const secret = 'hunter"2 secret'
  const { log, lines } = written({ secrets: [secret, 'x'] })
  log.error({ a: secret, b: { c: [`https://h/?q=${encodeURIComponent(secret)}`] }, x: 'x' }, `failed with ${secret}`)
  log.warn(
    {
      authorization: 'Bearer abc.def-123',
      token: 'pawl_abcdefghijkl_0123456789ABCDEFghij',
      url: '/signin?ticket=a-b_c',
    },
    'x',
  )
  const all = lines.join('')
  expect(all).not.toContain('hunter')
  expect(all).not.toContain('abc.def')
  expect(all).not.toContain('0123456789ABCDEF')
  expect(all).not.toContain('a-b_c')
  expect(all).toContain('pawl_abcdefghijkl_[masked]')
  for (const line of lines) expect(() => JSON.parse(line)).not.toThrow()
})

test('a module has a level of its own where one is set', () => {
  const { log, lines } = written({ level: 'warn,store=debug' })
  log.module('store').debug({}, 'shown')
  log.module('server').info({}, 'hidden')
  expect(lines.map((line) => (JSON.parse(line) as { msg: string }).msg)).toEqual(['shown'])
})
