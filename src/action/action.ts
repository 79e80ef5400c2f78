import { JournalMismatch } from '../errors/failures.ts'
import { isRefusal, type Refusal, Refused, refuse } from '../errors/refusal.ts'
import { checkRetryPolicy, defaultRetryPolicy, type RetryPolicy } from '../time/backoff.ts'
import { parseDuration } from '../time/duration.ts'
import { faultInApproval } from './approvals.ts'
import type { Action, ActionDefinition, AnyAction, PlannedAction, PlannedActionDefinition } from './definition.ts'
import { isModuleName } from './module.ts'
import type { StandardSchema } from './schema.ts'

export { type ApprovalsDefinition, handlerDigest, type Level, levelOf, levels, rulesOf } from './approvals.ts'
export type {
  Action,
  ActionDefinition,
  ActionTimeout,
  AnyAction,
  Concurrency,
  Hold,
  InputOf,
  IsolateOptions,
  OutputOf,
  PlannedAction,
  PlannedActionDefinition,
  RateLimit,
} from './definition.ts'
export type {
  PlanContext,
  PlanResult,
  ProposedPlan,
  ProposedStep,
  StepContext,
  StepDefinition,
  TargetResult,
} from './plan-definition.ts'
export { type ActionRegistry, actionRegistry } from './registry.ts'
export type {
  Artifact,
  Child,
  ChildRequest,
  EffectContext,
  EffectSpec,
  EffectTarget,
  HandlerTransaction,
  LogLevel,
  Progress,
  RunContext,
} from './run-context.ts'

/**
 * Defines an action. Throws {@link Refused} with code `invalid_definition` for a definition that cannot be executed.
 *
 * The result is frozen: an action does not change under a running execution.
 */
export function action<
  const Name extends string,
  Schema extends StandardSchema,
  Result,
  SecretName extends string = string,
  Output = Result,
>(
  definition: ActionDefinition<Name, Schema, Result, SecretName, Output>,
): Action<Name, Schema, Result, SecretName, Output>
export function action<
  const Name extends string,
  Schema extends StandardSchema,
  Args,
  SecretName extends string = string,
>(definition: PlannedActionDefinition<Name, Schema, Args, SecretName>): PlannedAction<Name, Schema, Args, SecretName>
export function action(definition: Definition): unknown {
  const isPlanned = definition.plan !== undefined || definition.steps !== undefined
  const refusal = isPlanned
    ? (checkPlanned(definition) ?? checkDefinition({ ...definition, run: withoutPlan }))
    : checkDefinition(definition)
  if (refusal !== undefined) throw new Refused(refusal)
  const approval = definition.approval ?? 'auto'
  return Object.freeze(isPlanned ? { ...definition, approval, run: withoutPlan } : { ...definition, approval })
}

/** An execution that was admitted when its action had no plan yet. */
function withoutPlan(): never {
  throw new JournalMismatch('The action has a plan, and this execution was admitted without one.')
}

/** Any definition, as untyped programs may write it. */
type Definition = Omit<AnyAction, 'approval' | 'run' | 'input' | 'output'> & {
  readonly approval?: unknown
  readonly input: unknown
  readonly output?: unknown
  readonly run?: unknown
}

const namePattern = /^[a-z][a-z0-9_]*(?:[.:][a-z][a-z0-9_]*)*$/i
const nameCharactersMax = 100
const priorityMax = 1000
const countMax = 100_000
const dayMs = 86_400_000

/** Node runs TypeScript without checking it, so a misspelled field has nobody else to object to it. */
const fields: ReadonlySet<string> = new Set<keyof AnyAction>([
  'name',
  'version',
  'input',
  'output',
  'approval',
  'approvals',
  'effects',
  'idempotencyKey',
  'subject',
  'locks',
  'concurrency',
  'rateLimit',
  'hold',
  'secrets',
  'timeout',
  'retry',
  'priority',
  'queue',
  'computed',
  'isolate',
  'run',
  'plan',
  'steps',
  'parallel',
])

/** Tells whether a text can be the name of an action. */
export function isActionName(text: string): boolean {
  return text.length <= nameCharactersMax && namePattern.test(text)
}

function checkDefinition(definition: Definition): Refusal | undefined {
  const { name, version, input, approval, retry, priority, timeout, isolate, run } = definition
  const bad = (reason: string): Refusal => invalid(name, reason)
  const unknown = Object.keys(definition).find((field) => !fields.has(field))
  if (unknown !== undefined) return bad(`there is no field \`${unknown}\`; it would have no effect.`)
  if (typeof name !== 'string' || !isActionName(name))
    return bad('the name must be parts of letters, digits and `_`, joined by `.` or `:`, at most 100 characters.')
  if (!Number.isSafeInteger(version) || version < 1)
    return bad(`the version must be a whole number from 1, not ${version}.`)
  if (!isStandardSchema(input)) return bad('the input must be a Standard Schema, for instance `z.object({ … })`.')
  if (typeof run !== 'function') return bad('`run` must be a function.')
  const isPlanned = definition.plan !== undefined
  const fault = faultInApproval(approval, definition.approvals, definition.effects, isPlanned)
  if (fault !== undefined) return bad(fault)
  if (priority !== undefined && !(Number.isSafeInteger(priority) && Math.abs(priority) <= priorityMax))
    return bad(`the priority must be a whole number from -${priorityMax} to ${priorityMax}, not ${priority}.`)
  if (definition.queue !== undefined && !(Number.isSafeInteger(definition.queue.max) && definition.queue.max >= 1))
    return bad(`queue.max must be a whole number from 1, not ${definition.queue.max}.`)
  if (timeout?.timeoutMs !== undefined && !(timeout.timeoutMs > 0))
    return bad(`timeoutMs must be above 0, not ${timeout.timeoutMs}.`)
  const isolation = isolate === undefined || isolate === true ? undefined : checkIsolate(isolate)
  if (isolation !== undefined) return bad(isolation)
  const counts = [definition.concurrency?.limit, definition.rateLimit?.limit, definition.rateLimit?.burst]
  if (counts.some((count) => count !== undefined && !(Number.isInteger(count) && count >= 1 && count <= countMax)))
    return bad(`a limit or a burst must be a whole number from 1 to ${countMax}.`)
  const { hold } = definition
  if (hold !== undefined && (typeof hold !== 'object' || hold === null || hold.throughWait === undefined))
    return bad("`hold` must be, for instance, `{ throughWait: '5m' }`.")
  for (const duration of [definition.rateLimit?.per, hold?.throughWait]) {
    const ms = duration === undefined ? 1 : parseDuration(duration)
    if (isRefusal(ms)) return bad(ms.reason)
    if (ms < 1 || ms > dayMs) return bad('the time of a rate and of a hold must be from 1 ms to one day.')
  }
  const policy = retry === undefined ? undefined : checkRetryPolicy(retryPolicyOf({ retry }))
  return policy !== undefined && 'refused' in policy ? bad(policy.reason) : undefined
}

