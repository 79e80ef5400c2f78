import { hasFallenBack, type Plan, type PlanStep } from '../execution/plan.ts'
import type { PlanDiff } from '../execution/plan-diff.ts'
import { shown } from '../json/shown.ts'
import { type Naming, timeOrNull, timeText } from './view.ts'

export type PlanView = ReturnType<typeof planView>
export type PlanStepView = ReturnType<typeof planStepView>

/** So many steps are shown with their plan; the rest is asked for behind the last of them. */
export const shownSteps = 100

/** A plan as people read it before they agree to it. @param steps its first ones, in order */
export const planView = (plan: Plan, steps: readonly PlanStep[], naming: Naming) => ({
  executionId: naming.idOf(plan.id),
  revision: plan.revision,
  planHash: plan.hash,
  summary: plan.summary,
  parallel: plan.parallel,
  steps: steps.map(({ idx, step, target, args, effects }) => ({
    index: idx,
    step,
    target,
    args: shown(args),
    effects,
  })),
  /** Behind which step the list goes on; null when this is all. */
  next: steps.length === shownSteps ? (steps.at(-1)?.idx ?? null) : null,
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
