import { archiveCodes } from './archive-codes.ts'
import { permitCodes } from './permit-codes.ts'
import { scheduleCodes } from './schedule-codes.ts'
import { storeCodes } from './store-codes.ts'

/**
 * Every refusal Pawl can give: the one table behind the HTTP status, the CLI exit code and the reference page.
 *
 * `http` follows RFC 9110, RFC 6585 (429) and RFC 9457; `exit` is the CLI's exit code (0..11 or 130).
 */
export const codes = {
  ...permitCodes,
  ...scheduleCodes,

  // What was sent cannot be used as it is.
  invalid_input: {
    http: 422,
    exit: 2,
    why: 'The input does not fit the schema that the action declares.',
    next: 'Correct the listed fields and submit again.',
  },
  computed_field_submitted: {
    http: 422,
    exit: 2,
    why: 'A field that the action computes by itself was submitted with a value.',
    next: 'Leave the field out; the action computes it.',
  },
  unknown_action: {
    http: 404,
    exit: 3,
    why: 'No action with this name and version is registered.',
    next: 'List the registered actions with `pawl action list` and correct the name or the version.',
  },
  isolate_without_module: {
    http: 422,
    exit: 2,
    why: 'An action runs in a process of its own, and the worker does not know the module that exports it.',
    next: 'Start the worker with --actions, or give the action `isolate: { module: import.meta.url }`.',
  },
  unknown_command: {
    http: 404,
    exit: 2,
    why: 'There is no command with this name.',
    next: 'List the commands with `pawl --help`.',
  },
  input_too_large: {
    http: 413,
    exit: 2,
    why: 'The JSON document is larger than the limit (256 KiB unless stated otherwise).',
    next: 'Store the large part elsewhere and submit a reference to it.',
  },
  input_too_deep: {
    http: 422,
    exit: 2,
    why: 'The JSON document is nested deeper than the limit (64 levels unless stated otherwise).',
    next: 'Flatten the document.',
  },
  invalid_json: {
    http: 400,
    exit: 2,
    why: 'The text or value is not JSON.',
    next: 'Send a JSON document as RFC 8259 defines it.',
  },
  invalid_string: {
    http: 422,
    exit: 2,
    why: 'A string holds half of a surrogate pair and therefore is not valid Unicode.',
    next: 'Send the complete character or leave it out.',
  },
  invalid_number: {
    http: 422,
    exit: 2,
    why: 'A number is not finite, or does not fit the JSON number range.',
    next: 'Send a finite number; send large integers as strings.',
  },
  forbidden_key: {
    http: 422,
    exit: 2,
    why: 'An object holds a key that would change the object itself (`__proto__`).',
    next: 'Rename the key.',
  },
  invalid_cursor: {
    http: 400,
    exit: 2,
    why: 'The cursor was not made by this server or belongs to another query.',
    next: 'Start again from the first page.',
  },
  invalid_delay: {
    http: 422,
    exit: 2,
    why: 'The delay or point in time is not readable, lies in the past where it may not, or is more than 10 years away.',
    next: 'Give a duration such as `30s`, `5m` or `1h30m`, at most 10 years.',
  },
  invalid_dedupe: {
    http: 422,
    exit: 2,
    why: 'The way to treat an older execution with the same key is unknown, or lacks the key or the delay it needs.',
    next: 'Give a key, and for `debounce` a delay; or leave `dedupe` out.',
  },
  too_many_items: {
    http: 413,
    exit: 2,
    why: 'One call names more executions than it may.',
    next: 'Send them in several calls.',
  },
  invalid_priority: {
    http: 422,
    exit: 2,
    why: 'The priority is not an integer in the allowed range.',
    next: 'Give an integer priority within the documented range.',
  },
  invalid_definition: {
    http: 500,
    exit: 2,
    why: 'An action is defined in a way that cannot be executed.',
    next: 'Correct the definition of the action as the reason says.',
  },
  key_too_long: {
    http: 422,
    exit: 2,
    why: 'The idempotency key is longer than 255 characters.',
    next: 'Use a shorter key, for example a hash of the long one.',
  },
  result_too_large: {
    http: 413,
    exit: 1,
    why: 'The result is larger than the 10 KiB that are kept inline.',
    next: 'Store the bytes with `artifact(…)` and return the reference.',
  },
  bad_configuration: {
    http: 500,
    exit: 2,
    why: 'The configuration contradicts itself or holds an unreadable value.',
    next: 'Correct the named environment variable and start again.',
  },

  // Who asks.
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
  not_permitted: {
    http: 403,
    exit: 4,
    why: 'The principal lacks the permission for this command.',
    next: 'Ask somebody who has the permission, or ask for the role that holds it.',
  },

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
    next: 'Stop the run; the engine ends the execution as canceled.',
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
