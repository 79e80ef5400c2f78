import { accessCodes } from './access-codes.ts'
import { approvalCodes } from './approval-codes.ts'
import { archiveCodes } from './archive-codes.ts'
import { dispatchCodes } from './dispatch-codes.ts'
import { fleetCodes } from './fleet-codes.ts'
import { inputCodes } from './input-codes.ts'
import { permitCodes } from './permit-codes.ts'
import { policyCodes } from './policy-codes.ts'
import { rightsCodes } from './rights-codes.ts'
import { scheduleCodes } from './schedule-codes.ts'
import { storeCodes } from './store-codes.ts'
import { transactionCodes } from './transaction-codes.ts'

/**
 * Every refusal Pawl can give: the one table behind the HTTP status, the CLI exit code and the reference page.
 *
 * `http` follows RFC 9110, RFC 6585 (429) and RFC 9457; `exit` is the CLI's exit code (0..11 or 130).
 */
export const codes = {
  ...approvalCodes,
  ...permitCodes,
  ...policyCodes,
  ...scheduleCodes,
  ...fleetCodes,
  ...dispatchCodes,

  // What was sent cannot be used as it is.
  ...inputCodes,

  // Who asks.
  ...accessCodes,
  not_signed_in: {
    http: 401,
    exit: 4,
    why: 'The request carries no token.',
    next: 'Sign in, or set PAWL_TOKEN.',
  },
  invalid_token: {
    http: 401,
    exit: 4,
    why: 'The token is unknown, expired or revoked.',
    next: 'Ask for a new token.',
  },
  ...rightsCodes,

  // What is asked about, and the state it is in.
  not_found: {
    http: 404,
    exit: 3,
    why: 'There is nothing with this id that the principal may see.',
    next: 'Check the id and the tenant.',
  },
  worker_unknown: {
    http: 404,
    exit: 3,
    why: 'No worker with this id is registered.',
    next: 'Register the worker again before it claims.',
  },
  illegal_transition: {
    http: 409,
    exit: 5,
    why: 'The command is not possible in the state that the execution is in.',
    next: 'Read the present state and choose a command that it allows.',
  },
  state_changed: {
    http: 412,
    exit: 5,
    why: 'The execution changed since the given state version was read.',
    next: 'Read it again and decide anew.',
  },
  already_settled: {
    http: 409,
    exit: 5,
    why: 'The execution has already ended.',
    next: 'Read its result; use redrive or rerun to execute again.',
  },
  lease_lost: {
    http: 409,
    exit: 5,
    why: 'The lease ended or another worker claimed the execution since.',
    next: 'Stop working on it; whoever holds the new fence continues.',
  },
  outcome_differs: {
    http: 409,
    exit: 5,
    why: 'The execution was already completed with another outcome.',
    next: 'Compare the two outcomes; the first one stays.',
  },
  idempotency_key_reused: {
    http: 422,
    exit: 5,
    why: 'The idempotency key was already used with another input.',
    next: 'Use a new key, or send the input that belongs to this key.',
  },
  rerun_underway: {
    http: 409,
    exit: 5,
    why: 'A newer execution with the same idempotency key has not ended.',
    next: 'Wait for its end, or cancel it; then run the older one again.',
  },
  child_too_deep: {
    http: 422,
    exit: 2,
    why: 'The execution would have more than 16 ancestors.',
    next: 'Look for an action that spawns itself without end.',
  },
  too_many_children: {
    http: 422,
    exit: 2,
    why: 'The parent has as many children as it may (1,000).',
    next: 'Split the work: let each child have children of its own.',
  },
  parent_ended: {
    http: 409,
    exit: 5,
    why: 'The execution that is named as parent has ended.',
    next: 'Submit it without a parent, or redrive the parent first.',
  },
  signals_full: {
    http: 429,
    exit: 1,
    why: 'The execution holds as many unread signals as it may (1,000), or has got 10,000 in all.',
    next: 'Look why it does not read them with `pawl why <id>`; then send the signal again.',
  },
  effect_not_in_doubt: {
    http: 409,
    exit: 5,
    why: 'The effect is not in doubt, so there is nothing to resolve.',
    next: 'Read the recorded outcome of the effect.',
  },
  effect_in_doubt: {
    http: 409,
    exit: 5,
    why: 'An effect of the execution may or may not have happened.',
    next: 'Resolve the effect first with `pawl effect resolve`.',
  },
  effect_concluded: {
    http: 409,
    exit: 5,
    why: 'The outcome of this effect is on record and stands.',
    next: 'Use the recorded outcome; `pawl effect list` shows it.',
  },
  old_process_alive: {
    http: 409,
    exit: 6,
    why: 'The target does not show the effect, but the process that may still perform it is not proven dead.',
    next: 'Look at the target yourself, then decide with `pawl effect resolve`.',
  },
  cancel_requested: {
    http: 409,
    exit: 5,
    why: 'Somebody asked to cancel the execution, so no further effect may begin.',
    next: 'Stop the run; the engine ends the execution as canceled. What a cancel does: docs/explain/cancellation.md.',
  },
  reconcile_only: {
    http: 409,
    exit: 5,
    why: 'The execution was claimed only to find out what its open effects did.',
    next: 'Stop the run; the engine ends the execution once every effect is known.',
  },
  journal_mismatch: {
    http: 409,
    exit: 5,
    why: 'The handler ran steps in another order than the journal of the execution holds.',
    next: 'Give the changed action a new version and rerun.',
  },
  execution_paused: {
    http: 409,
    exit: 6,
    why: 'The system, tenant, action or subject is paused.',
    next: 'Unpause it, or wait until it is unpaused.',
  },

  // Too much at once.
  queue_full: {
    http: 429,
    exit: 1,
    why: 'The queue holds as many executions as it may.',
    next: 'Submit again later; nothing was stored.',
  },
  too_many_requests: {
    http: 429,
    exit: 1,
    why: 'The server serves as many requests as it can at once.',
    next: 'Send the request again after a pause.',
  },
  rate_limited: {
    http: 429,
    exit: 1,
    why: 'The principal sent more requests than its rate allows.',
    next: 'Wait for the time in `Retry-After` and send again.',
  },

  ...storeCodes,
  ...transactionCodes,

  // What a waiting command found.
  watched_not_succeeded: {
    http: 409,
    exit: 7,
    why: 'The watched execution ended without success.',
    next: 'Read its events with `pawl events <id>`.',
  },
  ...archiveCodes,

  wait_timed_out: {
    http: 504,
    exit: 8,
    why: 'The execution did not end while the command waited; it goes on.',
    next: 'Wait again; nothing was canceled.',
  },
  interrupted: {
    http: 499,
    exit: 130,
    why: 'The command was interrupted; the execution goes on.',
    next: 'Watch it again with `pawl watch <id>`.',
  },

  internal: {
    http: 500,
    exit: 1,
    why: 'Pawl made a mistake; the stored truth was not changed by it.',
    next: 'Report the trace id together with the log of the server.',
  },
} as const satisfies Record<string, CodeMeaning>

/** What one code means to HTTP, to the CLI and to the reader. */
export interface CodeMeaning {
  readonly http: number
  readonly exit: 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 | 130
  readonly why: string
  readonly next: string
}

export type Code = keyof typeof codes

export function isCode(text: string): text is Code {
  return Object.hasOwn(codes, text)
}
