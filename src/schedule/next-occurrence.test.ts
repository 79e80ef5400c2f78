import { describe, expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { checkTimetable, newestOccurrences, nextOccurrence, occurrencesBetween } from './next-occurrence.ts'

const at = (text: string): number => Date.parse(text)
const rome = (cron: string) => ({ cron, timeZone: 'Europe/Rome' })
const texts = (times: readonly number[]): string[] => times.map((time) => new Date(time).toISOString().slice(0, 16))

/** Four occurrences after a time. */
const fourAfter = (cron: string, from: string): string[] =>
  texts(occurrencesBetween(rome(cron), at(from), Number.MAX_SAFE_INTEGER, 4))

describe('daylight saving in Europe/Rome', () => {
  test.each([
    ['2026', '2026-03-28T00:00:00Z', ['2026-03-28T01:30', '2026-03-29T01:00', '2026-03-30T00:30', '2026-03-31T00:30']],
    ['2027', '2027-03-27T00:00:00Z', ['2027-03-27T01:30', '2027-03-28T01:00', '2027-03-29T00:30', '2027-03-30T00:30']],
  ])('a single time in the gap of %s comes at the first moment behind it', (_, from, expected) => {
    expect(fourAfter('30 2 * * *', from)).toEqual(expected)
  })

  test.each([
    ['2026', '2026-10-24T00:00:00Z', ['2026-10-24T00:30', '2026-10-25T00:30', '2026-10-26T01:30', '2026-10-27T01:30']],
    ['2027', '2027-10-30T00:00:00Z', ['2027-10-30T00:30', '2027-10-31T00:30', '2027-11-01T01:30', '2027-11-02T01:30']],
  ])('a single time that the clock of %s shows twice comes once, at the first showing', (_, from, expected) => {
    expect(fourAfter('30 2 * * *', from)).toEqual(expected)
  })

  test('a repeated pattern leaves the gap out and takes both showings', () => {
    expect(fourAfter('*/30 2 * * *', '2026-03-28T12:00:00Z')).toEqual(
      ['2026-03-30T00:00', '2026-03-30T00:30', '2026-03-31T00:00', '2026-03-31T00:30'], //
    )
    expect(fourAfter('*/30 2 * * *', '2026-10-24T12:00:00Z')).toEqual(
      ['2026-10-25T00:00', '2026-10-25T00:30', '2026-10-25T01:00', '2026-10-25T01:30'], //
    )
  })
})

describe('occurrences', () => {
  const patterns = [
    '30 2 * * *',
    '*/7 * * * *',
    '*/50 * * * * *',
    '0 0 L * *',
    '0 9 * * MON#2',
    '30 2,3 * * *',
    '@daily',
  ]

  test.each(patterns)('of %s grow strictly, and are the same when they are looked for from behind', (cron) => {
    for (const day of ['2026-03-28T20:00:00Z', '2026-10-24T20:00:00Z']) {
      const found = occurrencesBetween(rome(cron), at(day), at(day) + 8 * 3_600_000, 1_000)
      for (const [index, time] of found.entries()) {
        expect(time).toBeGreaterThan(found[index - 1] ?? at(day))
        expect(time % 1_000).toBe(0)
      }
      expect(newestOccurrences(rome(cron), at(day) + 1, at(day) + 8 * 3_600_000, 10_000)).toEqual(found)
    }
  })

  test('the newest are looked for without a walk through all that lie before', () => {
    const now = at('2026-06-01T00:00:05.500Z')
    expect(newestOccurrences({ cron: '*/10 * * * * *', timeZone: 'UTC' }, 0, now, 2)).toEqual([
      at('2026-05-31T23:59:50Z'),
      at('2026-06-01T00:00:00Z'),
    ])
    const exact = at('2026-06-01T00:00:00Z')
    expect(newestOccurrences({ cron: '0 * * * *', timeZone: 'UTC' }, exact, exact, 5)).toEqual([exact])
    expect(nextOccurrence({ cron: '0 * * * *', timeZone: 'UTC' }, exact)).toBe(exact + 3_600_000)
    expect(nextOccurrence({ cron: '0 * * * *', timeZone: 'UTC' }, exact - 1)).toBe(exact)
  })
})

describe('a timetable', () => {
  const now = at('2026-01-01T00:00:00Z')

  test.each([
    ['', 'UTC', 'invalid_cron'],
    ['* * * *', 'UTC', 'invalid_cron'],
    ['* * * * * * 2027', 'UTC', 'invalid_cron'],
    ['2027-01-01T00:00:00', 'UTC', 'invalid_cron'],
    ['61 * * * *', 'UTC', 'invalid_cron'],
    ['@reboot', 'UTC', 'invalid_cron'],
    ['a b c d e', 'UTC', 'invalid_cron'],
    ['5-1 * * * *', 'UTC', 'invalid_cron'],
    ['*/0 * * * *', 'UTC', 'invalid_cron'],
    [`${'0,'.repeat(200)}0 * * * *`, 'UTC', 'invalid_cron'],
    ['0 0 31 2 *', 'Europe/Rome', 'cron_never_fires'],
    ['* * * * * *', 'UTC', 'cron_too_frequent'],
    ['*/9 * * * * *', 'UTC', 'cron_too_frequent'],
    ['0,55 0,59 0,23 * * *', 'UTC', 'cron_too_frequent'],
    ['0,5 0 3 1 1 *', 'UTC', 'cron_too_frequent'],
    ['0 0 * 2 FRI#5', 'UTC', 'schedule_too_far'],
    ['0 0 * * *', 'Mars/Base', 'unknown_time_zone'],
    ['0 0 * * *', '+02:00', 'unknown_time_zone'],
    ['0 0 * * *', '', 'unknown_time_zone'],
    ['0 0 * * *', '../etc/passwd', 'unknown_time_zone'],
  ])('%j in %j is refused as %s', (cron, timeZone, code) => {
    const refusal = checkTimetable({ cron, timeZone }, now)
    expect(isRefusal(refusal) && refusal.code).toBe(code)
  })

  test.each([
    ['*/10 * * * * *', '2026-01-01T00:00:10Z'],
    ['0 7 * * MON-FRI', '2026-01-01T07:00:00Z'],
    ['@weekly', '2026-01-04T00:00:00Z'],
    ['0 0 29 2 *', '2028-02-29T00:00:00Z'],
  ])('%s begins with %s', (cron, first) => {
    expect(checkTimetable({ cron, timeZone: 'UTC' }, now)).toBe(at(first))
  })
})
