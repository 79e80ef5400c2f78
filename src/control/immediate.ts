import type { SubmitRequest } from '../admit/request.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { isToPlan } from '../execution/approval.ts'
import { isTerminal } from '../execution/machine.ts'
import { askWhy, holdingPause, type Why } from '../projections/why.ts'
import type { Found } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import type { Caller, ControlPlane, Submitted } from './control-plane.ts'

/** The longest that a submitter waits for the end; then the execution goes on in the background. */
export const windowMsMax = 10_000

export interface Immediate extends Submitted {
  /** The execution has ended, in whichever way. */
  readonly ended: boolean
  /** Milliseconds for which its end was waited for, at most. */
  readonly windowMs: number
  /** Why it has not ended; null when it has. */
  readonly why: Why | null
}

export interface ImmediateOptions {
  readonly windowMs?: number | undefined
  /** Ends the waiting, not the execution. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Submits as any other and waits for the end. What cannot start or end within the window is answered at once and goes on
 * in the background; so does whatever outlives the window, or the one who waits.
 */
export async function runImmediately(
  plane: ControlPlane,
  clock: Clock,
  request: SubmitRequest,
  by: Caller,
  { windowMs = windowMsMax, signal }: ImmediateOptions = {},
): Promise<Immediate | Refusal> {
  const submitted = await plane.trySubmit({ ...request, mode: request.mode ?? 'immediate' }, by)
  if (isRefusal(submitted)) return submitted
  const { id } = submitted.execution
  const until = clock.now() + windowMs
  const stop = new AbortController()
  const abort = (): void => stop.abort()
  const timer = clock.timer(windowMs, abort)
  signal?.addEventListener('abort', abort, { once: true })
  if (signal?.aborted) abort()
  try {
    const views = plane.host.views.of(by.tenant)
    const isDecided = async (found: Found): Promise<boolean> =>
      isTerminal(found.execution.state) || (await isHeld(found, views, until))
    const last = await plane.follow(id, by, isDecided, stop.signal)
    if (isRefusal(last)) return last
    const ended = isTerminal(last.execution.state)
    const execution = await plane.get(id, by)
    if (isRefusal(execution)) return execution
    const why = ended ? null : await askWhy(views, last, clock.now())
    return { ...submitted, execution, ended, windowMs, why }
  } finally {
    timer.cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/** Whether it waits for something that no worker brings about within the window. */
async function isHeld({ execution, request }: Found, views: ControlPlane['host']['views'], until: number) {
  switch (execution.state) {
    case 'queued':
    case 'retryable_failed':
      return (
        execution.availableAt > until ||
        holdingPause(request, await views.pauses()) !== undefined ||
        (await views.parkedUnder(execution.id)) !== null
      )
    case 'requested':
      return !isToPlan(execution.gate)
    case 'approved':
      return execution.gate?.isDue !== true
    case 'waiting':
      return execution.waitingFor !== 'timer' || execution.availableAt > until
    default:
      return false
  }
}
