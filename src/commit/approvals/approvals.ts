import { pauseOver, type StandingPause } from '../../claim/select.ts'
import type { Command } from '../../execution/command.ts'
import { closedGate } from '../../execution/decide-gates.ts'
import { policy } from '../../execution/decide-plan.ts'
import { standsOnVotes } from '../../execution/decide-vote-lost.ts'
import type { Execution } from '../../execution/execution.ts'
import { commandOne, mayHaveLostVotes, withoutLostVotes } from '../commands.ts'
import type { Workers } from '../fleet/registry.ts'
import { loadEffects, loadRequests } from '../loading.ts'
import type { Order } from '../order.ts'
import { activePauses } from '../pauses/pauses.ts'
import { type Asking, ask } from '../reads.ts'
import type { Refusals } from '../refusals.ts'
import type { Workset } from '../workset.ts'
import { loadWholePlans } from './plans.ts'

const voting: ReadonlySet<Command['type']> = new Set<Command['type']>([
  'approve',
  'reject',
  'revoke_approval',
  'resume',
  'planned',
])

/** Reads what commands on approvals need. What has no gate costs nothing here. */
export function* loadApprovals(work: Workset, orders: readonly Order[]): Asking<void> {
  const asked: number[] = []
  const resumed: number[] = []
  const begun: number[] = []
  for (const order of orders) {
    if (order.kind !== 'command' && order.kind !== 'work') continue
    const execution = work.executions.get(order.id)
    if (execution === undefined || execution.gate === null) continue
    const { type } = order.command
    const asksVoters = standsOnVotes.has(type) && (mayHaveLostVotes(work, execution) || changesRights(orders))
    if (asksVoters || voting.has(type)) asked.push(order.id)
    if (type === 'resume') resumed.push(order.id)
    if (asksVoters && execution.journal > 0 && !work.effects.has(order.id)) begun.push(order.id)
  }
  if (asked.length > 0) yield* loadVotes(work, asked)
  if (begun.length > 0) yield* loadEffects(work, begun)
  if (resumed.length > 0) yield* loadForResume(work, resumed)
}

/** In a commit that is the first to change rights somebody may have lost one by the time that a later order is decided. */
const changesRights = (orders: readonly Order[]): boolean =>
  orders.some(({ kind }) => kind === 'rights' || kind === 'token' || kind === 'token_change')

export function* loadVotes(work: Workset, ids: readonly number[]): Asking<void> {
  yield* loadRequests(work, ids)
  const missing = [...new Set(ids)].filter((id) => !work.votes.has(id))
  if (missing.length > 0) work.votes.loaded(missing, yield* ask('votes', missing))
}

function* loadForResume(work: Workset, ids: readonly number[]): Asking<void> {
  const pauses = yield* activePauses(work)
  for (const id of ids) if (isPaused(work, id, pauses)) work.votes.paused.add(id)
  yield* loadWholePlans(
    work,
    ids.filter((id) => work.executions.get(id)?.gate?.rules.level === 'step_by_step'),
  )
}

function isPaused(work: Workset, id: number, pauses: readonly StandingPause[]): boolean {
  const request = work.requests.get(id)
  return request !== undefined && pauseOver(pauses, request, work.now) !== undefined
}

/**
 * Dispatches what the rules may dispatch by themselves: a command of its own, of a commit of its own, behind the one that
 * recorded the approval.
 */
export function* resumeByPolicy(
  work: Workset,
  ids: readonly number[],
  refusals: Refusals,
  workers: Workers,
): Asking<void> {
  const due = ids.filter((id) => work.executions.get(id)?.gate?.isDue === true)
  if (due.length === 0) return
  yield* loadVotes(work, due)
  yield* loadForResume(work, due)
  const actor = { principal: policy, worker: null }
  for (const id of due) {
    commandOne(work, { id, tenant: null, command: { type: 'resume' } }, actor, refusals, workers)
    const after = work.executions.get(id)
    // Refused: the next approval makes it due again. What only a pause holds back is due later.
    const isLater = after !== undefined && after.availableAt > work.now
    if (after?.gate?.isDue !== true || isLater) continue
    work.apply(after, { facts: [], quiet: { gate: { ...after.gate, isDue: false } } }, actor)
  }
}

/** Due work that may pass its gate; what may not goes where its approval is asked for, or its plan made anew: null. */
export function* passesGate(work: Workset, found: Execution, workers: Workers): Asking<Execution | null> {
  const execution = yield* stillAgreedTo(work, found, workers)
  const { gate } = execution
  if (gate === null || execution.state !== found.state) return null
  if (closedGate(execution, { now: work.now }) === null) return execution
  if (gate.rules.useByMs !== null) yield* loadVotes(work, [execution.id])
  const decision = closedGate(execution, { now: work.now, votes: work.votes.of(execution.id) })
  if (decision !== null) work.apply(execution, decision, { principal: policy, worker: null })
  return decision === null ? execution : null
}

/** What is in doubt is looked at whoever agreed to it, and what is planned needs nobody. */
function* stillAgreedTo(work: Workset, execution: Execution, workers: Workers): Asking<Execution> {
  const { id, state, ending, openEffects } = execution
  const isToRun = (state === 'queued' || state === 'retryable_failed') && ending === null && openEffects === 0
  if (!isToRun || !mayHaveLostVotes(work, execution)) return execution
  yield* loadVotes(work, [id])
  return withoutLostVotes(work, execution, null, workers)
}
