import { levels } from '../action/approvals.ts'
import type { Rights } from '../rights/rights.ts'
import { stillVotes, type Voting } from '../rights/voter.ts'
import type { ApprovalRules, Vote } from './approval.ts'
import type { Command } from './command.ts'
import { nextOf, withoutVote } from './decide-approval.ts'
import { owns } from './decide-run.ts'
import type { Decision, Surroundings } from './decision.ts'
import type { Execution, Request } from './execution.ts'
import { isTerminal } from './machine.ts'

/** What stands on votes: whether it may be done is asked of whoever cast them, as their rights are now. */
export const standsOnVotes: ReadonlySet<Command['type']> = new Set<Command['type']>([
  'approve',
  'resume',
  'begin_target',
  'intend_effect',
])

/** In whose name a vote is taken back whose voter has lost the right. */
export const rightsPrincipal = 'system:rights'

/**
 * Takes back one vote whose voter may not agree to this any more, as somebody would who revoked it, in the commit that
 * would have stood on it. Null when everybody who has agreed may still: asked again until then. Of the votes on steps only
 * those on the one that the command speaks of are looked at; each other one is when its turn comes.
 */
export function decideVoteLost(
  execution: Execution,
  command: Command | null,
  rights: Rights,
  around: Surroundings,
): Decision | null {
  const { gate, state, tenant } = execution
  const { request, votes = [], now } = around
  if (gate === null || request === null || isTerminal(state) || !rights.isInUse(tenant)) return null
  // Whoever holds nothing any more is refused, and changes nothing.
  if (command !== null && 'fence' in command && !owns(execution, command.fence)) return null
  const step = command === null ? null : stepOf(command, around)
  const lost = votes.find(
    (vote) =>
      vote.endedAt === null &&
      vote.planHash === gate.planHash &&
      (vote.step === null || vote.step === step) &&
      !stillVotes(rights, votingOf(gate.rules, request, vote.voter, now), vote, gate.rules.groups),
  )
  if (lost === undefined) return null
  const ended: Vote = { ...lost, endedAt: now, endedBy: rightsPrincipal, endedWhy: 'right_lost' }
  const { voter, planHash } = lost
  const data = { reason: 'right_lost', voter, planHash, revoked: true, rights: rights.version }
  return withoutVote(execution, gate, ended, around, data)
}

/** What is asked of the rights of somebody who votes. */
export function votingOf({ level }: ApprovalRules, request: Request, voter: string, now: number): Voting {
  const { tenant, action, subject, requestedBy } = request
  const about = { action, subject }
  return { tenant, principal: voter, about, level: levels.indexOf(level), isOwn: requestedBy === voter, now }
}

/** The step that a command speaks of and that is not over; null where it speaks of none. */
function stepOf(command: Command, { targets }: Surroundings): number | null {
  if (command.type === 'resume') return nextOf(targets)?.idx ?? null
  const idx =
    command.type === 'approve'
      ? command.step
      : command.type === 'begin_target' || command.type === 'intend_effect'
        ? (command.idx ?? null)
        : null
  const state = idx === null ? undefined : targets.get(idx)?.state
  return state === 'pending' || state === 'running' ? idx : null
}
