import { type Refusal, refuse } from '../errors/refusal.ts'
import { seededRandom } from '../identity/random.ts'
import { backoffMs } from '../time/backoff.ts'
import { endedVotes, type Gate, isApproved, isToPlan, onPlan, rulesFor } from './approval.ts'
import type { Command } from './command.ts'
import { frozen, refuseBeginning } from './decide-gates.ts'
import { leaseLost, owns } from './decide-run.ts'
import { type Decision, type Fact, furthered, illegal, move, note, nothing, type Surroundings } from './decision.ts'
import { type Execution, isOpen } from './execution.ts'
import { isOfTarget, orderSteps, type PlanStep, planHash, planText, refuseProposal, scopeOf } from './plan.ts'
import { diffOf } from './plan-diff.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** Whoever may approve in the name of the rules themselves. */
export const policy = 'system:policy'

const holdsPlanning = ({ state, fence, leaseUntil }: Execution, asked: number): boolean =>
  state === 'requested' && leaseUntil !== null && fence === asked

/** What becomes of a requested execution; undefined where the rules for every state say it. */
export function decidePlanning(
  execution: Execution,
  command: Command,
  around: Surroundings,
): Decision | Refusal | undefined {
  switch (command.type) {
    case 'claim':
      return startPlanning(execution, command, around)
    case 'renew':
      return holdsPlanning(execution, command.fence)
        ? {
            facts: [],
            quiet: {
              leaseUntil: Math.max(execution.leaseUntil ?? 0, around.now + command.leaseMs),
              leaseRenewals: execution.leaseRenewals + 1,
              updatedAt: around.now,
            },
          }
        : leaseLost(execution, command.fence)
    case 'planned':
      return holdsPlanning(execution, command.fence)
        ? acceptPlan(execution, command, around)
        : leaseLost(execution, command.fence)
    case 'fail':
      return holdsPlanning(execution, command.fence)
        ? failPlanning(execution, command, around)
        : leaseLost(execution, command.fence)
    case 'hand_back':
      // Given back unplanned: the attempt that it would have cost is given back, too.
      return holdsPlanning(execution, command.fence)
        ? {
            facts: [note(execution, 'hand_back', { ...free, attempt: execution.attempt - 1, availableAt: around.now })],
          }
        : leaseLost(execution, command.fence)
    case 'lease_expired':
      return losePlanning(execution, command, around)
    default:
      return undefined
  }
}

const free = { worker: null, leaseUntil: null } as const

/** Planning is leased as running is: the fence grows, and an attempt is spent. The state stays. */
function startPlanning(
  execution: Execution,
  { worker, leaseMs }: Of<'claim'>,
  { now }: Surroundings,
): Decision | Refusal {
  const { leaseUntil, availableAt, gate } = execution
  if (leaseUntil !== null || availableAt > now || !isToPlan(gate)) return illegal(execution, 'claim')
  const attempt = execution.attempt + 1
  const set = { attempt, worker, leaseUntil: now + leaseMs, leaseRenewals: 0, cancelChecks: 0 }
  return { facts: [note(execution, 'planning_started', set, { attempt })] }
}

/** Accepts a plan. At level `auto` it goes on by itself: approved and resumed by policy, each on record. */
function acceptPlan(execution: Execution, command: Of<'planned'>, around: Surroundings): Decision | Refusal {
  const { now, request, plan, targets } = around
  if (request === null) throw new Error(`the request of execution ${execution.id} was not loaded`)
  const refusal = refuseProposal(command)
  if (refusal !== null) return refusal
  const ordered = orderSteps(command)
  const hash = planHash(planText(request, command, ordered))
  const { gate, id, worker, journal } = execution
  const before = plan?.hash ?? null
  if (gate !== null && before === hash) return keepPlan(execution, gate, hash, around)
  const revision = (plan?.revision ?? 0) + 1
  const { summary, reads, parallel } = command
  const isFirst = before === null
  const diff = isFirst ? null : JSON.stringify(diffOf(inOrder(targets), ordered))
  const told = { planHash: hash, revision, steps: ordered.length, ...(isFirst ? {} : { was: before }) }
  const made = {
    plan: { id, revision, hash, summary, reads, parallel, at: now, worker, diff },
    planSteps: ordered.map((planned, idx): PlanStep => ({ ...planned, id, idx, revision, ...untouched })),
  }
  const set = { attempt: 0, journal: journal + 1 }
  const type = isFirst ? 'planned' : 'replanned'
  if (gate === null)
    return { facts: [note(execution, type, set, told), ...goOn(execution, hash, 'auto', now)], ...made }
  // Another plan was never agreed to, whoever agreed to the one before.
  const rules = rulesFor(gate, ordered.length)
  const isFree = rules.level === 'auto'
  const asks: Gate = {
    ...gate,
    rules,
    planHash: hash,
    plannedAt: now,
    approvedHash: isFree ? hash : null,
    useBy: null,
    isDue: false,
    replan: null,
  }
  const counted = gate.byTargets === undefined ? told : { ...told, level: rules.level }
  const known = note(execution, type, { ...set, ...free, gate: asks }, counted)
  return {
    facts: isFree ? [known, ...goOn(execution, hash, 'auto', now)] : [known],
    ...made,
    votes: endedVotes(around.votes ?? [], policy, 'replanned', now),
  }
}

