import { isLevel, type Level } from '../action/approvals.ts'

/** The rules of one execution: computed once, at its admission, whatever becomes of those they were taken from. */
export interface ApprovalRules {
  /** `auto` only where it depends on how many targets a plan has: nobody has to agree to one of so few. */
  readonly level: Level
  /** How many must agree: different principals, one vote each. */
  readonly quorum: number
  /** Only votes of members of one of these groups count; empty is anybody who may approve. */
  readonly groups: readonly string[]
  /** A vote, and what stands on it, is of use for so long. Looked at before the first run, not after. */
  readonly useByMs: number | null
  /** Whether who asked for the execution may agree to it. */
  readonly selfApproval: boolean
  /** Who dispatches what was agreed to: the rules themselves, or a person. */
  readonly resume: 'auto' | 'manual'
  /** A plan that is older is made anew before the first run. */
  readonly planMaxAgeMs: number | null
  /** Names of the rules of the tenant's policy that had a say beside the action. */
  readonly byRules?: readonly string[] | undefined
}

export interface TargetRules {
  readonly from: number
  readonly rules: ApprovalRules
}

/** Where nobody has to agree. */
export const nobodyAsked: ApprovalRules = {
  level: 'auto',
  quorum: 0,
  groups: [],
  useByMs: null,
  selfApproval: true,
  resume: 'auto',
  planMaxAgeMs: null,
}

/** The rules for a plan of so many targets. */
export const rulesFor = ({ rules, byTargets = [] }: Gate, targets: number): ApprovalRules =>
  byTargets.findLast(({ from }) => from <= targets)?.rules ?? rules

/** What stands between an execution and its run: nothing passes that was not agreed to as it is. */
export interface Gate {
  readonly rules: ApprovalRules
  /** What holds for a plan of at least so many targets, from none at all on: which of them does is known with the plan. */
  readonly byTargets?: readonly TargetRules[] | undefined
  /**
   * Names of the effects of an action without `plan()`, whose plan is one step; null is any of them. Left out where the
   * steps of a plan name theirs.
   */
  readonly effects?: readonly string[] | null | undefined
  /** Hash of the plan as it is; null until somebody has planned. */
  readonly planHash: string | null
  readonly plannedAt: number | null
  /** Hash of the plan that enough people agreed to. Good for nothing but that very plan. */
  readonly approvedHash: string | null
  /** Until when the first run must begin. */
  readonly useBy: number | null
  /** The rules dispatch it with a command of their own. */
  readonly isDue: boolean
  /** It is to be planned anew; `resume`: and goes on by itself when the plan is the same. */
  readonly replan: 'refresh' | 'resume' | null
  /** Something of the plan has begun: it is never made anew. */
  readonly isFrozen: boolean
}

/** One principal's agreement to one plan, or to one step of it. */
export interface Vote {
  readonly execution: number
  /** Counts from 1 within the execution. */
  readonly seq: number
  readonly planHash: string
  /** Place of the step; null is the plan as a whole. */
  readonly step: number | null
  readonly voter: string
  /** What the voter was a member of then. */
  readonly groups: readonly string[]
  readonly at: number
  /** Null while it counts. */
  readonly endedAt: number | null
  readonly endedBy: string | null
  readonly endedWhy: string | null
}

/** The vote is of this plan and of nothing else. */
export const isApproved = ({ planHash, approvedHash }: Gate): boolean => planHash !== null && approvedHash === planHash

const isLive = ({ endedAt }: Vote): boolean => endedAt === null

/** The votes that stand for one thing, oldest first: the plan as a whole, or one step. */
export const votesFor = (votes: readonly Vote[], planHash: string | null, step: number | null): readonly Vote[] =>
  votes.filter((vote) => isLive(vote) && vote.planHash === planHash && vote.step === step)

export interface Tally {
  readonly count: number
  readonly isEnough: boolean
  /** When the oldest vote that counts is of no more use; null is never. */
  readonly useBy: number | null
}

/** Who is counted was entitled when they voted; only time and revocation take a vote away. */
export function tallyOf(votes: readonly Vote[], { quorum, useByMs }: ApprovalRules, now: number): Tally {
  const counting = votes.filter(({ at }) => useByMs === null || at + useByMs > now)
  const isEnough = new Set(counting.map(({ voter }) => voter)).size >= quorum
  const oldest = Math.min(...counting.map(({ at }) => at))
  return {
    count: counting.length,
    isEnough,
    useBy: useByMs === null || counting.length === 0 ? null : oldest + useByMs,
  }
}

/** The votes on the plan as a whole: those on its steps are of use as long as the plan is the same. */
export const onPlan = (votes: readonly Vote[]): readonly Vote[] => votes.filter(({ step }) => step === null)

/** Ends every vote that stands. */
export const endedVotes = (votes: readonly Vote[], by: string, why: string, now: number): readonly Vote[] =>
  votes.filter(isLive).map((vote) => ({ ...vote, endedAt: now, endedBy: by, endedWhy: why }))

/** Models propose; people decide. The engine itself and its workers have no say either. */
export const mayVote = (principal: string): boolean => !/^(agent|worker|system):/.test(principal)

/** Whether the plan has to be made anew before the first run. */
export const isTooOld = ({ rules, effects, plannedAt, isFrozen }: Gate, now: number): boolean =>
  effects === undefined &&
  !isFrozen &&
  rules.planMaxAgeMs !== null &&
  plannedAt !== null &&
  plannedAt + rules.planMaxAgeMs <= now

/** Whether somebody has to plan: what the claim looks for among requested executions. */
export const isToPlan = (gate: Gate | null): boolean => gate === null || gate.planHash === null || gate.replan !== null

/** How the store keeps a gate: JSON that nobody but this file reads. */
export const gateText = (gate: Gate | null): string | null => (gate === null ? null : JSON.stringify(gate))

/** @throws when the text is not one that {@link gateText} gives. */
export function readGate(text: string | null): Gate | null {
  if (text === null) return null
  const gate = JSON.parse(text) as Partial<Gate> | null
  const level: unknown = gate?.rules?.level
  if (!isLevel(level) || gate?.planHash === undefined || gate.approvedHash === undefined) {
    throw new Error('its gate is not in the form that this version knows')
  }
  return gate as Gate
}

/** Whether a gate that came in from outside only asks: whoever sends it approves nothing by it. */
export function isOpenGate(value: unknown): boolean {
  try {
    const gate = readGate(JSON.stringify(value))
    return gate !== null && gate.approvedHash === null && !gate.isDue && gate.replan === null
  } catch {
    return false
  }
}
