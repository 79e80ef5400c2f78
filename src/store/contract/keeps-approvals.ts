import { expect, test } from 'vitest'
import type { Gate, Vote } from '../../execution/approval.ts'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const hash = 'a'.repeat(64)

const aVote = (execution: number, seq: number, some: Partial<Vote> = {}): Vote => ({
  execution,
  seq,
  planHash: hash,
  step: null,
  voter: `human:${seq}`,
  groups: ['operator', 'finance'],
  at: 2_000 + seq,
  endedAt: null,
  endedBy: null,
  endedWhy: null,
  ...some,
})

const ended = (vote: Vote): Vote => ({ ...vote, endedAt: 5_000, endedBy: 'human:eve', endedWhy: 'revoked' })

const aGate = (some: Partial<Gate> = {}): Gate => ({
  rules: {
    level: 'plan_review',
    quorum: 2,
    groups: [],
    useByMs: null,
    selfApproval: false,
    resume: 'manual',
    planMaxAgeMs: null,
  },
  planHash: hash,
  plannedAt: 1_000,
  approvedHash: null,
  useBy: null,
  isDue: false,
  replan: null,
  isFrozen: false,
  ...some,
})

const aStep = (idx: number, some: Partial<PlanStep> = {}): PlanStep => ({
  id: 1,
  idx,
  step: 'install',
  target: `web-0${idx}`,
  args: '{}',
  effects: [],
  state: 'pending',
  tries: 0,
  value: null,
  errorClass: null,
  error: null,
  fence: 0,
  startedAt: null,
  finishedAt: null,
  revision: 1,
  approvedAt: null,
  ...some,
})

const aPlan = (revision: number): Plan => ({
  id: 1,
  revision,
  hash: `${revision}`.repeat(64),
  summary: 'Install',
  reads: '[]',
  parallel: 1,
  at: 2_000,
  worker: 1,
  diff: revision === 1 ? null : '{"added":1}',
})

const steps = (some: { drop?: number[]; add?: PlanStep[]; change?: PlanStep[] }) => ({
  planSteps: { drop: [], add: [], change: [], ...some },
})

/** Who agreed to what, and what is asked for: a vote is never changed but for its end, and each principal has one. */
export function keepsApprovals(harness: Harness): void {
  test('SE-31 votes come back in their order with what the voter was a member of, and those of others do not', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {})
      const all = [aVote(1, 2, { step: 3 }), aVote(1, 1), aVote(2, 1)]
      await story.commit({ votes: all })
      expect(await story.session.votes([1])).toEqual([all[1], all[0]])
      expect(await story.session.votes([2, 3, 1])).toEqual([all[2], all[1], all[0]])
      await story.commit({ votes: [ended(aVote(1, 1))] })
      expect(await (await story.views()).votes(1)).toEqual([ended(aVote(1, 1)), all[0]])
    }))

  test('SE-31 a principal has one standing vote for one thing, and may vote again when it has ended', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      await story.commit({ votes: [aVote(1, 1, { voter: 'human:bob' })] })
      await expect(story.commit({ votes: [aVote(1, 2, { voter: 'human:bob' })] })).rejects.toThrow(/UNIQUE/i)
      await story.commit({
        votes: [
          aVote(1, 2, { voter: 'human:bob', step: 0 }),
          aVote(1, 3, { voter: 'human:bob', planHash: 'b'.repeat(64) }),
          aVote(2, 1, { voter: 'human:bob' }),
        ],
      })
      const first = ended(aVote(1, 1, { voter: 'human:bob' }))
      await story.commit({ votes: [first, aVote(1, 4, { voter: 'human:bob' })] })
      expect(await story.session.votes([1])).toHaveLength(4)
      await expect(story.commit({ votes: [{ ...first, endedAt: 9_000 }] })).rejects.toThrow(/vote_fixed/)
      await expect(story.commit({ votes: [aVote(1, 4, { voter: 'human:bob' })] })).rejects.toThrow(/vote_fixed/)
    }))

  test('SE-31 what is asked for is found by tenant and state, newest first, below an execution', () =>
    Story.tell(harness, async (story) => {
      const asked = { state: 'requested' as const, gate: aGate() }
      await story.admit(
        { execution: asked },
        { execution: { state: 'requested' } },
        { execution: asked },
        { execution: { ...asked, tenant: 'globex' }, request: { tenant: 'globex' } },
        { execution: { gate: aGate({ approvedHash: hash }) } },
      )
      expect(await story.session.executions([1, 5])).toMatchObject([
        { gate: aGate() },
        { gate: aGate({ approvedHash: hash }) },
      ])
      const views = await story.views()
      const { tenant } = (await story.session.executions([1]))[0] ?? { tenant: '' }
      const of = async (states: Parameters<typeof views.gated>[1], before: number, limit: number) =>
        (await views.gated(tenant, states, before, limit)).map(({ execution }) => execution.id)
      expect(await of(['requested', 'queued'], 100, 10)).toEqual([5, 3, 1])
      expect(await of(['requested'], 100, 10)).toEqual([3, 1])
      expect(await of(['requested'], 3, 10)).toEqual([1])
      expect(await of(['requested'], 100, 1)).toEqual([3])
    }))

  test('SE-31 a further revision takes the place of steps that have not begun, of no other and of no other execution', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      await story.commit({ plans: [aPlan(1), { ...aPlan(1), id: 2 }] })
      await story.commit(steps({ add: [aStep(0), aStep(1), aStep(0, { id: 2 })] }))
      await expect(story.commit(steps({ drop: [1] }))).rejects.toThrow(/append_only/)
      const next = [aStep(0, { target: 'db-01', revision: 2 })]
      await story.commit({ plans: [aPlan(2)], ...steps({ drop: [1], add: next }) })
      expect(await story.session.planSteps([1])).toEqual(next)
      expect(await story.session.planSteps([2])).toEqual([aStep(0, { id: 2 })])
      expect(await story.session.plans([1])).toEqual([aPlan(2)])
      const approved = aStep(0, { target: 'db-01', revision: 2, approvedAt: 4_000 })
      await story.commit(steps({ change: [approved] }))
      expect(await story.session.planSteps([1])).toEqual([approved])
      await story.commit(steps({ change: [{ ...approved, state: 'running', fence: 7 }] }))
      await expect(story.commit({ plans: [aPlan(3)], ...steps({ drop: [1] }) })).rejects.toThrow(/append_only/)
    }))
}