/** The same plan again: what was agreed to stands, and what was to be dispatched is. */
function keepPlan(execution: Execution, gate: Gate, hash: string, { now, votes = [] }: Surroundings): Decision {
  const kept: Gate = { ...gate, planHash: hash, plannedAt: now, replan: null }
  const again = note(execution, 'replanned', { attempt: 0, ...free, gate: kept }, { planHash: hash, same: true })
  if (!isApproved(kept)) return { facts: [again] }
  if (kept.useBy !== null && kept.useBy <= now) {
    const late = note(
      execution,
      'invalidate',
      { gate: { ...kept, approvedHash: null, useBy: null } },
      { reason: 'use_by' },
    )
    return { facts: [again, late], votes: endedVotes(onPlan(votes), policy, 'use_by', now) }
  }
  const [approve, resume] = goOn(execution, hash, gate.rules.level, now)
  const isDue = gate.replan === 'refresh' && gate.rules.resume === 'auto'
  const passed = {
    ...approve,
    set: { ...approve.set, gate: { ...kept, isDue }, ...(isDue ? { availableAt: now } : {}) },
  }
  return { facts: gate.replan === 'resume' ? [again, passed, resume] : [again, passed] }
}

const goOn = (execution: Execution, hash: string, level: string, now: number): [Fact, Fact] => [
  { ...move(execution, 'approve', 'approved', {}, { planHash: hash, level }), by: policy },
  { ...move({ ...execution, state: 'approved' }, 'resume', 'queued', { availableAt: now }), by: policy },
]

const inOrder = (targets: Surroundings['targets']): readonly PlanStep[] =>
  [...targets.values()].sort((a, b) => a.idx - b.idx)

const untouched = {
  state: 'pending',
  tries: 0,
  value: null,
  errorClass: null,
  error: null,
  fence: 0,
  startedAt: null,
  finishedAt: null,
  approvedAt: null,
} as const

/** `plan()` threw. Nothing has begun, so nothing needs to be looked at before it is tried again. */
function failPlanning(execution: Execution, command: Of<'fail'>, { now }: Surroundings): Decision {
  const { errorClass, message, retryable, policy: retry, retryAfterMs = 0 } = command
  const error = { lastErrorClass: errorClass, lastError: message }
  const data = { errorClass, error: message, attempt: execution.attempt, planning: true }
  if (!retryable || execution.attempt >= execution.maxAttempts) {
    return { facts: [move(execution, 'fail', 'failed', { ...error, finishedAt: now }, data)] }
  }
  const jitter = seededRandom(`retry:${execution.id}:${execution.attempt}`).next()
  const availableAt = now + Math.max(backoffMs(retry, execution.attempt, jitter), retryAfterMs)
  return {
    facts: [note(execution, 'fail_retryable', { ...free, ...error, availableAt }, { ...data, retryAt: availableAt })],
  }
}

function losePlanning(execution: Execution, { cause }: Of<'lease_expired'>, { now }: Surroundings): Decision {
  const { leaseUntil, attempt, maxAttempts, worker } = execution
  if (leaseUntil === null || (cause === 'sweep' && leaseUntil > now)) return nothing
  const error = { lastErrorClass: 'WorkerLost', lastError: 'the worker that planned it was lost' }
  const data = { cause, errorClass: 'WorkerLost', attempt, worker, planning: true }
  const lost = note(execution, 'lease_expired', { ...free, ...error, availableAt: now }, data)
  if (attempt < maxAttempts) return { facts: [lost] }
  return {
    facts: [lost, move(execution, 'fail', 'failed', { ...error, finishedAt: now }, { attempt, planning: true })],
  }
}

