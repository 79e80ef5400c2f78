import { expect, test } from 'vitest'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const aPlan = (id: number, revision: number, some: Partial<Plan> = {}): Plan => ({
  id,
  revision,
  hash: revision === 0 ? null : 'a'.repeat(64),
  summary: revision === 0 ? null : 'Install on two hosts',
  reads: revision === 0 ? null : '[]',
  parallel: 2,
  at: 2_000,
  worker: revision === 0 ? null : 1,
  diff: null,
  ...some,
})

const aPlanStep = (id: number, idx: number, some: Partial<PlanStep> = {}): PlanStep => ({
  id,
  idx,
  step: 'install',
  target: `web-0${idx}`,
  args: '{"version":"2.1"}',
  effects: ['install'],
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

/** A plan stays as it was made; its steps change only in how far they have come, and a success stays. */
export function keepsPlans(harness: Harness): void {
  test('DG-06 the newest revision of a plan is found with its steps, all of them or the named ones', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      await story.commit({ plans: [aPlan(1, 0), aPlan(2, 0)] })
      expect(await story.session.plans([1, 2, 3])).toEqual([aPlan(1, 0), aPlan(2, 0)])
      const steps = [aPlanStep(1, 0), aPlanStep(1, 1), aPlanStep(1, 2)]
      await story.commit({ plans: [aPlan(1, 1)], planSteps: { drop: [], add: steps, change: [] } })
      expect(await story.session.plans([1])).toEqual([aPlan(1, 1)])
      expect(await story.session.planSteps([1, 2])).toEqual(steps)
      expect(
        await story.session.planStepsAt([
          { id: 1, idx: 2 },
          { id: 2, idx: 0 },
        ]),
      ).toEqual([steps[2]])
      const views = await story.views()
      expect(await views.plan(1)).toEqual(aPlan(1, 1))
      expect(await views.plan(3)).toBeNull()
      expect(await views.planSteps(1, 0, 1)).toEqual([steps[1]])
    }))

  test('DG-06 a step of a plan keeps what came of it, and its neighbours stay as they are', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const neighbour = aPlanStep(1, 1)
      const other = aPlanStep(2, 0)
      await story.commit({
        plans: [aPlan(1, 1), aPlan(2, 1)],
        planSteps: { drop: [], add: [aPlanStep(1, 0), neighbour, other], change: [] },
      })
      const failed = aPlanStep(1, 0, {
        state: 'failed',
        tries: 2,
        errorClass: 'NetworkError',
        error: 'no route',
        fence: 7,
        startedAt: 2_100,
        finishedAt: 2_200,
      })
      await story.commit({ planSteps: { drop: [], add: [], change: [failed] } })
      expect(await story.session.planSteps([1, 2])).toEqual([failed, neighbour, other])
      expect(await (await story.views()).planSteps(2, -1, 10)).toEqual([other])
      const done = { ...failed, state: 'succeeded' as const, value: '1', errorClass: null, error: null }
      await story.commit({ planSteps: { drop: [], add: [], change: [done] } })
      await expect(story.commit({ planSteps: { drop: [], add: [], change: [failed] } })).rejects.toThrow(
        /^plan_fixed: /,
      )
    }))

  test('DG-06 what was planned is never changed, replaced or deleted', () =>
    Story.tell(harness, async (story) => {
      await story.admit({})
      await story.commit({ plans: [aPlan(1, 1)], planSteps: { drop: [], add: [aPlanStep(1, 0)], change: [] } })
      await expect(story.commit({ plans: [aPlan(1, 1, { summary: 'other' })] })).rejects.toThrow(/^row_exists: /)
      const { shell } = story
      await expect(shell.run("update plans set hash = 'b'")).rejects.toThrow(/^append_only: /)
      await expect(shell.run('delete from plans')).rejects.toThrow(/^append_only: /)
      await expect(shell.run('replace into plans select * from plans')).rejects.toThrow(/^row_exists: /)
      await expect(shell.run("update plan_steps set target = 'db-01'")).rejects.toThrow(/^plan_fixed: /)
    }))

  test('CP-004a a lease to plan is found when it has run out, and by who holds it', () =>
    Story.tell(harness, async (story) => {
      const requested = await story.admit({ execution: { state: 'requested' } }, { execution: { state: 'requested' } })
      const lease = { attempt: 1, fence: 2, worker: 1, leaseUntil: 31_000 }
      await story.move('planning_started', requested.slice(0, 1), lease)
      expect(await story.session.executions([1])).toMatchObject([{ leaseUntil: 31_000, worker: 1, state: 'requested' }])
      expect(await story.session.expiredLeases(30_999, 0, 10)).toEqual([])
      expect(await story.session.expiredLeases(31_000, 0, 10)).toEqual([1])
      expect(await story.session.expiredLeases(31_000, 1, 10)).toEqual([])
      expect(await story.session.heldBy(1, 0, 10)).toEqual([1])
      expect(await story.session.heldBy(1, 1, 10)).toEqual([])
      expect(await story.session.heldBy(2, 0, 10)).toEqual([])
    }))
}
