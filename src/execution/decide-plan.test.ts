import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { type Gate, nobodyAsked } from './approval.ts'
import { decide } from './decide.ts'
import type { Execution, Request } from './execution.ts'
import type { Plan } from './plan.ts'

const now = 1_000_000
const reviewed = { ...nobodyAsked, level: 'plan_review' as const, quorum: 1, selfApproval: false }
const gate: Gate = {
  rules: nobodyAsked,
  byTargets: [
    { from: 0, rules: nobodyAsked },
    { from: 3, rules: reviewed },
  ],
  planHash: null,
  plannedAt: null,
  approvedHash: null,
  useBy: null,
  isDue: false,
  replan: null,
  isFrozen: false,
}
const request = {
  action: 'fleet.deploy',
  actionVersion: 1,
  input: '{}',
  recordOnly: false,
  policyVersion: 2,
  requestedBy: 'human:ada',
} as Request

/** Plans so many targets, where the plan before had this hash and the gate stood so. */
function planned(targets: number, before: Gate, hash: string | null) {
  const execution = {
    id: 1,
    tenant: 'acme',
    state: 'requested',
    n: 3,
    attempt: 1,
    fence: 7,
    worker: 1,
    leaseUntil: now + 9_000,
    journal: 1,
    gate: before,
  } as Execution
  const steps = Array.from({ length: targets }, (_, n) => ({ step: 'go', target: `t${n}`, args: '{}', effects: [] }))
  const proposal = { summary: '', reads: '[]', parallel: 1, ordered: false, steps, handlers: ['go'] }
  const command = { type: 'planned' as const, fence: 7, ...proposal, handlerDigest: 'd', secrets: [] }
  const decision = decide(execution, command, {
    now,
    principal: 'worker:w',
    effects: [],
    stepRecorded: false,
    fingerprint: null,
    isGone: () => false,
    request,
    plan: hash === null ? null : ({ id: 1, revision: 1, hash } as Plan),
    targets: new Map(),
    votes: [],
  })
  if (isRefusal(decision)) throw new Error(decision.reason)
  const after: Execution = Object.assign({}, execution, ...decision.facts.map(({ set, to }) => ({ ...set, state: to })))
  return { to: after.state, gate: after.gate as Gate, types: decision.facts.map(({ type }) => type) }
}

test('SE-30 a plan of few targets goes on by itself, one of many waits for people, also where it was the other one before', () => {
  const few = planned(2, gate, null)
  expect([few.to, few.gate.rules.level, few.types]).toEqual(['queued', 'auto', ['planned', 'approve', 'resume']])
  expect(few.gate.approvedHash).toBe(few.gate.planHash)
  const many = planned(3, gate, null)
  expect([many.to, many.gate.rules, many.gate.approvedHash]).toEqual(['requested', reviewed, null])
  // What was passed by itself is asked for once it has grown, and the other way round.
  const grown = planned(3, { ...few.gate, replan: 'resume' }, few.gate.planHash)
  expect([grown.to, grown.gate.rules.level, grown.gate.approvedHash]).toEqual(['requested', 'plan_review', null])
  const shrunk = planned(2, { ...many.gate, replan: 'refresh' }, many.gate.planHash)
  expect([shrunk.to, shrunk.gate.rules.level]).toEqual(['queued', 'auto'])
  // The same plan again goes on as it did.
  const same = planned(2, { ...few.gate, replan: 'resume' }, few.gate.planHash)
  expect([same.to, same.types]).toEqual(['queued', ['replanned', 'approve', 'resume']])
})