/** Changes one target of a running plan: begun by whoever holds the lease, settled by whoever began it. */
export function decideBeginTarget(
  execution: Execution,
  { fence, idx, tries, instead }: Of<'begin_target'>,
  around: Surroundings,
): Decision | Refusal {
  const { now, targets } = around
  if (!owns(execution, fence)) return leaseLost(execution, fence)
  const target = targets.get(idx)
  if (target === undefined) return noTarget(idx)
  const { state } = target
  if (state === 'running' && target.fence === fence && target.tries === tries) return nothing
  if (state !== 'pending' && state !== 'running') return isOver(target)
  const closed = refuseBeginning(execution, { effect: null, target }, around)
  if (closed !== null) return closed
  // A fallback answers for a step that has begun and failed; once it does, the step itself is never tried again.
  if (instead === undefined ? target.errorClass !== null : state === 'pending') return isOver(target)
  const begun: PlanStep = { ...target, ...instead, state: 'running', fence, tries, startedAt: target.startedAt ?? now }
  return {
    facts: [
      note(execution, 'step_started', frozen(execution), {
        ...names(target),
        tries,
        ...(instead === undefined ? {} : { ...instead, fallback: true }),
      }),
    ],
    planSteps: [begun],
  }
}

export function decideSettleTarget(
  execution: Execution,
  command: Of<'settle_target'>,
  { now, targets, effects }: Surroundings,
): Decision | Refusal {
  const { fence, idx, state, value } = command
  if (!owns(execution, fence)) return leaseLost(execution, fence)
  const target = targets.get(idx)
  if (target === undefined) return noTarget(idx)
  if (target.state === state && target.fence === fence) return nothing
  if (target.state !== 'running' || target.fence !== fence) return isOver(target)
  const open = effects.find((effect) => isOfTarget(target, effect.step) && isOpen(effect))
  if (open !== undefined) {
    return refuse(
      'effect_in_doubt',
      `Effect ${open.name} of ${scopeOf(target)} may have happened; its target is not over.`,
      {
        effectKey: open.effectKey,
      },
    )
  }
  // What the step itself failed with stays, and tells that its fallback has succeeded.
  const { errorClass, error } = state === 'succeeded' ? target : command
  const told = errorClass === null ? {} : { errorClass, error }
  const data = {
    ...names(target),
    state,
    ...(state === 'succeeded' && errorClass !== null ? { fellBack: true } : {}),
    ...told,
  }
  return {
    facts: [note(execution, 'target_settled', furthered(execution), data)],
    planSteps: [{ ...target, state, value, errorClass, error, finishedAt: now }],
  }
}

/** Whatever has not begun will not: one of the targets failed, and its step says stop. */
export function decideSkipRest(
  execution: Execution,
  { fence }: Of<'skip_rest'>,
  { now, targets }: Surroundings,
): Decision | Refusal {
  if (!owns(execution, fence)) return leaseLost(execution, fence)
  const skipped = [...targets.values()]
    .filter(({ state }) => state === 'pending')
    .map((target): PlanStep => ({ ...target, state: 'skipped', finishedAt: now }))
  if (skipped.length === 0) return nothing
  return {
    facts: [note(execution, 'target_settled', {}, { state: 'skipped', targets: skipped.length })],
    planSteps: skipped,
  }
}

/** What a redrive runs: all that has not succeeded. A recorded success stays. */
export function reopened(targets: Surroundings['targets']): readonly PlanStep[] {
  return [...targets.values()]
    .filter(({ state }) => state === 'failed' || state === 'skipped')
    .map((target): PlanStep => ({ ...target, ...untouched, fence: target.fence, approvedAt: target.approvedAt }))
}

const names = ({ idx, step, target }: PlanStep) => ({ idx, step, target })

const noTarget = (idx: number): Refusal => refuse('plan_invalid', `The plan has no step ${idx}.`, { idx })

const isOver = (target: PlanStep): Refusal =>
  refuse('illegal_transition', `${scopeOf(target)} is ${target.state}.`, { idx: target.idx, state: target.state })
