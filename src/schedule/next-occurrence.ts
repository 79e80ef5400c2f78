import { Cron } from 'croner'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { durationMsMax } from '../time/duration.ts'

/** A cron expression with the zone whose wall clock it means. */
export interface Timetable {
  readonly cron: string
  readonly timeZone: string
}

/** No schedule fires more often: below it, a worker's own loop is the better tool. */
export const spacingMsMin = 10_000
const cronLengthMax = 255
const secondMs = 1_000
/** So many are looked for at a time, because a look backwards does not stop at a time. */
const partMax = 16
/** So many occurrences show the shortest distance of a pattern of six fields. */
const spacingsChecked = 500

/**
 * The first occurrence after `after`, in epoch milliseconds; null when there is none. A time in a daylight-saving gap
 * that stands for itself (`30 2 * * *`) comes at the first moment after the gap, and one that the clock shows twice
 * comes once, at the first showing; patterns with several hours or minutes skip the gap and take both showings.
 */
export function nextOccurrence(timetable: Timetable, after: number): number | null {
  return cronOf(timetable).nextRun(new Date(after))?.getTime() ?? null
}

/** Up to `limit` occurrences after `after` and not after `until`, oldest first. */
export function occurrencesBetween(timetable: Timetable, after: number, until: number, limit: number): number[] {
  const cron = cronOf(timetable)
  const found: number[] = []
  for (let at = after; found.length < limit; ) {
    const next = cron.nextRun(new Date(at))?.getTime() ?? null
    if (next === null || next > until) break
    found.push(next)
    at = next
  }
  return found
}

/** The newest occurrences that are not before `from` and not after `until`, oldest first, `limit` at most. */
export function newestOccurrences(timetable: Timetable, from: number, until: number, limit: number): number[] {
  const cron = cronOf(timetable)
  const found: number[] = []
  // croner looks for what lies strictly before its reference, in whole seconds.
  let before = (Math.floor(until / secondMs) + 1) * secondMs
  while (found.length < limit) {
    const part = cron
      .previousRuns(Math.min(partMax, limit - found.length), new Date(before))
      .map((run) => run.getTime())
    const wanted = part.filter((at) => at >= from && at < before)
    found.push(...wanted)
    if (part.length === 0 || wanted.length < part.length) break
    before = Math.min(...wanted)
  }
  return found.sort((a, b) => a - b)
}

/** Refuses what cannot be read, never fires, fires too often or first fires in the far future. Gives the first occurrence. */
export function checkTimetable(timetable: Timetable, now: number): number | Refusal {
  const { cron, timeZone } = timetable
  if (!isTimeZone(timeZone)) {
    return refuse('unknown_time_zone', `There is no time zone ${JSON.stringify(timeZone.slice(0, 60).toWellFormed())}.`)
  }
  const first = firstOccurrence(timetable, now)
  if (isRefusal(first)) return first
  if (first === null) return refuse('cron_never_fires', `The expression ${JSON.stringify(cron)} never fires.`)
  if (first - now > durationMsMax) {
    return refuse(
      'schedule_too_far',
      `The first occurrence, ${new Date(first).toISOString()}, is more than ten years away.`,
    )
  }
  const shortest = shortestSpacing(timetable, first)
  if (shortest < spacingMsMin) {
    return refuse(
      'cron_too_frequent',
      `The expression fires every ${shortest / secondMs} s; every ${spacingMsMin / secondMs} s is the most.`,
      { everyMs: shortest, leastMs: spacingMsMin },
    )
  }
  return first
}

function firstOccurrence(timetable: Timetable, now: number): number | null | Refusal {
  const { cron } = timetable
  const fields = cron.trim().split(/\s+/)
  const isNamed = fields.length === 1 && cron.trim().startsWith('@')
  if (cron.length > cronLengthMax || !(isNamed || fields.length === 5 || fields.length === 6)) {
    const shown = JSON.stringify(cron.slice(0, 60).toWellFormed())
    return refuse('invalid_cron', `${shown} has no five or six fields, and is no name such as @daily.`)
  }
  try {
    return nextOccurrence(timetable, now)
  } catch (thrown) {
    if (!(thrown instanceof TypeError || thrown instanceof RangeError)) throw thrown
    return refuse('invalid_cron', `The expression cannot be read: ${thrown.message.slice(0, 300).toWellFormed()}`)
  }
}

function shortestSpacing(timetable: Timetable, first: number): number {
  // Five fields name minutes, so a minute is the least.
  if (timetable.cron.trim().split(/\s+/).length < 6) return Number.POSITIVE_INFINITY
  let shortest = Number.POSITIVE_INFINITY
  let before = first
  for (const at of occurrencesBetween(timetable, first, Number.MAX_SAFE_INTEGER, spacingsChecked)) {
    shortest = Math.min(shortest, at - before)
    before = at
    if (shortest < spacingMsMin) break
  }
  return shortest
}

/** Names of the time-zone database; offsets such as `+02:00` follow no law of a place and are none. */
export function isTimeZone(text: string): boolean {
  if (!/^[A-Za-z][\w+-]*(\/[\w+-]+)*$/.test(text) || text.length > 60) return false
  try {
    new Intl.DateTimeFormat('en', { timeZone: text })
    return true
  } catch {
    return false
  }
}

const cronOf = ({ cron, timeZone }: Timetable): Cron =>
  new Cron(cron, { timezone: timeZone, mode: '5-or-6-parts', paused: true })
