import { hasFallenBack, type Plan, type PlanStep } from '../execution/plan.ts'
import type { PlanDiff } from '../execution/plan-diff.ts'
import { shown } from '../json/shown.ts'
import { type Naming, timeOrNull, timeText } from './view.ts'

export type PlanView = ReturnType<typeof planView>
export type PlanStepView = ReturnType<typeof planStepView>

/** A plan as people read it before they agree to it. */
export const planView = (plan: Plan, naming: Naming) => ({
  executionId: naming.idOf(plan.id),
  revision: plan.revision,
  planHash: plan.hash,
  summary: plan.summary,
  parallel: plan.parallel,
  reads: shown(plan.reads ?? '[]'),
  plannedAt: timeText(plan.at),
  workerId: plan.worker === null ? null : naming.workerOf(plan.worker),
})

/** How a revision differs from the one before it. */
export const planDiffView = (plan: Plan, diff: string, naming: Naming) => ({
  executionId: naming.idOf(plan.id),
  revision: plan.revision,
  planHash: plan.hash,
  diff: shown(diff) as PlanDiff,
})
export type PlanDiffView = ReturnType<typeof planDiffView>

export const planStepView = (step: PlanStep) => ({
  index: step.idx,
  step: step.step,
  target: step.target,
  args: shown(step.args),
  effects: step.effects,
  state: step.state,
  fellBack: hasFallenBack(step),
  tries: step.tries,
  approvedAt: timeOrNull(step.approvedAt),
  value: shown(step.value ?? 'null'),
  errorClass: step.errorClass,
  error: step.error,
  startedAt: timeOrNull(step.startedAt),
  finishedAt: timeOrNull(step.finishedAt),
})
