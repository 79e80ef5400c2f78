import { expect, test } from 'vitest'
import { codes } from './codes.ts'
import {
  AuthError,
  Canceled,
  classify,
  DatabaseError,
  Failure,
  failureOf,
  isErrorClass,
  JournalMismatch,
  LeaseLost,
  NetworkError,
  NotApplied,
  neverSent,
  RateLimitError,
  RetryAfter,
  TerminalError,
  TimeoutError,
  taxonomy,
  Undecodable,
  UnknownOutcome,
  ValidationError,
} from './failures.ts'
import { isRefusal, orThrow, Refused, refuse, toProblem } from './refusal.ts'

function systemError(code: string, fields: object = {}): Error {
  return Object.assign(new Error(`system ${code}`), { code, ...fields })
}

test('every code has a status of HTTP, an exit code and two whole sentences', () => {
  for (const [code, { http, exit, why, next }] of Object.entries(codes)) {
    expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/)
    expect(http).toBeGreaterThanOrEqual(400)
    expect(http).toBeLessThan(600)
    expect([...Array(12).keys(), 130]).toContain(exit)
    for (const sentence of [why, next]) expect(sentence).toMatch(/^[A-Z].*\.$/)
  }
})

test('a refusal takes what to do next from the table, unless it knows better', () => {
  expect(refuse('not_found', 'No execution x.')).toEqual({
    refused: true,
    code: 'not_found',
    reason: 'No execution x.',
    next: codes.not_found.next,
  })
  expect(refuse('not_found', 'r', { id: 1 }, 'n')).toMatchObject({ details: { id: 1 }, next: 'n' })
})

test('data of users is never taken for a refusal', () => {
  for (const x of [null, undefined, 1, {}, { refused: true }, { refused: true, code: 'toString', reason: 'r' }])
    expect(isRefusal(x)).toBe(false)
  expect(isRefusal(refuse('internal', 'r'))).toBe(true)
})

test('orThrow gives the value or throws the refusal with its code', () => {
  expect(orThrow(5)).toBe(5)
  expect(() => orThrow(refuse('lease_lost', 'gone'))).toThrow(Refused)
  expect(new Refused(refuse('lease_lost', 'gone')).code).toBe('lease_lost')
})

test('a problem of RFC 9457 carries status, code and the next step', () => {
  expect(toProblem(refuse('state_changed', 'It is at 4.', { stateVersion: 4 }), '/v1/executions/x')).toEqual({
    type: 'urn:pawl:problem:state_changed',
    title: codes.state_changed.why,
    status: 412,
    detail: 'It is at 4.',
    code: 'state_changed',
    next: codes.state_changed.next,
    instance: '/v1/executions/x',
    details: { stateVersion: 4 },
  })
})

test.each([
  [new NetworkError(), 'NetworkError', true],
  [new TimeoutError(), 'TimeoutError', true],
  [new ValidationError(), 'ValidationError', false],
  [new DatabaseError(), 'DatabaseError', true],
  [new RateLimitError(), 'RateLimitError', true],
  [new AuthError(), 'AuthError', false],
  [new NotApplied(), 'NotApplied', true],
  [new LeaseLost(), 'LeaseLost', true],
  [new Canceled(), 'Canceled', false],
  [new UnknownOutcome(), 'UnknownOutcome', false],
  [new JournalMismatch(), 'JournalMismatch', false],
  [new Undecodable(), 'Undecodable', false],
  [new TerminalError(), 'TerminalError', false],
  [new RetryAfter(5), 'RetryAfter', true],
  [failureOf('WorkerLost', 'm'), 'WorkerLost', true],
  [failureOf('Whatever', 'm'), 'UnknownError', true],
])('REL-10d %s keeps its class, and the taxonomy decides about a retry', (failure, errorClass, retryable) => {
  expect(failure).toBeInstanceOf(Failure)
  expect(classify(failure)).toMatchObject({ errorClass, retryable, message: failure.message })
  expect(isErrorClass(errorClass) && taxonomy[errorClass].retryable).toBe(retryable)
})

