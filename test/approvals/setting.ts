/** What a history is played under, and what it must have come to. */
import type { Gate } from '../../src/execution/approval.ts'
import { seededRandom } from '../../src/identity/random.ts'
import type { Rules } from './oracle.ts'

/** How often each situation came up; those of `races` must. */
export class Reached {
  readonly counts = new Map<string, number>()

  note(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }

  of(name: string): number {
    return this.counts.get(name) ?? 0
  }
}

export const races = [
  'revoked between claim and intent',
  'revoked between intent and outcome',
  'cancelled between claim and intent',
  'planned anew and the same',
  'planned anew and another',
  'planned anew while approving',
  'approved a stale plan',
  'approved past its use',
  'approved twice',
  'approved by the requester',
  'approved by an agent',
  'approved by a stranger',
  'resumed without approval',
  'resumed twice',
  'resumed with a stale plan',
  'claimed with a stale plan',
  'rejected while approving',
  'lost with an effect in doubt',
  'wrote under an old fence',
  'dispatched by the rules',
  'waited for a step',
  'revoked while it waited',
  'performed',
  'succeeded',
] as const

/** Stands for the digest of what would act, and for the hash of an action without a plan. */
export const digest = 'd'.repeat(64)

export function rulesOf(seed: string): Rules {
  const random = seededRandom(`rules ${seed}`)
  const pick = <T>(...of: T[]): T => of[random.int(of.length)] as T
  const level = pick('confirm', 'plan_review', 'step_by_step') as Rules['level']
  const isPlanned = level === 'step_by_step' || pick(true, false)
  return {
    level,
    quorum: pick(1, 1, 2, 2, 3),
    groups: pick([], [], ['finance'], ['finance', 'legal']),
    useByMs: pick(null, null, 60),
    selfApproval: pick(true, false),
    resume: pick('auto', 'manual'),
    planMaxAgeMs: pick(null, 40),
    isPlanned,
    steps: isPlanned ? pick(1, 2, 3) : 1,
  }
}

export function gateOf({ level, quorum, groups, useByMs, selfApproval, resume, planMaxAgeMs, isPlanned }: Rules): Gate {
  const rules = { level, quorum, groups, useByMs, selfApproval, resume, planMaxAgeMs }
  const open = { plannedAt: null, approvedHash: null, useBy: null, isDue: false, replan: null, isFrozen: false }
  return isPlanned ? { rules, planHash: null, ...open } : { rules, effects: ['do'], planHash: digest, ...open }
}
