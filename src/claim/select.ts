import type { Execution, Request } from '../execution/execution.ts'
import type { Pause, Ready } from '../store/rows.ts'

/** Due work as it was found, with what rules look at. */
export interface Candidate {
  readonly ready: Ready
  readonly execution: Execution | null
  readonly request: Request | null
}

export interface Selection {
  readonly take: readonly Candidate[]
  /** Taken out of the claim's way until the key is freed. */
  readonly park: readonly { readonly candidate: Candidate; readonly key: string }[]
  /** Entries without claimable work behind them. */
  readonly drop: readonly Candidate[]
}

/** A pause of everything or of an action needs no look at its work: its queue is not read at all. */
export function isQueuePaused(pauses: readonly Pause[], action: string): boolean {
  return pauses.some(
    (pause) => pause.tenant === null && (pause.scope === 'all' || (pause.scope === 'action' && pause.value === action)),
  )
}

/** Which of the candidates, given in claim order, may run now. */
export function select(candidates: readonly Candidate[], pauses: readonly Pause[], limit: number): Selection {
  const take: Candidate[] = []
  const park: { candidate: Candidate; key: string }[] = []
  const drop: Candidate[] = []
  for (const candidate of candidates) {
    const { execution, request, ready } = candidate
    if (execution === null || request === null || !isClaimable(execution, ready)) {
      drop.push(candidate)
      continue
    }
    const pause = pauses.length === 0 ? undefined : pauses.find((one) => holds(one, request))
    if (pause !== undefined) {
      park.push({ candidate, key: pauseKey(pause) })
      continue
    }
    if (take.length < limit) take.push(candidate)
  }
  return { take, park, drop }
}

/** The key under which work waits for a pause to end. */
export const pauseKey = (pause: Pick<Pause, 'scope' | 'value' | 'tenant'>): string =>
  `pause:${pause.scope}:${pause.tenant ?? '*'}:${pause.value}`

function isClaimable(execution: Execution, ready: Ready): boolean {
  return (
    (execution.state === 'queued' || execution.state === 'retryable_failed') &&
    execution.availableAt === ready.availableAt
  )
}

function holds(pause: Pause, request: Request): boolean {
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
