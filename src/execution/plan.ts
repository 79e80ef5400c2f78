import { type Refusal, refuse } from '../errors/refusal.ts'
import { sha256 } from '../json/hash.ts'
import type { Request } from './execution.ts'

/** Steps of one plan, and bytes of its canonical text: what is read, hashed and shown as a whole. */
export const planStepsMax = 10_000
export const planBytesMax = 4 * 1024 * 1024

export const targetStates = ['pending', 'running', 'succeeded', 'failed', 'skipped'] as const
export type TargetState = (typeof targetStates)[number]

/**
 * What an execution is going to do. Revision 0 stands from the admission on and says only that somebody has to plan;
 * a revision that was planned has a hash and never changes.
 */
export interface Plan {
  readonly id: number
  readonly revision: number
  /** SHA-256 over the canonical text of {@link planText}; null for revision 0. */
  readonly hash: string | null
  readonly summary: string | null
  /** Canonical JSON of what `plan()` has read: an array of `{ name, value }`. */
  readonly reads: string | null
  /** Targets at a time. */
  readonly parallel: number
  readonly at: number
  /** Incarnation key of the worker that planned; null for the one step of an action without `plan()`. */
  readonly worker: number | null
  /** Canonical JSON of how it differs from the revision before; null for the first. */
  readonly diff: string | null
}

/** What a plan says about one target. */
export interface PlannedStep {
  readonly step: string
  readonly target: string
  /** Canonical JSON. */
  readonly args: string
  /** Names of the effects it will ask for. */
  readonly effects: readonly string[]
}

/** One step of a plan on its target, and how far it has come. */
export interface PlanStep extends PlannedStep {
  readonly id: number
  /** Place in the plan, from 0. */
  readonly idx: number
  readonly state: TargetState
  readonly tries: number
  /** Canonical JSON of what it returned. */
  readonly value: string | null
  /** What it failed with; of one that runs or has succeeded, what its step failed with before its fallback began. */
  readonly errorClass: string | null
  readonly error: string | null
  /** Of the claim that began it last; 0 before the first. */
  readonly fence: number
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** When enough had agreed to this step, where each needs it; null before. */
  readonly approvedAt: number | null
  /** The revision of the plan that it is of. */
  readonly revision: number
}

/** What one commit writes of steps, in this order. */
export interface PlanStepChanges {
  /** Executions of which a further revision takes the place of all steps. */
  readonly drop: readonly number[]
  readonly add: readonly PlanStep[]
  /** Only how far they have come: what was planned stays. */
  readonly change: readonly PlanStep[]
}

/** Names the step and the target in journals, effect keys and messages. */
export const scopeOf = ({ step, target }: Pick<PlannedStep, 'step' | 'target'>): string => `${step}[${target}]`

/** The same for the step that answers for a target when its own step has failed. No target's own scope ends like this. */
export const fallbackScopeOf = (planned: Pick<PlannedStep, 'step' | 'target'>, fallback: string): string =>
  `${scopeOf(planned)}>${fallback}`

/** Whether an effect that was asked for under this scope is one of the target, by its step or by its fallback. */
export function isOfTarget(planned: Pick<PlannedStep, 'step' | 'target'>, scope: string): boolean {
  const own = scopeOf(planned)
  return scope === own || (scope.startsWith(`${own}>`) && /^\w+$/.test(scope.slice(own.length + 1)))
}

export const hasFallenBack = ({ state, errorClass }: Pick<PlanStep, 'state' | 'errorClass'>): boolean =>
  state === 'succeeded' && errorClass !== null

/** What a planner hands over: its steps in the order in which `plan()` gave them. */
export interface Proposal {
  readonly summary: string
  readonly reads: string
  readonly parallel: number
  /** Keep the order given; otherwise the steps are put into the one order that follows from the steps alone. */
  readonly ordered: boolean
  readonly steps: readonly PlannedStep[]
  /** Names of the step handlers, in the order in which the action declares them. */
  readonly handlers: readonly string[]
  /** SHA-256 over the source texts of `plan` and the step handlers. */
  readonly handlerDigest: string
  /** Names of the secrets that the action declares. */
  readonly secrets: readonly string[]
}

