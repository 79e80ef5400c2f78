import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Command } from '../execution/command.ts'
import { decide } from '../execution/decide.ts'
import { childStep } from '../execution/decide-child.ts'
import { decideRightLost, violationOf } from '../execution/decide-right-lost.ts'
import { decideVoteLost, standsOnVotes, votingOf } from '../execution/decide-vote-lost.ts'
import type { Surroundings } from '../execution/decision.ts'
import { type Execution, isDueWork } from '../execution/execution.ts'
import { asVoter } from '../rights/voter.ts'
import { takesWork, type Workers } from './fleet/registry.ts'
import { type Answer, type OrderOf, unknownWorker } from './order.ts'
import type { Refusals } from './refusals.ts'
import { rightsActor } from './rights/rights.ts'
import type { Actor, Workset } from './workset.ts'

/** What the rules may know beside the row. */
export function around(
  work: Workset,
  execution: Execution,
  command: Command,
  principal: string,
  workers: Workers,
): Surroundings {
  const request = work.requests.get(execution.id) ?? null
  return {
    now: work.now,
    principal,
    effects: work.effectsOf(execution.id),
    stepRecorded:
      (command.type === 'record_step' && isRecorded(work, execution.id, command.name, command.ordinal)) ||
      (command.type === 'record_child' && isRecorded(work, execution.id, childStep(command.name), command.ordinal)),
    signals: work.signals.heads.get(execution.id) ?? [],
    newestLog: work.newestLogs.get(execution.id) ?? null,
    fingerprint: work.fingerprints.get(execution.id) ?? null,
    isGone: workers.isGone,
    request,
    requester: begins.has(command.type) && request !== null ? work.rights.ofRequester(request) : null,
    plan: work.plans.plans.get(execution.id) ?? null,
    targets: work.plans.stepsOf(execution.id),
    votes: work.votes.of(execution.id),
    isPaused: work.votes.paused.has(execution.id),
  }
}

/** What begins something: an effect, or the step of a plan that will ask for effects. */
const begins: ReadonlySet<Command['type']> = new Set(['intend_effect', 'begin_target'])

const isRecorded = (work: Workset, id: number, step: string, at: number): boolean =>
  work.steps.get(id)?.some(({ name, ordinal }) => name === step && ordinal === at) ?? false

export function commandOne(
  work: Workset,
  order: { readonly id: number; readonly tenant: string | null; readonly command: Command },
  actor: Actor,
  refusals: Refusals,
  workers: Workers,
  ifNumber?: number,
): Execution | Refusal {
  const found = work.executions.get(order.id)
  if (found === undefined || (order.tenant !== null && found.tenant !== order.tenant)) {
    return work.quarantine.refusalOf(order.id, order.tenant) ?? refuse('not_found', 'There is no such execution.')
  }
  const lost = order.command.type === 'claim' ? rightLost(work, found) : null
  if (lost !== null) return lost
  const command = order.command.type === 'approve' ? votedBy(work, found, order.command, actor) : order.command
  if (isRefusal(command)) {
    refusals.record(work, found, 'rbac_violation', actor, { ...violationOf(command), command: 'approve' })
    return command
  }
  const isAsSeen = ifNumber === undefined || ifNumber === found.n
  const stands = isAsSeen && standsOnVotes.has(command.type)
  const execution = stands ? withoutLostVotes(work, found, command, workers) : found
  const answer = isAsSeen
    ? decide(execution, command, around(work, execution, command, actor.principal, workers))
    : refuse('state_changed', `The execution has moved on to version ${found.n}.`, { stateVersion: found.n })
  if (!isRefusal(answer)) {
    const applied = work.apply(execution, answer, actor)
    if (answer.refused === undefined) return applied
    const data = { code: answer.refused.code, command: order.command.type }
    refusals.record(work, applied, 'transition_refused', actor, data)
    return answer.refused
  }
  // Recording this one would itself move the version on that the caller must look at.
  if (answer.code === 'state_changed') return answer
  const [recorded, told] =
    answer.code === 'lease_lost'
      ? (['write_fenced', {}] as const)
      : answer.code === 'right_lost'
        ? (['rbac_violation', violationOf(answer)] as const)
        : (['transition_refused', {}] as const)
  refusals.record(work, execution, recorded, actor, { ...told, code: answer.code, command: order.command.type })
  return answer
}

