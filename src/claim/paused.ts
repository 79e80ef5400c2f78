import type { Request } from '../execution/execution.ts'
import type { PauseInterval } from '../store/rows.ts'
import { holds } from './select.ts'

/**
 * Milliseconds between `from` and `to` during which some pause held this request back. Pauses that overlap count once:
 * it is the length of their union, not the sum.
 */
export function pausedMs(intervals: readonly PauseInterval[], request: Request, from: number, to: number): number {
  const spans = intervals
    .filter((interval) => holds(interval, request))
    .map(({ fromAt, toAt }) => [Math.max(fromAt, from), Math.min(toAt ?? to, to)] as const)
    .filter(([start, end]) => start < end)
    .sort(([a], [b]) => a - b)
  let total = 0
  let countedTo = from
  for (const [start, end] of spans) {
    total += Math.max(0, end - Math.max(start, countedTo))
    countedTo = Math.max(countedTo, end)
  }
  return total
}

export const isPaused = (intervals: readonly PauseInterval[], request: Request): boolean =>
  intervals.some((interval) => interval.toAt === null && holds(interval, request))