/** Names the limit, the step or the target that cannot be accepted; null when there is nothing to refuse. */
export function refuseProposal({ steps, handlers, reads, summary }: Proposal): Refusal | null {
  if (steps.length > planStepsMax) {
    return refuse('plan_too_large', `The plan has ${steps.length} steps; at most ${planStepsMax} are allowed.`, {
      steps: steps.length,
      stepsMax: planStepsMax,
    })
  }
  const known = new Set(handlers)
  const seen = new Set<string>()
  let bytes = Buffer.byteLength(reads) + Buffer.byteLength(summary)
  for (const planned of steps) {
    const { step, target } = planned
    if (!known.has(step)) {
      return refuse('plan_invalid', `The plan names the step ${step}, which the action does not define.`, {
        step,
        known: [...known],
      })
    }
    const key = JSON.stringify([step, target])
    if (seen.has(key)) {
      return refuse('plan_invalid', `The plan names the step ${step} on the target ${target} twice.`, { step, target })
    }
    seen.add(key)
    bytes += Buffer.byteLength(stepText(planned))
  }
  return bytes > planBytesMax
    ? refuse('plan_too_large', `The plan has ${bytes} bytes; at most ${planBytesMax} are allowed.`, {
        bytes,
        bytesMax: planBytesMax,
      })
    : null
}

/**
 * The one order of a plan, whatever order its steps were found in: as the action declares its steps, and within one
 * step by target in UTF-16 code units, which no machine and no language sets otherwise.
 */
export function orderSteps({ steps, handlers, ordered }: Proposal): readonly PlannedStep[] {
  if (ordered) return steps
  const place = new Map(handlers.map((name, index) => [name, index]))
  const placeOf = ({ step }: PlannedStep): number => place.get(step) ?? handlers.length
  return [...steps].sort((a, b) => placeOf(a) - placeOf(b) || byCodeUnits(a.target, b.target))
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/**
 * Canonical JSON (RFC 8785) of all that an approval binds to. Its members stand in their sorted order; input and args are
 * canonical already.
 */
export function planText(
  request: Pick<Request, 'action' | 'actionVersion' | 'input' | 'recordOnly' | 'policyVersion'>,
  { handlerDigest, secrets }: Pick<Proposal, 'handlerDigest' | 'secrets'>,
  steps: readonly PlannedStep[],
): string {
  const members = [
    `"action":${JSON.stringify(request.action)}`,
    `"handlerDigest":${JSON.stringify(handlerDigest)}`,
    `"input":${request.input}`,
    `"policyVersion":${request.policyVersion}`,
    `"recordOnly":${request.recordOnly}`,
    `"secrets":${JSON.stringify([...secrets].sort())}`,
    `"steps":[${steps.map(stepText).join(',')}]`,
    `"version":${request.actionVersion}`,
  ]
  return `{${members.join(',')}}`
}

export const planHash = (text: string): string => sha256(text)

const stepText = ({ step, target, args, effects }: PlannedStep): string =>
  `{"args":${args},"effects":${JSON.stringify(effects)},"step":${JSON.stringify(step)},"target":${JSON.stringify(target)}}`

/** The step of an action without `plan()`, and the target of one that is about nothing. */
export const onlyStep = 'run'

/** Names any effect, where an action says of none which it has. */
export const anyEffect = '*'

/** What an action without `plan()` is going to do, as a plan. */
export const onlySteps = (
  { action, subject }: Pick<Request, 'action' | 'subject'>,
  effects: readonly string[] | null,
): readonly PlannedStep[] => [
  { step: onlyStep, target: subject ?? action, args: 'null', effects: effects ?? [anyEffect] },
]
