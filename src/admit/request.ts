import type { ActionRegistry, AnyAction } from '../action/action.ts'
import { retryPolicyOf } from '../action/action.ts'
import { refuseComputed, refuseSaid } from '../action/computed.ts'
import { validate } from '../action/schema.ts'
import { type Admission, type Dedupe, dedupes } from '../commit/order.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { OnParentCancel } from '../execution/execution.ts'
import { canonicalize } from '../json/canonical.ts'
import { inputHash, sha256 } from '../json/hash.ts'
import { type ActivePolicy, noPolicy } from '../policy/policy.ts'
import type { RetryPolicy } from '../time/backoff.ts'
import { durationMsMax, parseDuration } from '../time/duration.ts'
import { gateFor } from './gate.ts'
import { checkNeeds } from './needs.ts'

/** What a caller may say about a new execution. Everything but action and input has a default. */
export interface SubmitRequest {
  readonly action: string
  readonly version?: number | undefined
  readonly input: unknown
  /** Given by the caller, or else computed by the action; at most 255 characters. */
  readonly key?: string | undefined
  readonly subject?: string | undefined
  readonly mode?: 'immediate' | 'background' | undefined
  /** −100 to 100; higher runs first. */
  readonly priority?: number | undefined
  /** Epoch milliseconds or RFC 3339 text. */
  readonly runAt?: number | string | undefined
  /** Milliseconds, or text such as `5m`. */
  readonly delay?: number | string | undefined
  readonly deadline?: number | string | undefined
  readonly seed?: string | number | undefined
  readonly recordOnly?: boolean | undefined
  readonly traceId?: string | undefined
  readonly slaClass?: string | undefined
  readonly actionClass?: string | undefined
  /** What becomes of an older execution with the same key that was never claimed: `first` leaves it as it is. */
  readonly dedupe?: Dedupe | undefined
  /** Public id of the execution that it belongs to: told of its end, and cancelled with it. */
  readonly parentId?: string | undefined
  /** What a cancel of the parent does to it; `cancel` when not given. */
  readonly onParentCancel?: OnParentCancel | undefined
}

export interface Requester {
  readonly principal: string
  readonly tenant: string
  /** May replace only what it has asked for itself. */
  readonly ownOnly?: boolean | undefined
}

export interface AdmissionRules {
  readonly actions: ActionRegistry
  readonly retryPolicy: RetryPolicy
  readonly now: number
  readonly newTraceId: () => string
  /** Executions of one tenant that may run at the same time; no limit without it. */
  readonly tenantConcurrency?: number | null | undefined
  /** The most that may wait of one tenant. */
  readonly queueMax?: number | undefined
  /** What is in force for the tenant; without it the definitions alone decide. */
  readonly policy?: ActivePolicy | undefined
  /** The execution it shall be a child of, with how many ancestors that has. */
  readonly parent?: { readonly id: number; readonly depth: number } | undefined
}

export const priorityMax = 100
const textMax = 255

