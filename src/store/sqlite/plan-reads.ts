import type { Plan, PlanStep } from '../../execution/plan.ts'
import { type Decoding, places, wholePlanStepOf } from './decoding.ts'
import { planOf } from './plan-rows.ts'
import type { Prepared } from './prepared.ts'

export const newestPlans = (prepared: Prepared, ids: readonly number[]): readonly Plan[] =>
  ids.flatMap((id) => {
    const row = prepared.one('plan', id)
    return row === undefined ? [] : [planOf(row)]
  })

export const wholePlans = (prepared: Prepared, ids: readonly number[], decoding: Decoding): readonly PlanStep[] =>
  decoding.all(
    ids.flatMap((id) => prepared.all('planSteps', id, -1, Number.MAX_SAFE_INTEGER)),
    places.planSteps,
    wholePlanStepOf,
  )

export const namedSteps = (
  prepared: Prepared,
  at: readonly { readonly id: number; readonly idx: number }[],
  decoding: Decoding,
): readonly PlanStep[] => {
  const rows = at.flatMap(({ id, idx }) => {
    const row = prepared.one('planStep', id, idx)
    return row === undefined ? [] : [row]
  })
  return decoding.all(rows, places.planSteps, wholePlanStepOf)
}

/** Leases to run and leases to plan have an index each. */
export function leases(
  prepared: Prepared,
  runs: 'expiredLeases' | 'heldBy',
  plans: 'expiredPlanning' | 'plannedBy',
  by: number,
  after: number,
  limit: number,
): readonly number[] {
  const planned = prepared.all(plans, by, after, limit).map((row) => row[0] as number)
  const running = prepared.all(runs, by, after, limit).map((row) => row[0] as number)
  return planned.length === 0 ? running : [...running, ...planned].sort((a, b) => a - b).slice(0, limit)
}
