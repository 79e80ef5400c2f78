import type { Point } from './messages.ts'

/**
 * Where a run that was caught at a point must come to rest, by the rules for effects in doubt. `isProvenDead` says
 * whether the process that was caught is known to be dead: a frozen one, or one on another machine, never is.
 */
export function restingState(point: Point, isProvenDead: boolean): 'succeeded' | 'waiting' {
  const [when, name] = point.split(':')
  // Nobody can look, so nobody but a person can tell.
  if (name === 'blind') return 'waiting'
  const mayStillHappen = when === 'intent' || when === 'received'
  return name === 'opaque' && mayStillHappen && !isProvenDead ? 'waiting' : 'succeeded'
}