test.each([
  [systemError('ECONNREFUSED'), 'NetworkError'],
  [systemError('ECONNRESET'), 'NetworkError'],
  [systemError('ETIMEDOUT'), 'TimeoutError'],
  [new TypeError('fetch failed', { cause: systemError('ENOTFOUND') }), 'NetworkError'],
  [new AggregateError([systemError('ECONNREFUSED'), systemError('ECONNREFUSED')]), 'NetworkError'],
  [AbortSignal.timeout(0).reason ?? new DOMException('late', 'TimeoutError'), 'TimeoutError'],
  [new DOMException('stop', 'AbortError'), 'Canceled'],
  [systemError('ERR_SQLITE_ERROR', { errcode: 5 }), 'DatabaseError'],
  [systemError('ERR_SQLITE_ERROR', { errcode: 2067 }), 'ValidationError'],
  [systemError('SQLITE_BUSY'), 'DatabaseError'],
  [systemError('40001', { severity: 'ERROR' }), 'DatabaseError'],
  [systemError('23505', { severity: 'ERROR' }), 'ValidationError'],
  [systemError('28P01', { severity: 'FATAL' }), 'AuthError'],
  [systemError('constructor'), 'UnknownError'],
  [new Error('?'), 'UnknownError'],
  [undefined, 'UnknownError'],
  [null, 'UnknownError'],
  ['text', 'UnknownError'],
  [Symbol('s'), 'UnknownError'],
  [12n, 'UnknownError'],
  [() => 1, 'UnknownError'],
  [Object.create(null), 'UnknownError'],
])('REL-10d whatever is thrown has one declared class: %s', (thrown, errorClass) => {
  const classified = classify(thrown)
  expect(classified.errorClass).toBe(errorClass)
  expect(classified.message.length).toBeGreaterThan(0)
})

test('REL-10d hostile things that are thrown neither throw again nor hang', () => {
  const hostile = new Proxy(
    {},
    {
      get: () => {
        throw new Error('no')
      },
    },
  )
  const circular: { cause?: unknown } = {}
  circular.cause = circular
  expect(classify(hostile).errorClass).toBe('UnknownError')
  expect(classify(circular).errorClass).toBe('UnknownError')
  expect(neverSent(circular)).toBe(false)
  expect(neverSent(hostile)).toBe(false)
})

test('a message is kept to 2 KiB of UTF-8 and stays valid text', () => {
  for (const text of [
    'é'.repeat(5000),
    '😀'.repeat(5000),
    'a'.repeat(1_000_000),
    `${'a'.repeat(2047)}😀`,
    '\ud800'.repeat(3000),
  ]) {
    const { message } = classify(new Error(text))
    expect(Buffer.byteLength(message)).toBeLessThanOrEqual(2048)
    expect(message.isWellFormed()).toBe(true)
    expect(message.endsWith('…')).toBe(true)
  }
  expect(classify(new Error('a'.repeat(2048))).message).toBe('a'.repeat(2048))
})

test('the reason that fetch hides in its cause is told', () => {
  expect(classify(new TypeError('fetch failed', { cause: new Error('certificate has expired') })).message).toBe(
    'fetch failed: certificate has expired',
  )
})

test('a wait that the other side asked for is kept', () => {
  expect(classify(new RateLimitError('slow', 1500)).retryAfterMs).toBe(1500)
  const notApplied = new NotApplied('refused', { cause: new RateLimitError('slow', 1500) })
  expect(classify(notApplied)).toMatchObject({ errorClass: 'NotApplied', retryable: true, retryAfterMs: 1500 })
  expect(classify(new RetryAfter(99.5)).retryAfterMs).toBe(100)
  expect(classify(new RetryAfter(Number.NaN))).not.toHaveProperty('retryAfterMs')
})

test('CP-008d only an error that proves that no byte was sent counts as never sent', () => {
  const refused = systemError('ECONNREFUSED', { syscall: 'connect' })
  expect(neverSent(refused)).toBe(true)
  expect(neverSent(systemError('ENOTFOUND', { syscall: 'getaddrinfo' }))).toBe(true)
  expect(neverSent(new TypeError('fetch failed', { cause: refused }))).toBe(true)
  expect(neverSent(new TypeError('fetch failed', { cause: new AggregateError([refused, refused]) }))).toBe(true)
  expect(neverSent(new AggregateError([refused, systemError('ETIMEDOUT')]))).toBe(false)
  expect(neverSent(new AggregateError([]))).toBe(false)
  for (const code of ['ECONNRESET', 'EPIPE', 'ETIMEDOUT', 'UND_ERR_SOCKET'])
    expect(neverSent(systemError(code))).toBe(false)
  for (const thrown of [undefined, null, 'ECONNREFUSED', new Error('ECONNREFUSED')])
    expect(neverSent(thrown)).toBe(false)
})

test('NotApplied is retried as its cause would be, and keeps its class', () => {
  const denied = new NotApplied('not sent', { cause: new AuthError() })
  expect(denied).toMatchObject({ errorClass: 'NotApplied', causeClass: 'AuthError', retryable: false })
  expect(classify(denied)).toMatchObject({ errorClass: 'NotApplied', retryable: false })
  expect(new NotApplied('x', { cause: systemError('ECONNREFUSED') })).toMatchObject({
    causeClass: 'NetworkError',
    retryable: true,
  })
  expect(new NotApplied()).toMatchObject({ causeClass: undefined, retryable: true })
})
