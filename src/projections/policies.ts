import type { Level } from '../action/approvals.ts'
import type { ApprovalRules, Gate } from '../execution/approval.ts'
import type { State } from '../execution/machine.ts'
import type { PolicyDocument } from '../policy/document.ts'
import { noPolicy, type Policy } from '../policy/policy.ts'
import type { TimeoutPolicyView } from './timeouts.ts'
import { timeText } from './view.ts'

/** One version, as lists show it. */
export interface PolicyEntry {
  readonly version: number
  readonly active: boolean
  /** `default` is version 1: no policy at all. */
  readonly kind: Policy['kind'] | 'default'
  /** Of a rollback: the version whose document it is. */
  readonly restored: number | null
  /** SHA-256 of the canonical document; null of version 1, which has none. */
  readonly hash: string | null
  readonly bytes: number
  readonly by: string
  readonly reason: string
  /** Null of version 1, which was always there. */
  readonly at: string | null
}

export interface PolicyView extends PolicyEntry {
  readonly document: PolicyDocument
  /** How long work may take stands in a table of its own, for all tenants: `pawl timeout-policy set`. */
  readonly timeouts: readonly TimeoutPolicyView[]
}

export interface FlagView {
  readonly name: string
  readonly value: boolean | string
}

/** What would be asked for; of a plan of so many targets, what `byTargets` says. */
export type DemandView =
  | (ApprovalRules & Pick<Gate, 'byTargets'>)
  | { readonly level: Extract<Level, 'auto'> }
  | { readonly refused: string }

/** An execution of the sample that would be treated otherwise. */
export interface PolicyEffect {
  readonly executionId: string
  readonly action: string
  readonly subject: string | null
  readonly requestedBy: string
  /** What waits for approval already keeps what it was admitted with. */
  readonly state: State
  readonly before: DemandView
  readonly after: DemandView
}

export interface PolicySample {
  /** All of it in a sentence. */
  readonly verdict: string
  /** The version in force, which it is compared with. */
  readonly version: number
  /** How many of the newest executions were looked at. */
  readonly sample: number
  /** Of those, how many could not be: their action is not registered here, or takes another input by now. */
  readonly unknown: number
  readonly changed: number
  readonly items: readonly PolicyEffect[]
}

export function sampleVerdict({ version, sample, unknown, changed }: Omit<PolicySample, 'verdict' | 'items'>): string {
  const lost =
    unknown === 0 ? '' : ` ${unknown} could not be looked at: their actions are not here, or take another input by now.`
  const found = changed === 0 ? 'none would be asked for otherwise' : `${changed} would be asked for otherwise`
  return `Looked at the newest executions, ${sample} in all: ${found} than under version ${version}.${lost}`
}

export const policyEntry = (policy: Policy, active: number): PolicyEntry => {
  const { version, kind, restored, hash, document, by, reason, at } = policy
  const bytes = Buffer.byteLength(document)
  return { version, active: version === active, kind, restored, hash, bytes, by, reason, at: timeText(at) }
}

/** Version 1 of every tenant, which no row stands for. */
export const defaultEntry = (active: number): PolicyEntry => ({
  version: noPolicy.version,
  active: active === noPolicy.version,
  kind: 'default',
  restored: null,
  hash: null,
  bytes: Buffer.byteLength(noPolicy.text),
  by: 'system:engine',
  reason: 'no policy',
  at: null,
})

export const flagViews = ({ flags = {} }: PolicyDocument): readonly FlagView[] =>
  Object.entries(flags).map(([name, value]) => ({ name, value }))
