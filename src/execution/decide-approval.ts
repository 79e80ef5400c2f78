import { type Refusal, refuse } from '../errors/refusal.ts'
import {
  endedVotes,
  type Gate,
  isApproved,
  isTooOld,
  isToPlan,
  mayVote,
  tallyOf,
  type Vote,
  votesFor,
} from './approval.ts'
import type { Command } from './command.ts'
import { expired, planAnew } from './decide-gates.ts'
import {
  type Decision,
  type EventData,
  type Fact,
  illegal,
  move,
  note,
  nothing,
  type Surroundings,
} from './decision.ts'
import { doubtOpen, endedAs } from './ending.ts'
import { type Execution, isOpen } from './execution.ts'
import { isTerminal } from './machine.ts'
import { type PlanStep, scopeOf } from './plan.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** How soon the rules look again at what only a pause keeps from being dispatched. */
const pausedAgainMs = 5_000

/** Records that somebody agrees, and with the last one who is needed that it is approved. Never dispatches (CP-002). */
export function decideApprove(execution: Execution, command: Of<'approve'>, around: Surroundings): Decision | Refusal {
  const { gate } = execution
  const { planHash, step, groups } = command
  const { now, principal, votes = [] } = around
  if (gate === null) return notAsked()
  if (!mayVote(principal)) return refuse('no_vote', `${principal} has no vote.`)
  if (gate.planHash === null) return refuse('not_planned', 'The execution has no plan yet.')
  if (planHash !== gate.planHash) {
    const reason = 'The hash is not that of the plan as it is now; the approval would be of another one.'
    return refuse('plan_differs', reason, { planHash: gate.planHash })
  }
  const standing = votesFor(votes, planHash, step)
  const mine = standing.filter(({ voter }) => voter === principal)
  if (tallyOf(mine, gate.rules, now).count > 0) return nothing
  if (isTerminal(execution.state)) return illegal(execution, 'approve')
  if (gate.replan !== null) return refuse('plan_changing', 'The execution is being planned anew.')
  const barred = refuseVoter(gate, groups, around)
  if (barred !== null) return barred
  const place = step === null ? null : placeOf(gate, step, around)
  if (place !== null && 'refused' in place) return place
  if (place === null && isApproved(gate)) {
    return refuse('illegal_transition', 'The plan is approved already; no further vote is needed.', { planHash })
  }
  const vote: Vote = {
    execution: execution.id,
    seq: Math.max(0, ...votes.map(({ seq }) => seq)) + 1,
    planHash,
    step,
    voter: principal,
    groups,
    at: now,
    endedAt: null,
    endedBy: null,
    endedWhy: null,
  }
  // What is of no more use makes room for the new one.
  const cast = [...endedVotes(mine, principal, 'use_by', now), vote]
  const tally = tallyOf([...standing, vote], gate.rules, now)
  const about = { planHash, ...(place === null ? {} : { step: place.idx }) }
  const voted = note(execution, 'vote', {}, { ...about, votes: tally.count, quorum: gate.rules.quorum })
  if (!tally.isEnough) return { facts: [voted], votes: cast }
  return place === null
    ? { facts: [voted, approved(execution, gate, tally.useBy, now)], votes: cast }
    : {
        facts: [voted, stepApproved(execution, gate, place, now)],
        votes: cast,
        planSteps: [{ ...place, approvedAt: now }],
      }
}

function refuseVoter({ rules }: Gate, groups: readonly string[], { principal, request }: Surroundings): Refusal | null {
  if (!rules.selfApproval && request?.requestedBy === principal) {
    return refuse('own_request', `${principal} asked for this execution and may not approve it.`)
  }
  if (rules.groups.length > 0 && !rules.groups.some((group) => groups.includes(group))) {
    return refuse('not_in_group', `Only members of ${rules.groups.join(', ')} may approve this.`, {
      groups: rules.groups,
    })
  }
  return null
}

