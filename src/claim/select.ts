import { type Execution, isDueWork, type Request } from '../execution/execution.ts'
import type { Pause, Ready } from '../store/rows.ts'

/** Due work as it was found, with what rules look at. */
export interface Candidate {
  readonly ready: Ready
  readonly execution: Execution | null
  readonly request: Request | null
}

/** A pause of everything or of an action needs no look at its work: its queue is not read at all. */
export function isQueuePaused(pauses: readonly Pause[], action: string): boolean {
  return pauses.some(
    (pause) => pause.tenant === null && (pause.scope === 'all' || (pause.scope === 'action' && pause.value === action)),
  )
}

export interface StandingPause extends Pause {
  /** Its end was ordered then: what became due later is not held by it. Null while nobody has. */
  readonly dueBy: number | null
}

/** What stands between a candidate and a claim, before permits are looked at. */
export type Standing = { readonly kind: 'claimable' | 'stale' } | { readonly kind: 'paused'; readonly key: string }

export function standingOf({ execution, request, ready }: Candidate, pauses: readonly StandingPause[]): Standing {
  if (execution === null || request === null || !isClaimable(execution, ready)) return { kind: 'stale' }
  const pause = pauses.length === 0 ? undefined : pauseOver(pauses, request, ready.availableAt)
  return pause === undefined ? { kind: 'claimable' } : { kind: 'paused', key: pauseLine(pauseKey(pause), ready.queue) }
}

/** The first pause that holds back a request which is due at that time. */
export const pauseOver = (
  pauses: readonly StandingPause[],
  request: Request,
  dueAt: number,
): StandingPause | undefined =>
  pauses.find((pause) => (pause.dueBy === null || dueAt <= pause.dueBy) && holds(pause, request))

/** What a pause holds back of one queue waits under a key of its own: no action can hold up another when it is let go. */
export const pauseLine = (key: string, queue: number): string => `pause@${queue}${key.slice('pause'.length)}`

/** The pause of a line. */
export const pauseOfLine = (line: string): string => line.replace(/^pause@-?\d+:/, 'pause:')

/** What a pause is known by. */
export const pauseKey = (pause: Pick<Pause, 'scope' | 'value' | 'tenant'>): string =>
  `pause:${pause.scope}:${pause.tenant ?? '*'}:${pause.value}`

function isClaimable(execution: Execution, ready: Ready): boolean {
  return isDueWork(execution) && execution.availableAt === ready.availableAt
}

export function holds(pause: Pick<Pause, 'scope' | 'value' | 'tenant'>, request: Request): boolean {
  if (pause.tenant !== null && pause.tenant !== request.tenant) return false
  switch (pause.scope) {
    case 'all':
      return true
    case 'tenant':
      return pause.value === request.tenant
    case 'action':
      return pause.value === request.action
    case 'subject':
      return pause.value === request.subject
  }
}
