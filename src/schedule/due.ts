import type { Schedule } from '../store/rows.ts'
import { newestOccurrences, nextOccurrence } from './next-occurrence.ts'

/** An occurrence that is older than this when it is seen was missed, and the policy says what becomes of it. */
export const lateMsMax = 60_000
/** As many as can be on time, at the least distance that a schedule may have. */
const onTimeMax = 8

export interface Due {
  /** What fires now, oldest first. */
  readonly fire: readonly number[]
  /** The first occurrence that is still to come; null when there is none. */
  readonly next: number | null
}

/**
 * What a schedule owes at `now`. On time, everything fires. Of what was missed, because nobody looked or the clock was
 * set forward: `skip` lets it go, `latest` fires the newest unless one on time stands for it, `all` fires the newest
 * `catchUpMax`. Nothing that lies before `nextAt` is ever looked at again, so a clock set back fires nothing twice.
 */
export function dueOccurrences(schedule: Schedule, now: number): Due {
  const { nextAt, misfire, catchUpMax } = schedule
  if (nextAt === null || nextAt > now) return { fire: [], next: nextAt }
  const due = newestOccurrences(schedule, nextAt, now, misfire === 'all' ? catchUpMax + onTimeMax : onTimeMax)
  const onTime = due.filter((at) => now - at <= lateMsMax)
  const missed = due.filter((at) => now - at > lateMsMax)
  const next = nextOccurrence(schedule, Math.max(now, nextAt))
  return { fire: [...wanted(misfire, missed, onTime, catchUpMax), ...onTime], next }
}

function wanted(
  misfire: Schedule['misfire'],
  missed: readonly number[],
  onTime: readonly number[],
  catchUpMax: number,
): readonly number[] {
  if (misfire === 'skip') return []
  if (misfire === 'all') return missed.slice(-catchUpMax)
  return onTime.length > 0 ? [] : missed.slice(-1)
}
