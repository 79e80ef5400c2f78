import { durationMsMax } from '../time/duration.ts'

/** How long an attempt, and an execution as a whole, may take: one version of the rule for a pair of classes. */
export interface TimeoutPolicy {
  /** Counts all changes of all policies, from 1. */
  readonly version: number
  /** `*` stands for every class that has no row of its own. */
  readonly slaClass: string
  readonly actionClass: string
  /** Milliseconds that one attempt may take; null is no limit. */
  readonly attemptMs: number | null
  /** Milliseconds from the time it is due to its end, all attempts and rests included; null is no limit. */
  readonly overallMs: number | null
  readonly by: string
  readonly reason: string
  readonly at: number
  /** Position of the log from which on it holds: what was admitted or claimed before was decided by an older one. */
  readonly fromPosition: number
}

export const anyClass = '*'

const minuteMs = 60_000
const hourMs = 60 * minuteMs

/** What a new store holds (its migration repeats these). Plain work has no overall limit. */
export const defaultTimeouts: readonly Pick<
  TimeoutPolicy,
  'version' | 'slaClass' | 'actionClass' | 'attemptMs' | 'overallMs'
>[] = [
  { version: 1, slaClass: anyClass, actionClass: anyClass, attemptMs: 30 * minuteMs, overallMs: null },
  { version: 2, slaClass: 'critical', actionClass: anyClass, attemptMs: 5 * minuteMs, overallMs: hourMs },
  { version: 3, slaClass: 'batch', actionClass: anyClass, attemptMs: 2 * hourMs, overallMs: null },
  { version: 4, slaClass: anyClass, actionClass: 'sync', attemptMs: 30_000, overallMs: 5 * minuteMs },
  { version: 5, slaClass: 'critical', actionClass: 'sync', attemptMs: 10_000, overallMs: minuteMs },
  { version: 6, slaClass: anyClass, actionClass: 'heavy', attemptMs: 2 * hourMs, overallMs: 24 * hourMs },
  { version: 7, slaClass: 'batch', actionClass: 'heavy', attemptMs: 12 * hourMs, overallMs: null },
]

/** The policy that says most about the two classes. The action's class speaks before the SLA class. */
export function timeoutPolicyFor(
  policies: readonly TimeoutPolicy[],
  slaClass: string,
  actionClass: string,
): TimeoutPolicy | undefined {
  let best: TimeoutPolicy | undefined
  for (const policy of policies) {
    const fits =
      (policy.slaClass === slaClass || policy.slaClass === anyClass) &&
      (policy.actionClass === actionClass || policy.actionClass === anyClass)
    if (fits && (best === undefined || outranks(policy, best))) best = policy
  }
  return best
}

/** Of two that fit: the more specific one, and of equals the newer. */
function outranks(one: TimeoutPolicy, other: TimeoutPolicy): boolean {
  const ranks = rank(one) - rank(other)
  return ranks > 0 || (ranks === 0 && one.version > other.version)
}

const rank = ({ slaClass, actionClass }: TimeoutPolicy): number =>
  (actionClass === anyClass ? 0 : 2) + (slaClass === anyClass ? 0 : 1)

/** The policies in force where the log stood at `position`, newest of each pair of classes. */
export function policiesAt(history: readonly TimeoutPolicy[], position: number): readonly TimeoutPolicy[] {
  return newestPolicies(history.filter(({ fromPosition }) => fromPosition <= position))
}

export function newestPolicies(history: readonly TimeoutPolicy[]): readonly TimeoutPolicy[] {
  const newest = new Map<string, TimeoutPolicy>()
  for (const policy of history) {
    const pair = `${policy.slaClass} ${policy.actionClass}`
    const known = newest.get(pair)
    if (known === undefined || known.version < policy.version) newest.set(pair, policy)
  }
  return [...newest.values()].sort((a, b) => a.version - b.version)
}

/** The earlier of the deadline that was asked for and the one that the policy sets. */
export function deadlineBy(asked: number | null, dueAt: number, overallMs: number | null): number | null {
  if (overallMs === null) return asked
  return Math.min(asked ?? Number.POSITIVE_INFINITY, dueAt + overallMs)
}

const classPattern = /^(?:\*|[a-z][a-z0-9_-]{0,39})$/

/** What in a policy cannot be meant, or undefined. */
export function faultInPolicy({
  slaClass,
  actionClass,
  attemptMs,
  overallMs,
}: Pick<TimeoutPolicy, 'slaClass' | 'actionClass' | 'attemptMs' | 'overallMs'>): string | undefined {
  for (const name of [slaClass, actionClass]) {
    if (!classPattern.test(name)) return `${JSON.stringify(name.slice(0, 60).toWellFormed())} is not a class or *.`
  }
  for (const ms of [attemptMs, overallMs]) {
    if (ms !== null && !(Number.isSafeInteger(ms) && ms >= 1 && ms <= durationMsMax))
      return `A limit lies between 1 ms and 10 years, not ${ms} ms.`
  }
  if (overallMs !== null && attemptMs !== null && overallMs < attemptMs)
    return `The whole (${overallMs} ms) cannot be shorter than one attempt (${attemptMs} ms).`
  return undefined
}