const isolateMbMin = 16
const isolateMbMax = 65_536

function checkIsolate({ memoryMb, graceMs, module }: Exclude<AnyAction['isolate'], true | undefined>) {
  if (memoryMb !== undefined && !(memoryMb >= isolateMbMin && memoryMb <= isolateMbMax))
    return `isolate.memoryMb must be from ${isolateMbMin} to ${isolateMbMax}, not ${memoryMb}.`
  if (graceMs !== undefined && !(graceMs >= 0 && graceMs <= 3_600_000))
    return `isolate.graceMs must be from 0 to one hour, not ${graceMs}.`
  if (module !== undefined && !isModuleName(module))
    return 'isolate.module must be an absolute path or a file URL, for instance `import.meta.url`.'
  return undefined
}

const invalid = (name: unknown, reason: string): Refusal =>
  refuse('invalid_definition', `Action ${JSON.stringify(String(name).slice(0, nameCharactersMax))}: ${reason}`)

const stepNamePattern = /^[a-z][a-z0-9_]{0,59}$/i
const parallelMax = 64

function checkPlanned({ name, plan, steps, parallel, run, output, retry }: Definition): Refusal | undefined {
  const bad = (reason: string): Refusal => invalid(name, reason)
  if (run !== undefined) return bad('an action has either `run` or `plan` and `steps`.')
  if (output !== undefined) return bad('the result of a plan is the aggregate of its targets; leave `output` out.')
  if (typeof plan !== 'function') return bad('`plan` must be a function.')
  if (typeof steps !== 'object' || steps === null || Object.keys(steps).length === 0)
    return bad('`steps` must hold at least one step.')
  if (parallel !== undefined && !(Number.isSafeInteger(parallel) && parallel >= 1 && parallel <= parallelMax))
    return bad(`parallel must be a whole number from 1 to ${parallelMax}, not ${parallel}.`)
  for (const [step, one] of Object.entries(steps)) {
    if (!stepNamePattern.test(step))
      return bad(
        `the step ${JSON.stringify(step.slice(0, 60))} must be letters, digits and \`_\`, at most 60 characters.`,
      )
    if (typeof one !== 'object' || one === null || typeof one.run !== 'function')
      return bad(`the step ${step} must have a function \`run\`.`)
    if (one.timeoutMs !== undefined && !(one.timeoutMs > 0)) return bad(`timeoutMs of ${step} must be above 0.`)
    if (one.locks !== undefined && typeof one.locks !== 'function') return bad(`locks of ${step} must be a function.`)
    const follows = checkOnFailure(step, one.onFailure, steps)
    if (follows !== undefined) return bad(follows)
    const policy = checkRetryPolicy(retryPolicyOf({ retry: { ...retry, ...one.retry } }))
    if ('refused' in policy) return bad(`${step}: ${policy.reason}`)
  }
  return undefined
}

/** A fallback is a step that has none itself: what comes after it is to be read at one place. */
function checkOnFailure(step: string, onFailure: unknown, steps: NonNullable<AnyAction['steps']>): string | undefined {
  if (onFailure === undefined || onFailure === 'stop' || onFailure === 'continue') return undefined
  const fallback: unknown =
    typeof onFailure === 'object' && onFailure !== null ? Reflect.get(onFailure, 'fallback') : null
  if (typeof fallback !== 'string') return `onFailure of ${step} must be 'stop', 'continue' or { fallback: 'a step' }.`
  if (fallback === step || !Object.hasOwn(steps, fallback))
    return `the fallback of ${step} must be another step of the action, not ${JSON.stringify(fallback.slice(0, 60))}.`
  return typeof steps[fallback]?.onFailure === 'object'
    ? `the fallback of ${step} must not have one itself.`
    : undefined
}

function isStandardSchema(value: unknown): value is StandardSchema {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return false
  const standard = (value as { '~standard'?: { version?: unknown; validate?: unknown } })['~standard']
  return standard?.version === 1 && typeof standard.validate === 'function'
}

/** The retry policy of an action: what it declares, and for the rest what the server says. */
export function retryPolicyOf(
  action: Pick<AnyAction, 'retry'>,
  defaults: RetryPolicy = defaultRetryPolicy,
): RetryPolicy {
  const merged = { ...defaults, ...action.retry }
  // A longer base alone must not contradict the cap of the server.
  return action.retry?.capMs === undefined ? { ...merged, capMs: Math.max(merged.capMs, merged.baseMs) } : merged
}
