import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { endedVotes, isApproved, isTooOld, onPlan } from './approval.ts'
import { type Decision, move, type Surroundings } from './decision.ts'
import type { Execution } from './execution.ts'
import { type PlanStep, scopeOf } from './plan.ts'

/** What is about to begin: an effect, or the step that will ask for effects. */
export interface Beginning {
  /** The effect's name; null for a step. */
  readonly effect: string | null
  /** The step of the plan that it belongs to; null for an action without a plan. */
  readonly target: PlanStep | null
}

/**
 * Every condition under which something of a run may begin, looked at in the transaction that records its intent: what
 * was true at the claim may have changed since. The first that does not hold is told.
 */
export function refuseBeginning(
  execution: Execution,
  beginning: Beginning,
  { requester }: Pick<Surroundings, 'requester'>,
): Refusal | null {
  return (
    refuseCanceled(execution, beginning) ??
    (isRefusal(requester) ? requester : null) ??
    refuseUnapproved(execution, beginning)
  )
}

function refuseCanceled({ cancelledAt, ending }: Execution, { effect, target }: Beginning): Refusal | null {
  const what = effect === null ? 'target' : 'effect'
  if (cancelledAt !== null) {
    return refuse('cancel_requested', `The execution is to be cancelled; no further ${what} may begin.`)
  }
  if (ending !== null && (effect !== null || target?.state === 'pending')) {
    return refuse('reconcile_only', `The execution is on its way to ${ending}; no further ${what} may begin.`)
  }
  return null
}

function refuseUnapproved({ gate }: Execution, { effect, target }: Beginning): Refusal | null {
  if (gate === null) return null
  const { planHash, approvedHash, rules, effects } = gate
  if (!isApproved(gate)) {
    return refuse('approval_missing', 'The approval that this run began with does not hold any more.', {
      planHash,
      approvedHash,
    })
  }
  if (rules.level === 'step_by_step' && target !== null && target.approvedAt === null) {
    return refuse('step_not_approved', `${scopeOf(target)}, step ${target.idx} of the plan, is not approved.`, {
      step: target.idx,
      planHash,
    })
  }
  if (rules.level === 'auto' || rules.level === 'confirm' || effect === null) return null
  const named = effects === undefined ? (target?.effects ?? []) : effects
  if (named === null || named.includes(effect)) return null
  const where = target === null ? 'The approved plan' : `The approved step ${scopeOf(target)}`
  return refuse('effect_not_planned', `${where} does not name the effect ${effect}.`, { effect, named })
}

/** From the first thing that begins on, the plan is the one that was agreed to and no other. */
export const frozen = ({ gate }: Execution): Partial<Execution> =>
  gate === null || gate.isFrozen ? {} : { gate: { ...gate, isFrozen: true } }

/**
 * What a claim comes to that finds a gate closed: the decision to make instead of it. Null lets it pass, also where it may
 * only look at what has begun: an effect in doubt is never left alone for want of an approval, and no further one begins.
 */
export function closedGate(
  execution: Execution,
  { now, votes = [] }: Pick<Surroundings, 'now' | 'votes'>,
): Decision | null {
  const { gate, state, ending, openEffects, startedAt } = execution
  if (gate === null || ending !== null || openEffects > 0) return null
  if (state !== 'queued' && state !== 'retryable_failed') return null
  if (!isApproved(gate)) {
    const lost = { gate: { ...gate, approvedHash: null, isDue: false }, availableAt: now, startedAt: null }
    const data = { reason: 'approval_missing' }
    return {
      facts: [
        state === 'queued'
          ? move(execution, 'invalidate', 'requested', lost, data)
          : move(execution, 'invalidate', 'waiting', { ...lost, waitingFor: 'approval' }, data),
      ],
    }
  }
  if (startedAt !== null || state !== 'queued') return null
  if (gate.useBy !== null && gate.useBy <= now) return expired(execution, votes, now)
  // Due a moment later: what a claim itself makes due comes behind it, in a commit of its own.
  return isTooOld(gate, now) ? planAnew(execution, 'resume', 'plan_too_old', now + 1) : null
}

/** Nobody has begun what was agreed to in time: it is asked for anew. */
export function expired(execution: Execution, votes: Surroundings['votes'] = [], now: number): Decision {
  const { gate } = execution
  if (gate === null) throw new Error(`execution ${execution.id} has no approval that could expire`)
  const set = { gate: { ...gate, approvedHash: null, useBy: null, isDue: false } }
  return {
    facts: [move(execution, 'invalidate', 'requested', set, { reason: 'use_by', useBy: gate.useBy })],
    votes: endedVotes(onPlan(votes), 'system:policy', 'use_by', now),
  }
}

/** Somebody has to plan again; an identical plan keeps the approval. */
export function planAnew(execution: Execution, replan: 'refresh' | 'resume', reason: string, now: number): Decision {
  const { gate } = execution
  const set = {
    availableAt: now,
    attempt: 0,
    ...(gate === null ? {} : { gate: { ...gate, replan, isDue: false } }),
  }
  return { facts: [move(execution, 'invalidate', 'requested', set, { reason })] }
}
