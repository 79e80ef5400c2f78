import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import type { Gate, Vote } from './approval.ts'
import type { Command } from './command.ts'
import { decide } from './decide.ts'
import type { Surroundings } from './decision.ts'
import type { Effect, Execution, Request } from './execution.ts'

const now = 1_000_000
const hash = 'a'.repeat(64)

const rules: Gate['rules'] = {
  level: 'plan_review',
  quorum: 1,
  groups: [],
  useByMs: null,
  selfApproval: false,
  resume: 'manual',
  planMaxAgeMs: null,
}

const gate: Gate = {
  rules,
  planHash: hash,
  plannedAt: now - 1_000,
  approvedHash: null,
  useBy: null,
  isDue: false,
  replan: null,
  isFrozen: false,
}
const approvedGate: Gate = { ...gate, approvedHash: hash }

const requested = {
  id: 1,
  tenant: 'acme',
  state: 'requested',
  n: 3,
  attempt: 1,
  maxAttempts: 3,
  fence: 7,
  worker: null,
  leaseUntil: null,
  availableAt: now - 10,
  deadlineAt: null,
  waitingFor: null,
  ending: null,
  openEffects: 0,
  cancelledAt: null,
  cancelledBy: null,
  startedAt: null,
  losses: 0,
  gate,
} as Execution
const running = {
  ...requested,
  state: 'running',
  worker: 1,
  leaseUntil: now + 9_000,
  startedAt: now - 5,
  gate: approvedGate,
} as Execution

const vote = (voter: string, some: Partial<Vote> = {}): Vote => ({
  execution: 1,
  seq: 1,
  planHash: hash,
  step: null,
  voter,
  groups: [],
  at: now - 100,
  endedAt: null,
  endedBy: null,
  endedWhy: null,
  ...some,
})

function answer(execution: Execution, command: Command, by: string, some: Partial<Surroundings> = {}) {
  return decide(execution, command, {
    now,
    principal: by,
    effects: [],
    stepRecorded: false,
    fingerprint: null,
    isGone: () => false,
    request: { requestedBy: 'human:ada' } as Request,
    plan: null,
    targets: new Map(),
    votes: [],
    ...some,
  })
}

function told(...asked: Parameters<typeof answer>): string {
  const decided = answer(...asked)
  if (isRefusal(decided)) return decided.code
  return decided.facts.map(({ type, to }) => `${type} ${to}`).join(', ') || 'nothing'
}

const approve: Command = { type: 'approve', planHash: hash, step: null, groups: ['sales'] }
const resume: Command = { type: 'resume' }
const revoke: Command = { type: 'revoke_approval', voter: 'human:bob', step: null, reason: 'r' }
const withGate = (of: Execution, some: Partial<Gate>): Execution => ({ ...of, gate: { ...gate, ...some } })

test('SE-31 who may vote on what, and what is said to whom who may not', () => {
  expect(told(requested, approve, 'human:bob')).toBe('vote requested, approve approved')
  expect(told(requested, approve, 'agent:bot')).toBe('no_vote')
  expect(told(requested, approve, 'worker:w')).toBe('no_vote')
  expect(told(requested, approve, 'human:ada')).toBe('own_request')
  expect(told(requested, { ...approve, planHash: 'b' }, 'human:bob')).toBe('plan_differs')
  expect(told({ ...requested, gate: null }, approve, 'human:bob')).toBe('approval_not_asked')
  expect(told(withGate(requested, { planHash: null }), approve, 'human:bob')).toBe('not_planned')
  expect(told(withGate(requested, { replan: 'refresh' }), approve, 'human:bob')).toBe('plan_changing')
  const finance = { rules: { ...rules, groups: ['finance'] } }
  expect(told(withGate(requested, finance), approve, 'human:bob')).toBe('not_in_group')
  expect(told(withGate(requested, finance), { ...approve, groups: ['finance'] }, 'human:bob')).toContain('approve')
  const confirmed = { rules: { ...rules, level: 'confirm' as const, selfApproval: true } }
  expect(told(withGate(requested, confirmed), approve, 'human:ada')).toContain('approve approved')
})

test('SE-31 one principal has one vote, and a vote that is of no more use is none', () => {
  const two = withGate(requested, { rules: { ...rules, quorum: 2, useByMs: 1_000 } })
  expect(told(two, approve, 'human:bob', { votes: [vote('human:bob')] })).toBe('nothing')
  expect(told(two, approve, 'human:bob', { votes: [vote('human:eve')] })).toBe('vote requested, approve approved')
  const late = vote('human:eve', { at: now - 1_000 })
  expect(told(two, approve, 'human:bob', { votes: [late] })).toBe('vote requested')
  expect(told(two, approve, 'human:eve', { votes: [late] })).toBe('vote requested')
})

test('CP-002 a resume dispatches only when every gate holds', () => {
  const approved: Execution = { ...requested, state: 'approved', gate: approvedGate }
  expect(told(approved, resume, 'human:bob')).toBe('resume queued')
  expect(told(requested, resume, 'human:bob')).toBe('approval_missing')
  expect(told(approved, resume, 'human:bob', { isPaused: true })).toBe('execution_paused')
  const late = answer(withGate(approved, { approvedHash: hash, useBy: now }), resume, 'human:bob')
  expect(late).toMatchObject({
    refused: { code: 'approval_expired' },
    facts: [{ type: 'invalidate', to: 'requested' }],
  })
  const stale = { approvedHash: hash, rules: { ...rules, planMaxAgeMs: 1_000 } }
  expect(told(withGate(approved, stale), resume, 'human:bob')).toBe('invalidate requested')
  expect(told({ ...approved, state: 'queued' }, resume, 'human:bob')).toBe('nothing')
  expect(told({ ...approved, state: 'succeeded' }, resume, 'human:bob')).toBe('illegal_transition')
})

test('SE-31 where a revocation leads from each state, and that it never ends what is in doubt', () => {
  const votes = [vote('human:bob')]
  const from = (some: Partial<Execution>, effects: readonly Effect[] = []) =>
    told({ ...running, ...some }, revoke, 'human:eve', { votes, effects })
  const open = [{ effectKey: 'k', name: 'do', target: 'keyed', state: 'intended' } as Effect]
  expect(from({})).toBe('invalidate requested')
  expect(from({ openEffects: 1 }, open)).toBe('effect_in_doubt running, invalidate waiting')
  expect(from({ state: 'approved' })).toBe('invalidate requested')
  expect(from({ state: 'queued' })).toBe('invalidate requested')
  expect(from({ state: 'queued', openEffects: 1 })).toBe('invalidate queued')
  expect(from({ state: 'retryable_failed' })).toBe('invalidate waiting')
  expect(from({ state: 'waiting', waitingFor: 'signal' })).toBe('invalidate waiting')
  expect(from({ cancelledAt: now })).toBe('invalidate running')
  expect(told(running, revoke, 'human:eve')).toBe('vote_unknown')
})
