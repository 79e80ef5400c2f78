import { type Refusal, refuse } from '../errors/refusal.ts'
import { sha256 } from '../json/hash.ts'
import { parseDuration } from '../time/duration.ts'
import type { AnyAction } from './definition.ts'

/** Nothing · that it runs · its plan · its plan, and each step of it. */
export const levels = ['auto', 'confirm', 'plan_review', 'step_by_step'] as const
export type Level = (typeof levels)[number]

/** How it is agreed to. What is left out follows from the level. */
export interface ApprovalsDefinition {
  /** How many must agree, each a principal of its own; 1 by default, at most 20. */
  readonly quorum?: number
  /** Only votes of members of one of these groups count; of anybody who may approve by default. */
  readonly groups?: readonly string[]
  /** How long a vote is of use: the first run must begin by then. Without a limit by default. */
  readonly useBy?: string | number
  /** Whether who asked for it may agree to it: at `confirm` by default, and no further. */
  readonly selfApproval?: boolean
  /** Who dispatches what was agreed to: the rules at `confirm`, a person from `plan_review` up. */
  readonly resume?: 'auto' | 'manual'
  /** A plan that is older is made anew before the first run; never by default. */
  readonly planMaxAge?: string | number
}

export const quorumMax = 20
const groupsMax = 20
const fields: ReadonlySet<string> = new Set<keyof ApprovalsDefinition>([
  'quorum',
  'groups',
  'useBy',
  'selfApproval',
  'resume',
  'planMaxAge',
])

export const isLevel = (value: unknown): value is Level => (levels as readonly unknown[]).includes(value)

/** People would agree to a plan that allows anything. */
const namesNoEffects =
  "plan_review needs `plan`, or `effects`: the names of all effects that `run` may ask for, for people to agree to, such as `effects: ['charge']`; `[]` is none."

/** Says what is wrong with the approval of a definition; undefined when nothing is. */
export function faultInApproval(
  approval: unknown,
  approvals: unknown,
  effects: unknown,
  isPlanned: boolean,
): string | undefined {
  if (approval !== undefined && typeof approval !== 'function' && !isLevel(approval))
    return `the approval must be one of ${levels.join(', ')}, or a function that gives one.`
  if (approval === 'step_by_step' && !isPlanned) return 'step_by_step needs `plan` and `steps`: there is one step only.'
  if (effects !== undefined) {
    if (isPlanned) return 'the effects of a plan are named by its steps; leave `effects` out.'
    if (!isNames(effects, 100)) return '`effects` must be at most 100 names of 1 to 200 characters.'
  }
  if (approval === 'plan_review' && !isPlanned && effects === undefined) return namesNoEffects
  return approvals === undefined ? undefined : faultInRules(approvals)
}

export function faultInRules(approvals: unknown): string | undefined {
  if (typeof approvals !== 'object' || approvals === null) return '`approvals` must be, for instance, `{ quorum: 2 }`.'
  const unknown = Object.keys(approvals).find((field) => !fields.has(field))
  if (unknown !== undefined) return `there is no field \`approvals.${unknown}\`; it would have no effect.`
  const { quorum, groups, useBy, selfApproval, resume, planMaxAge } = approvals as ApprovalsDefinition
  if (quorum !== undefined && !(Number.isInteger(quorum) && quorum >= 1 && quorum <= quorumMax))
    return `approvals.quorum must be a whole number from 1 to ${quorumMax}.`
  if (groups !== undefined && !(isNames(groups, groupsMax) && groups.length > 0))
    return `approvals.groups must be 1 to ${groupsMax} names.`
  if (selfApproval !== undefined && typeof selfApproval !== 'boolean')
    return 'approvals.selfApproval must be true or false.'
  if (resume !== undefined && resume !== 'auto' && resume !== 'manual')
    return 'approvals.resume must be auto or manual.'
  for (const [field, duration] of Object.entries({ useBy, planMaxAge })) {
    const ms = duration === undefined ? 1 : parseDuration(duration)
    if (typeof ms !== 'number') return `approvals.${field}: ${ms.reason}`
    if (ms < 1) return `approvals.${field} must be at least 1 ms.`
  }
  return undefined
}

const isNames = (value: unknown, most: number): value is readonly string[] =>
  Array.isArray(value) &&
  value.length <= most &&
  value.every((name) => typeof name === 'string' && name.length > 0 && name.length <= 200 && name.isWellFormed())

/** The level of one execution: a pure function of its parsed input. A function that throws is no level. */
export function levelOf(action: AnyAction, input: unknown): Level | Refusal {
  const { name, approval } = action
  if (typeof approval === 'string') return approval
  let level: unknown
  try {
    level = approval(input as never)
  } catch {
    return refuse('invalid_approval', `The approval function of ${name} throws for this input.`)
  }
  if (!isLevel(level))
    return refuse('invalid_approval', `The approval function of ${name} gives no level for this input.`)
  return refuseLevel(action, level) ?? level
}

/** Whether an action can be of this level at all: what it has must be something that people can agree to. */
export function refuseLevel(
  { name, plan, effects }: Pick<AnyAction, 'name' | 'plan' | 'effects'>,
  level: Level,
): Refusal | null {
  if (plan !== undefined) return null
  if (level === 'step_by_step') {
    return refuse('invalid_approval', `${name} has no plan(), so there are no steps to approve one by one.`)
  }
  if (level === 'plan_review' && effects === undefined) return refuse('invalid_approval', `${name}: ${namesNoEffects}`)
  return null
}

/** What a level means where nobody says otherwise. */
export const defaultOf = (level: Level): Required<Pick<ApprovalsDefinition, 'selfApproval' | 'resume'>> =>
  level === 'confirm' ? { selfApproval: true, resume: 'auto' } : { selfApproval: false, resume: 'manual' }

/** The rules as they are for one level, with what the definition leaves out. */
export function rulesOf<L extends Exclude<Level, 'auto'>>(level: L, definition: ApprovalsDefinition = {}) {
  const usual = defaultOf(level)
  const { quorum = 1, groups = [], useBy, planMaxAge } = definition
  const { selfApproval = usual.selfApproval, resume = usual.resume } = definition
  const msOf = (duration: string | number | undefined): number | null => {
    const ms = duration === undefined ? null : parseDuration(duration)
    return typeof ms === 'number' ? ms : null
  }
  return { level, quorum, groups, useByMs: msOf(useBy), selfApproval, resume, planMaxAgeMs: msOf(planMaxAge) }
}

/** SHA-256 over the source texts of what will act: other code is another plan, whatever it says that it will do. */
export function handlerDigest({ plan, steps, run }: AnyAction): string {
  if (plan === undefined || steps === undefined) return sha256(JSON.stringify(['run', String(run)]))
  return sha256(
    JSON.stringify([String(plan), ...Object.entries(steps).flatMap(([name, one]) => [name, String(one.run)])]),
  )
}