function placeOf(gate: Gate, step: number, { targets }: Surroundings): PlanStep | Refusal {
  if (gate.rules.level !== 'step_by_step') {
    return refuse('approval_not_asked', 'The steps of this plan need no approval of their own; approve the plan.')
  }
  const target = targets.get(step)
  if (target === undefined) return refuse('plan_invalid', `The plan has no step ${step}.`, { idx: step })
  if (target.approvedAt !== null) {
    return refuse('illegal_transition', `${scopeOf(target)} is approved already; no further vote is needed.`)
  }
  if (target.state !== 'pending' && target.state !== 'running') {
    return refuse('illegal_transition', `${scopeOf(target)} is ${target.state}.`, { idx: step, state: target.state })
  }
  return target
}

/** From where it waits for this very approval the rules may go on; elsewhere only the record changes. */
function approved(execution: Execution, gate: Gate, useBy: number | null, now: number): Fact {
  const { state, waitingFor } = execution
  const isDue =
    gate.rules.resume === 'auto' && (state === 'requested' || (state === 'waiting' && waitingFor === 'approval'))
  const set = {
    gate: { ...gate, approvedHash: gate.planHash, useBy, isDue },
    ...(isDue ? { availableAt: Math.max(execution.availableAt, now) } : {}),
  }
  const data = { planHash: gate.planHash, level: gate.rules.level, ...(useBy === null ? {} : { useBy }) }
  return state === 'requested'
    ? move(execution, 'approve', 'approved', set, data)
    : note(execution, 'approve', set, data)
}

function stepApproved(execution: Execution, gate: Gate, { idx }: PlanStep, now: number): Fact {
  const waits = execution.state === 'waiting' && execution.waitingFor === 'step_approval'
  const isDue = gate.rules.resume === 'auto' && waits && isApproved(gate)
  const set = isDue ? { gate: { ...gate, isDue }, availableAt: now } : {}
  return note(execution, 'approve', set, { planHash: gate.planHash, step: idx })
}

/** Ends it before it has begun, or before its next step does. */
export function decideReject(execution: Execution, command: Of<'reject'>, around: Surroundings): Decision | Refusal {
  const { gate, state, waitingFor } = execution
  const { now, principal, votes, effects, targets } = around
  if (gate === null) return notAsked()
  if (!mayVote(principal)) return refuse('no_vote', `${principal} has no vote.`)
  if (state === 'canceled') return nothing
  const asksPeople = state === 'waiting' && (waitingFor === 'approval' || waitingFor === 'step_approval')
  if (state !== 'requested' && !asksPeople) {
    const refusal = illegal(execution, 'reject')
    return isTerminal(state) ? refusal : { ...refusal, next: 'Revoke the approval, or cancel the execution.' }
  }
  if (command.step !== null) {
    const place = placeOf(gate, command.step, around)
    if ('refused' in place) return place
  }
  const data = { reason: command.reason, ...(command.step === null ? {} : { step: command.step }) }
  const set = { cancelledBy: principal, cancelledAt: now, gate: closed(gate, null) }
  const over = {
    votes: endedVotes(votes ?? [], principal, 'rejected', now),
    // Should it be redriven, each step is asked for anew.
    planSteps: [...targets.values()].flatMap((target) =>
      target.state === 'pending' && target.approvedAt !== null ? { ...target, approvedAt: null } : [],
    ),
  }
  // What is in doubt is looked at first; the end that it has earned comes after.
  if (effects.some(isOpen)) {
    const asked = { ...set, ending: 'canceled' as const, availableAt: Math.min(execution.availableAt, now) }
    return { facts: [note(execution, 'cancel_requested', asked, data)], ...over }
  }
  const ended = { ...endedAs(execution, 'canceled', now), ...set, ending: null }
  return { facts: [move(execution, 'reject', 'canceled', ended, data)], ...over }
}

const closed = (gate: Gate, replan: Gate['replan'] = gate.replan): Gate => ({
  ...gate,
  approvedHash: null,
  useBy: null,
  isDue: false,
  replan,
})

