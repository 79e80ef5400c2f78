import {
  AuthError,
  Canceled,
  Failure,
  JournalMismatch,
  LeaseLost,
  TerminalError,
  UnknownOutcome,
} from '../errors/failures.ts'
import type { Refusal } from '../errors/refusal.ts'
import type { AsksPeople } from '../execution/run-outcome.ts'
import type { Suspension } from './waits.ts'

/**
 * Why a run may not go on. It is thrown into the handler and remembered, so that a handler that swallows it cannot
 * succeed nevertheless.
 */
export type Halt =
  | { readonly kind: 'lost' | 'unknown_outcome' | 'reconciled' | 'failed'; readonly error: Failure }
  | { readonly kind: 'suspended'; readonly suspension: Suspension; readonly error: Failure }
  | { readonly kind: 'recorded_only'; readonly effect: string; readonly error: Failure }

/** The worker is shutting down: the execution is handed back and costs no attempt. */
export class ShuttingDown extends Canceled {
  constructor(message = 'The worker is shutting down; the execution is handed back.') {
    super(message)
  }
}

/** Every call of the handler waits for something outside: the run ends here and is taken up when it is there. */
export class Suspended extends Failure {
  constructor() {
    super('Canceled', 'The run is suspended; it is taken up again with what it waits for.')
  }
}

export function haltOf(refusal: Refusal): Halt {
  switch (refusal.code) {
    case 'cancel_requested':
      return { kind: 'failed', error: new Canceled('Somebody asked to cancel this execution.') }
    case 'right_lost':
    case 'not_permitted':
      return { kind: 'failed', error: new AuthError(refusal.reason) }
    case 'reconcile_only':
      return reconciled()
    case 'old_process_alive':
    case 'effect_in_doubt':
      return { kind: 'unknown_outcome', error: new UnknownOutcome(refusal.reason) }
    case 'approval_missing':
      return asksPeople('approval')
    case 'step_not_approved':
      return asksPeople('step_approval')
    case 'effect_concluded':
      return mismatch(refusal.reason)
    case 'lease_lost':
    case 'worker_unknown':
    case 'not_found':
    case 'quarantined':
      return { kind: 'lost', error: new LeaseLost(refusal.reason) }
    default:
      return { kind: 'failed', error: new TerminalError(`${refusal.code}: ${refusal.reason}`) }
  }
}

const asksPeople = (reason: AsksPeople): Halt => ({
  kind: 'suspended',
  suspension: { wakeAt: null, awaits: [], reason },
  error: new Suspended(),
})

export const reconciled = (): Halt => ({
  kind: 'reconciled',
  error: new Canceled('This claim may only look at what has begun; nothing new may begin.'),
})

export const mismatch = (reason: string): Halt => ({ kind: 'failed', error: new JournalMismatch(reason) })
