import type { Request } from './execution.ts'

/** Wider than all priorities: the last of immediate mode comes before the first of the background. */
const immediateStep = 10_000

/** Claim order within a queue, lower first. */
export function rankOf(mode: Request['mode'], priority: number): number {
  // A minus zero would not come back from a row as it went in.
  const background = priority === 0 ? 0 : -priority
  return mode === 'immediate' ? background - immediateStep : background
}

/** Whether somebody waits for its end: such work is not part of a queue's depth. Migration 0012 says the same. */
export const isImmediate = (rank: number): boolean => rank <= -immediateStep / 2