/** A vote as the rights of whoever votes stand now: at which level he may agree, and as a member of what. */
function votedBy(work: Workset, execution: Execution, vote: Vote, { principal }: Actor): Vote | Refusal {
  const { gate, id } = execution
  const request = work.requests.get(id)
  if (gate === null || request === undefined) return vote
  const groups = asVoter(work.rights.current, votingOf(gate.rules, request, principal, work.now), vote.groups)
  return isRefusal(groups) ? groups : { ...vote, groups }
}

type Vote = Extract<Command, { type: 'approve' }>

/** Only where rights were ever changed somebody may have lost one: all others pay nothing. */
export const mayHaveLostVotes = (work: Workset, { tenant, gate }: Execution): boolean =>
  gate !== null && work.rights.current.isInUse(tenant)

/** Without the votes of whoever may not agree any more; `command` is what would stand on them, null a claim. */
export function withoutLostVotes(
  work: Workset,
  found: Execution,
  command: Command | null,
  workers: Workers,
): Execution {
  let execution = found
  while (mayHaveLostVotes(work, execution)) {
    const surroundings = around(work, execution, command ?? { type: 'resume' }, rightsActor.principal, workers)
    const decision = decideVoteLost(execution, command, work.rights.current, surroundings)
    if (decision === null) break
    execution = work.apply(execution, decision, rightsActor)
  }
  return execution
}

/** A program that claims by itself meets the same rule as a worker: who asked must still hold the right. */
function rightLost(work: Workset, execution: Execution): Refusal | null {
  const request = work.requests.get(execution.id)
  const right = request === undefined ? null : work.rights.ofRequester(request)
  if (!isRefusal(right) || !isDueWork(execution) || execution.ending !== null) return null
  work.apply(execution, decideRightLost(execution, right, work.now), rightsActor)
  return right
}

export function deniedOne(work: Workset, order: OrderOf<'denied'>, refusals: Refusals): Answer<'denied'> {
  const { id, tenant, principal, command, permission } = order
  const execution = work.executions.get(id)
  if (execution === undefined || execution.tenant !== tenant) return { recorded: false }
  const data = { code: 'not_permitted', command, permission, rights: work.rights.current.version }
  refusals.record(work, execution, 'rbac_violation', { principal, worker: null }, data)
  return { recorded: true }
}

export function workOne(work: Workset, order: OrderOf<'work'>, refusals: Refusals, workers: Workers): Answer<'work'> {
  if (workers.get(order.worker) === undefined) return unknownWorker(order.worker)
  const { id, command } = order
  const answer = commandOne(work, { id, tenant: null, command }, workers.actor(order.worker), refusals, workers)
  if (isRefusal(answer)) return answer
  const { state, n, attempt, availableAt, cancelledAt } = answer
  return { state, n, attempt, availableAt, cancelledAt }
}

export function heartbeatOne(
  work: Workset,
  order: OrderOf<'heartbeat'>,
  refusals: Refusals,
  workers: Workers,
): Answer<'heartbeat'> {
  const worker = workers.get(order.worker)
  if (worker === undefined || !takesWork(worker)) return unknownWorker(order.worker)
  workers.change({ ...worker, seenAt: work.now })
  const actor = workers.actor(order.worker)
  const lost: number[] = []
  const cancel: number[] = []
  for (const { id, fence, cancelChecks } of order.held) {
    const execution = work.executions.get(id)
    const isHeld = execution?.state === 'running' || (execution?.state === 'requested' && execution.leaseUntil !== null)
    if (execution === undefined || !isHeld || execution.fence !== fence) {
      lost.push(id)
      continue
    }
    if (order.stalledMs === null) {
      const command = { type: 'renew' as const, fence, leaseMs: order.leaseMs, cancelChecks }
      const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
      if (!isRefusal(decision)) work.apply(execution, decision, actor)
    } else {
      refusals.record(work, execution, 'worker_stalled', actor, { stalledMs: order.stalledMs })
    }
    if (execution.cancelledAt !== null) cancel.push(id)
  }
  return {
    lost,
    cancel,
    ...(workers.haveSuspects(worker) ? { suspects: true } : {}),
    ...(worker.drain === null ? {} : { drain: { until: worker.drain.until } }),
  }
}
