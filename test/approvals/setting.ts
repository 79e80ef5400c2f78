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

  add(counts: Iterable<readonly [string, number]>): void {
    for (const [name, count] of counts) this.counts.set(name, this.of(name) + count)
  }

  /** The races that so many histories should have come to and have not, with what was wanted. */
  missing(histories: number): readonly string[] {
    return races.flatMap((race) => {
      const least = floorOf(race, histories)
      return this.of(race) < least ? `${race}: ${this.of(race)}, and not at least ${least}` : []
    })
  }
}

/** A run this short may miss a race by chance. */
const historiesMin = 2_000

/**
 * How often a race must have come up: those between what is checked and what begins a thousand times in a long run, and in a
 * short one once in three hundred histories; any other once.
 */
export function floorOf(race: (typeof races)[number], histories: number): number {
  if (histories < historiesMin) return 0
  return race.endsWith('between claim and intent') ? Math.min(1_000, Math.floor(histories / 300)) : 1
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
  'ada lost the right to ask before the claim',
  'ada lost the right to ask between claim and intent',
  'ada lost the right to ask between intent and outcome',
  'the right to ask came back',
  'claimed without the right to ask',
  'stopped for want of the right to ask',
  'a voter lost the right before the claim',
  'a voter lost the right between claim and intent',
  'a voter lost the right between intent and outcome',
  'the right of a voter came back before anybody looked',
  'claimed on the vote of somebody who lost the right',
  'begun on the vote of somebody who lost the right',
  'approved without the right',
  'the permissions of a role changed',
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