/** Takes one vote back. An approval that stood on it is none any more, wherever the execution has got to. */
export function decideRevoke(
  execution: Execution,
  command: Of<'revoke_approval'>,
  around: Surroundings,
): Decision | Refusal {
  const { gate } = execution
  const { now, principal, votes = [] } = around
  const { voter, step, reason } = command
  if (gate === null) return notAsked()
  const standing = votesFor(votes, gate.planHash, step)
  const vote = standing.find((each) => each.voter === voter)
  if (vote === undefined) {
    const isTaken = votes.some(
      (each) =>
        each.voter === voter && each.planHash === gate.planHash && each.step === step && each.endedWhy === 'revoked',
    )
    if (isTaken) return nothing
    return refuse('vote_unknown', `No vote of ${voter} stands on the plan as it is now.`, { voter, step })
  }
  if (isTerminal(execution.state)) return illegal(execution, 'approval revoke')
  const ended: Vote = { ...vote, endedAt: now, endedBy: principal, endedWhy: 'revoked' }
  return withoutVote(execution, gate, ended, around, { reason, voter, planHash: gate.planHash, revoked: true })
}

/** What comes of a vote on the plan as it is that counts no more; `ended` says by whom and why. */
export function withoutVote(
  execution: Execution,
  gate: Gate,
  ended: Vote,
  around: Surroundings,
  data: EventData,
): Decision {
  const { now, votes = [], targets } = around
  const { step } = ended
  const standing = votesFor(votes, gate.planHash, step).filter(({ seq }) => seq !== ended.seq)
  const { isEnough } = tallyOf(standing, gate.rules, now)
  if (step !== null) {
    const target = targets.get(step)
    const isLost = target !== undefined && target.approvedAt !== null && !isEnough
    const type = isLost ? 'invalidate' : 'vote'
    return {
      facts: [note(execution, type, {}, { ...data, step })],
      votes: [ended],
      planSteps: isLost ? [{ ...target, approvedAt: null }] : undefined,
    }
  }
  if (isEnough || !isApproved(gate)) return { facts: [note(execution, 'vote', {}, data)], votes: [ended] }
  return { ...invalidated(execution, gate, around, data), votes: [ended] }
}

/** Where an execution goes whose approval does not hold any more. What has begun is kept, and nothing else begins. */
function invalidated(execution: Execution, gate: Gate, around: Surroundings, data: EventData): Decision {
  const { state, ending, cancelledAt, waitingFor, openEffects } = execution
  const { now, effects } = around
  const set = { gate: closed(gate) }
  const waits = { ...set, waitingFor: 'approval' as const, availableAt: now }
  const stays: Decision = { facts: [note(execution, 'invalidate', set, data)] }
  // It is on its way to an end, and begins nothing any more.
  if (ending !== null || cancelledAt !== null) return stays
  switch (state) {
    case 'approved':
      return { facts: [move(execution, 'invalidate', 'requested', set, data)] }
    case 'queued':
      // An effect in doubt is looked at by the next claim, which begins nothing else.
      return openEffects > 0
        ? stays
        : { facts: [move(execution, 'invalidate', 'requested', { ...set, startedAt: null }, data)] }
    case 'running': {
      // Its next claim is a first one again.
      if (effects.length === 0) {
        return { facts: [move(execution, 'invalidate', 'requested', { ...set, startedAt: null }, data)] }
      }
      const doubt = doubtOpen(execution, effects)
      return { facts: [...doubt.facts, move(execution, 'invalidate', 'waiting', waits, data)], effects: doubt.effects }
    }
    case 'retryable_failed':
      return { facts: [move(execution, 'invalidate', 'waiting', waits, data)] }
    case 'waiting':
      return waitingFor === 'outcome'
        ? stays
        : { facts: [note(execution, 'invalidate', { ...waits, waitingOn: null }, data)] }
    default:
      return stays
  }
}