/** Checks a request completely and makes it canonical. Nothing is written; a refusal names the field and the limit. */
export async function checkRequest(
  request: SubmitRequest,
  by: Requester,
  rules: AdmissionRules,
): Promise<Admission | Refusal> {
  const action = rules.actions.find(String(request.action), request.version)
  if (isRefusal(action)) return action
  const refusal =
    refuseSaid(request) ??
    checkText('key', request.key) ??
    checkText('subject', request.subject) ??
    checkText('traceId', request.traceId)
  if (refusal) return refusal
  const priority = request.priority ?? action.priority ?? 0
  if (!Number.isInteger(priority) || Math.abs(priority) > priorityMax) {
    return refuse(
      'invalid_priority',
      `Priority must be a whole number from −${priorityMax} to ${priorityMax}, not ${priority}.`,
    )
  }
  const times = checkTimes(request, rules.now)
  if (isRefusal(times)) return times

  // The raw input is hashed, not the parsed one: a schema that later fills in another default must not turn a
  // replay into a conflict.
  const input = canonicalize(request.input)
  if (isRefusal(input)) return input
  const computed = refuseComputed(action, request.input)
  if (computed) return computed
  const parsed = await validate(action.input, request.input)
  if (isRefusal(parsed)) return parsed
  const key = request.key ?? action.idempotencyKey?.(parsed.value as never) ?? null
  const subject = request.subject ?? action.subject?.(parsed.value as never) ?? null
  const derived = checkText('key', key ?? undefined) ?? checkText('subject', subject ?? undefined)
  if (derived) return derived
  const { policy = noPolicy } = rules
  const { concurrency, queueMax } = policy.document.limits ?? {}
  const permits = checkNeeds(action, parsed.value, lower(rules.tenantConcurrency, concurrency) ?? null)
  if (isRefusal(permits)) return permits
  const { dedupe = 'first' } = request
  const contradiction = checkDedupe(dedupe, key, times.delayMs)
  if (contradiction) return contradiction
  const hash = inputHash(input)
  const recordOnly = request.recordOnly ?? false
  const actionClass = request.actionClass ?? action.timeout?.actionClass ?? 'default'
  const said = { action: action.name, version: action.version, input, recordOnly, subject, actionClass }
  // At level auto, which most are, nothing is computed.
  const isAuto = action.approval === 'auto' && policy.document.approvals === undefined
  const gate = isAuto ? undefined : gateFor(action, parsed.value, { ...said, requestedBy: by.principal }, policy)
  if (isRefusal(gate)) return gate
  return {
    tenant: by.tenant,
    action: action.name,
    version: action.version,
    subject,
    key,
    recordOnly,
    input,
    inputHash: hash,
    seed: request.seed === undefined ? defaultSeed(action, hash) : String(request.seed),
    traceId: request.traceId ?? rules.newTraceId(),
    requestedBy: by.principal,
    mode: request.mode ?? 'background',
    priority,
    slaClass: request.slaClass ?? action.timeout?.slaClass ?? 'standard',
    actionClass,
    maxAttempts: retryPolicyOf(action, rules.retryPolicy).maxAttempts,
    permits,
    ...(dedupe === 'first' ? {} : { dedupe, ownOnly: by.ownOnly }),
    queueMax: action.queue?.max,
    tenantMax: lower(rules.queueMax, queueMax),
    ...(policy.version === noPolicy.version ? {} : { policyVersion: policy.version }),
    ...(action.plan === undefined ? {} : { isPlanned: true }),
    ...(gate === undefined ? {} : { gate }),
    parentId: rules.parent?.id ?? null,
    depth: rules.parent === undefined ? 0 : rules.parent.depth + 1,
    onParentCancel: rules.parent === undefined ? null : (request.onParentCancel ?? 'cancel'),
    ...times,
  }
}

/** The lower of two limits; null and undefined are none. */
const lower = (one: number | null | undefined, other: number | undefined): number | undefined =>
  one === null || one === undefined ? other : Math.min(one, other ?? one)

/** The same input has the same seed wherever and whenever it is submitted. */
const defaultSeed = (action: AnyAction, hash: string): string =>
  sha256(`${action.name}@${action.version} ${hash}`).slice(0, 32)

function checkDedupe(dedupe: Dedupe, key: string | null, delayMs: number | null): Refusal | null {
  if (!dedupes.includes(dedupe)) return refuse('invalid_dedupe', `dedupe is one of ${dedupes.join(', ')}.`)
  if (dedupe !== 'first' && key === null) return refuse('invalid_dedupe', `${dedupe} needs an idempotency key.`)
  if (dedupe === 'debounce' && delayMs === null) return refuse('invalid_dedupe', 'debounce needs a delay.')
  return null
}

function checkText(name: string, text: string | undefined): Refusal | null {
  if (text === undefined) return null
  if (typeof text !== 'string' || text.length === 0 || text.length > textMax) {
    return refuse(
      name === 'key' ? 'key_too_long' : 'invalid_input',
      `${name} must be text of 1 to ${textMax} characters`,
    )
  }
  return text.isWellFormed() ? null : refuse('invalid_string', `${name} holds half of a surrogate pair.`)
}

function checkTimes(
  request: SubmitRequest,
  now: number,
): Pick<Admission, 'availableAt' | 'delayMs' | 'deadlineAt'> | Refusal {
  if (request.runAt !== undefined && request.delay !== undefined) {
    return refuse('invalid_delay', 'runAt and delay exclude each other; give one of them.')
  }
  const runAt = request.runAt === undefined ? null : timeOf('runAt', request.runAt, now)
  if (isRefusal(runAt)) return runAt
  const delayMs = request.delay === undefined ? null : parseDuration(request.delay)
  if (isRefusal(delayMs)) return delayMs
  const deadlineAt = request.deadline === undefined ? null : timeOf('deadline', request.deadline, now)
  if (isRefusal(deadlineAt)) return deadlineAt
  if (deadlineAt !== null && deadlineAt <= (runAt ?? now + (delayMs ?? 0))) {
    return refuse('invalid_delay', 'The deadline is not after the time at which the execution may start.')
  }
  return { availableAt: runAt, delayMs, deadlineAt }
}

function timeOf(name: string, value: number | string, now: number): number | Refusal {
  const at = typeof value === 'number' ? value : Date.parse(value)
  if (!Number.isSafeInteger(at)) {
    return refuse(
      'invalid_delay',
      `${name} must be epoch milliseconds or an RFC 3339 time, not ${JSON.stringify(value)}.`,
    )
  }
  if (Math.abs(at - now) > durationMsMax) {
    return refuse('invalid_delay', `${name} is more than ten years away from now.`)
  }
  return at
}
