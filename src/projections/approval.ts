import type { StoreHost } from '../commit/host.ts'
import { type Gate, isApproved, mayVote, tallyOf, type Vote, votesFor } from '../execution/approval.ts'
import type { Execution, Request } from '../execution/execution.ts'
import { type PlanStep, scopeOf } from '../execution/plan.ts'
import { internalId, publicId } from '../identity/public-id.ts'
import type { Found, Views } from '../store/store.ts'
import { timeOrNull, timeText } from './view.ts'

export type ApprovalView = ReturnType<typeof approvalView>
export type VoteView = ReturnType<typeof voteView>

const voteView = ({ voter, groups, planHash, step, at, endedAt, endedBy, endedWhy }: Vote) => ({
  voter,
  groups,
  planHash,
  step,
  at: timeText(at),
  endedAt: timeOrNull(endedAt),
  endedBy,
  endedWhy,
})

/** What must be agreed to, by how many of whom, and how far it has come. */
export function approvalView(
  { execution, request }: Found,
  gate: Gate,
  votes: readonly Vote[],
  next: PlanStep | null,
  now: number,
) {
  const { rules, planHash, approvedHash, useBy } = gate
  const step = isApproved(gate) && next !== null ? next.idx : null
  const { count } = tallyOf(votesFor(votes, planHash, step), rules, now)
  return {
    executionId: request.publicId,
    action: request.action,
    subject: request.subject,
    state: execution.state,
    level: rules.level,
    planHash,
    approvedHash,
    /** The step that is waited for, where each needs its own approval. */
    step,
    stepName: step === null || next === null ? null : scopeOf(next),
    votes: count,
    quorum: rules.quorum,
    groups: rules.groups,
    selfApproval: rules.selfApproval,
    resume: rules.resume,
    useBy: timeOrNull(useBy),
    requestedBy: request.requestedBy,
    /** Of the tenant, at the admission; and the names of its rules that had a say beside the action. */
    policyVersion: request.policyVersion,
    byRules: rules.byRules ?? [],
    isBeingPlanned: planHash === null || gate.replan !== null,
  }
}

/** The step whose approval an execution waits for next; null where it waits for none. */
async function nextStep(views: Views, { id, gate }: Execution): Promise<PlanStep | null> {
  if (gate?.rules.level !== 'step_by_step') return null
  for (let after = -1; ; ) {
    const steps = await views.planSteps(id, after, 1_000)
    const next = steps.find(
      ({ state, approvedAt }) => approvedAt === null && (state === 'pending' || state === 'running'),
    )
    const last = steps.at(-1)
    if (next !== undefined || last === undefined) return next ?? null
    after = last.idx
  }
}

/** Null for an execution that nobody has to agree to. */
export async function askApproval(views: Views, found: Found, now: number) {
  const { gate, id } = found.execution
  if (gate === null || gate.rules.level === 'auto') return null
  const [votes, next] = await Promise.all([views.votes(id), nextStep(views, found.execution)])
  return { ...approvalView(found, gate, votes, next, now), cast: votes.map(voteView) }
}

export interface Voter {
  readonly principal: string
  readonly tenant: string
  readonly groups: readonly string[]
}

interface Asked {
  readonly mine: boolean
  readonly limit: number
  readonly cursor: string | undefined
  readonly now: number
}

const pagesMax = 20

/** What waits for people, newest first; null for a cursor that no list has given. */
export async function waitingForApproval(
  { views, idKey }: StoreHost,
  voter: Voter,
  { mine, limit, cursor, now }: Asked,
) {
  let before = cursor === undefined ? Number.MAX_SAFE_INTEGER : internalId(cursor, idKey)
  if (before === null) return null
  const items: (ApprovalView & { readonly mine: boolean })[] = []
  for (let pages = 0; pages < pagesMax; pages += 1) {
    const found = await views.gated(voter.tenant, ['requested', 'waiting'], before, limit)
    for (const one of found) {
      before = one.execution.id
      const waiting = await waitingFor(views, one, voter, now)
      if (waiting === null || (mine && !waiting.mine)) continue
      items.push(waiting)
      if (items.length === limit) return { items, next: publicId(before, idKey) }
    }
    if (found.length < limit) return { items, next: null }
  }
  return { items, next: publicId(before, idKey) }
}

async function waitingFor(views: Views, found: Found, voter: Voter, now: number) {
  const { gate, state, waitingFor: reason, id } = found.execution
  if (gate === null || gate.rules.level === 'auto') return null
  if (state === 'waiting' && reason !== 'approval' && reason !== 'step_approval') return null
  if (state === 'waiting' && reason === 'approval' && isApproved(gate)) return null
  const [votes, next] = await Promise.all([views.votes(id), nextStep(views, found.execution)])
  const view = approvalView(found, gate, votes, next, now)
  const standing = votesFor(votes, gate.planHash, view.step)
  return { ...view, mine: !view.isBeingPlanned && mayBringFurther(gate, standing, found.request, voter) }
}

/** Whether the vote of this principal is one that counts and that is not there yet. */
function mayBringFurther({ rules }: Gate, standing: readonly Vote[], { requestedBy }: Request, voter: Voter): boolean {
  const { principal, groups } = voter
  if (!mayVote(principal) || (requestedBy === principal && !rules.selfApproval)) return false
  if (rules.groups.length > 0 && !rules.groups.some((group) => groups.includes(group))) return false
  return standing.every((vote) => vote.voter !== principal)
}
