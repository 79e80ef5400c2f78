import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { backoffMs, checkRetryPolicy, defaultRetryPolicy } from './backoff.ts'
import { createSystemClock, systemClock, VirtualClock } from './clock.ts'
import { parseDuration } from './duration.ts'

afterEach(() => void vi.useRealTimers())

test('timers of a virtual clock fire in the order of their time, then of their making', async () => {
  const clock = new VirtualClock(1000)
  const fired: string[] = []
  clock.timer(20, () => fired.push(`b${clock.now()}`))
  clock.timer(10, () => {
    fired.push(`a${clock.now()}`)
    clock.timer(5, () => fired.push(`n${clock.now()}`))
  })
  clock.timer(20, () => fired.push('c'))
  clock.timer(15, () => fired.push('canceled')).cancel()
  expect(clock.pending()).toBe(3)
  await clock.advance(20)
  expect(fired).toEqual(['a1010', 'n1015', 'b1020', 'c'])
  expect([clock.now(), clock.pending()]).toEqual([1020, 0])
})

test('promises settle between two timers of a virtual clock', async () => {
  const clock = new VirtualClock()
  const seen: string[] = []
  void (async () => {
    await clock.sleep(10)
    await Promise.resolve()
    seen.push('first')
    await clock.sleep(10)
    seen.push('second')
  })()
  clock.timer(15, () => seen.push('between'))
  await clock.advance(100)
  expect(seen).toEqual(['first', 'between', 'second'])
  expect(await clock.runNext()).toBe(false)
})

test('a virtual clock walks from timer to timer', async () => {
  const clock = new VirtualClock(0)
  let fired = 0
  clock.timer(86_400_000, () => {
    fired += 1
  })
  expect(clock.nextAt()).toBe(86_400_000)
  expect(await clock.runNext()).toBe(true)
  expect([fired, clock.now()]).toEqual([1, 86_400_000])
})

test('a sleep ends with the reason of its signal and leaves no timer behind', async () => {
  const clock = new VirtualClock()
  const stop = new AbortController()
  const slept = clock.sleep(10, stop.signal)
  stop.abort(new Error('enough'))
  await expect(slept).rejects.toThrow('enough')
  expect(clock.pending()).toBe(0)
  await expect(systemClock.sleep(10, stop.signal)).rejects.toThrow('enough')
  expect(clock.pending()).toBe(0)
})

test('the system clock waits longer than setTimeout can', () => {
  vi.useFakeTimers()
  const fired = vi.fn<() => void>()
  const canceled = vi.fn<() => void>()
  const ms = 2 ** 31 + 5000
  systemClock.timer(ms, fired)
  const other = systemClock.timer(ms, canceled)
  vi.advanceTimersByTime(2 ** 31)
  other.cancel()
  vi.advanceTimersByTime(4999)
  expect(fired).not.toHaveBeenCalled()
  vi.advanceTimersByTime(1)
  expect(fired).toHaveBeenCalledOnce()
  expect(canceled).not.toHaveBeenCalled()
  createSystemClock({ unref: true }).timer(1, fired)
})

test.each([2 ** 31 - 1, 2 ** 31, 10 * 366 * 86_400_000])(
  'CP-005 a timer of %d ms rings then, and not a millisecond sooner',
  (ms) => {
    vi.useFakeTimers()
    const fired = vi.fn<() => void>()
    systemClock.timer(ms, fired)
    vi.advanceTimersByTime(ms - 1)
    expect(fired).not.toHaveBeenCalled()
    vi.advanceTimersByTime(1)
    expect(fired).toHaveBeenCalledOnce()
  },
)

test.each([Number.NaN, -5, 0, -Infinity])('CP-005 a timer of %d ms rings at once', (ms) => {
  vi.useFakeTimers()
  const fired = vi.fn<() => void>()
  systemClock.timer(ms, fired)
  vi.advanceTimersByTime(1)
  expect(fired).toHaveBeenCalledOnce()
})

test('REL-03 the default policy is three attempts, 5 s, doubled, capped', () => {
  const policy = { ...defaultRetryPolicy, jitter: 'none' as const }
  expect(policy.maxAttempts).toBe(3)
  expect([1, 2, 3, 8, 9, 100].map((failed) => backoffMs(policy, failed, 0))).toEqual([
    5000, 10_000, 20_000, 640_000, 900_000, 900_000,
  ])
})

test('REL-03 a backoff is a whole number above 0 and at most the cap, whatever attempt it is', () => {
  fc.assert(
    fc.property(
      fc.nat(1_000_000),
      fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
      fc.double({ min: 1, max: 100, noNaN: true }),
      (failed, random01, multiplier) => {
        const ms = backoffMs({ ...defaultRetryPolicy, multiplier }, failed, random01)
        expect(Number.isInteger(ms) && ms >= 500 && ms <= defaultRetryPolicy.capMs).toBe(true)
      },
    ),
  )
  expect(backoffMs({ ...defaultRetryPolicy, baseMs: 0.001 }, 1, 0)).toBe(1)
  expect(backoffMs(defaultRetryPolicy, 1_000_000, 0.999)).toBeGreaterThan(890_000)
})

test('jitter spreads the delays over nearly the whole of it', () => {
  expect([0, 0.5, 0.999999].map((random01) => backoffMs(defaultRetryPolicy, 1, random01))).toEqual([500, 2750, 5000])
})

test.each([
  { maxAttempts: 0 },
  { maxAttempts: 1.5 },
  { baseMs: 0 },
  { baseMs: Number.NaN },
  { multiplier: 0.5 },
  { capMs: 1 },
  { capMs: Infinity },
])('the retry policy %j is refused', (change) => {
  expect(checkRetryPolicy({ ...defaultRetryPolicy, ...change })).toMatchObject({ code: 'bad_configuration' })
})

test.each([
  ['5m', 300_000],
  ['30s', 30_000],
  ['1h30m', 5_400_000],
  ['250ms', 250],
  ['2d', 172_800_000],
  ['1.5s', 1500],
  [' 1s ', 1000],
  ['0s', 0],
  [1500, 1500],
  ['10m5ms', 600_005],
])('the duration %j has %d ms', (duration, ms) => {
  expect(parseDuration(duration)).toBe(ms)
})

test.each([
  '',
  's',
  '5',
  '-5m',
  '5 m',
  '1m1',
  '5x',
  'Infinitys',
  '1e3s',
  '4000d',
  '9'.repeat(99),
  -1,
  Number.NaN,
  Infinity,
])('the duration %j is refused', (duration) => {
  const refusal = parseDuration(duration)
  expect(isRefusal(refusal) && refusal.code).toBe('invalid_delay')
})