/** Dispatches what was agreed to, when every gate holds. */
export function decideResume(execution: Execution, _: Of<'resume'>, around: Surroundings): Decision | Refusal {
  const { gate, state, cancelledAt, waitingFor } = execution
  const { now, votes } = around
  if (gate === null) return notAsked()
  if (isTerminal(state)) return illegal(execution, 'resume')
  if (cancelledAt !== null) return refuse('cancel_requested', 'The execution is to be cancelled; it is not dispatched.')
  if (gate.planHash === null) return refuse('not_planned', 'The execution has no plan yet.')
  if (state === 'requested' && gate.replan !== null) {
    return refuse('plan_changing', 'The execution is being planned anew.')
  }
  if (!isApproved(gate)) return missing(gate, votes ?? [], now)
  if (state === 'requested') return missing(gate, votes ?? [], now)
  // Dispatched already, and approved as it is.
  if (state === 'queued' || state === 'running' || state === 'retryable_failed') return nothing
  if (state === 'waiting') {
    if (waitingFor !== 'approval' && waitingFor !== 'step_approval') {
      return refuse('illegal_transition', `It waits for: ${waitingFor}; a resume does not bring that about.`)
    }
    if (waitingFor === 'step_approval' && !isNextApproved(around.targets)) return nextStepMissing(around.targets)
  }
  if (around.isPaused) {
    if (!gate.isDue) return refuse('execution_paused', 'It is paused, so it is not dispatched.')
    return { facts: [], quiet: { availableAt: now + pausedAgainMs } }
  }
  const passed = { gate: { ...gate, isDue: false } }
  if (state === 'waiting')
    return { facts: [move(execution, 'wake', 'queued', { ...passed, availableAt: now }, { reason: 'resumed' })] }
  if (gate.useBy !== null && gate.useBy <= now) {
    const refused = refuse('approval_expired', `The approval was to be used by ${new Date(gate.useBy).toISOString()}.`)
    return { ...expired(execution, votes, now), refused }
  }
  if (isTooOld(gate, now)) return planAnew(execution, 'resume', 'plan_too_old', now)
  const availableAt = Math.max(now, execution.availableAt)
  return { facts: [move(execution, 'resume', 'queued', { ...passed, availableAt })] }
}

function missing(gate: Gate, votes: readonly Vote[], now: number): Refusal {
  const { planHash, rules } = gate
  const { count } = tallyOf(votesFor(votes, planHash, null), rules, now)
  const reason = `${count} of ${rules.quorum} have agreed to exactly this plan.`
  return refuse('approval_missing', reason, { planHash, votes: count, quorum: rules.quorum, groups: rules.groups })
}

/** Steps are carried out in their order: the first that is not over is the one that is waited for, begun or not. */
export const nextOf = (targets: Surroundings['targets']): PlanStep | undefined =>
  [...targets.values()]
    .filter(({ state }) => state === 'pending' || state === 'running')
    .sort((a, b) => a.idx - b.idx)[0]

/** Whether the next step may begin. Also true when there is none left. */
export const isNextApproved = (targets: Surroundings['targets']): boolean => {
  const next = nextOf(targets)
  return next === undefined || next.approvedAt !== null
}

function nextStepMissing(targets: Surroundings['targets']): Refusal {
  const next = nextOf(targets)
  const reason = `${next === undefined ? 'A step' : `${scopeOf(next)}, step ${next.idx} of the plan,`} is not approved yet.`
  return refuse('step_not_approved', reason, { step: next?.idx })
}

/** Asks for a new plan. The same one keeps the approval, another one ends it. */
export function decideReplan(execution: Execution, _: Of<'replan'>, around: Surroundings): Decision | Refusal {
  const { gate, state, startedAt } = execution
  const { now, plan } = around
  if (isTerminal(state)) return illegal(execution, 'plan refresh')
  if (plan === null || gate?.effects !== undefined) {
    return refuse('plan_fixed', 'The action has no plan(): what it will do follows from its input alone.')
  }
  if (state === 'requested' && isToPlan(gate)) return nothing
  if (startedAt !== null || gate?.isFrozen === true) {
    return refuse('plan_frozen', 'The plan is being carried out; it is not made anew.')
  }
  if (state === 'approved' || state === 'queued') {
    return planAnew(execution, state === 'queued' ? 'resume' : 'refresh', 'refresh', now)
  }
  if (state !== 'requested' || gate === null) return illegal(execution, 'plan refresh')
  const set = { availableAt: now, attempt: 0, gate: { ...gate, replan: 'refresh' as const } }
  return { facts: [note(execution, 'invalidate', set, { reason: 'refresh' })] }
}

const notAsked = (): Refusal =>
  refuse('approval_not_asked', 'The execution is of level auto: nobody has to agree to it.')
