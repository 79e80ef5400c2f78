import type { Prepared } from './prepared.ts'

/** How many intervals of pauses are open, and when the last of the others ended; 0 for never. */
export const pausedTimeIn = (prepared: Prepared): { readonly open: number; readonly until: number } => ({
  open: prepared.one('openPauseIntervals')?.[0] as number,
  until: (prepared.one('lastPauseEnd')?.[0] ?? 0) as number,
})
