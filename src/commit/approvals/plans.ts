import type { Plan, PlanStep, PlanStepChanges } from '../../execution/plan.ts'
import type { Order } from '../order.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'

/** Plans as one transaction knows them, and what it will write of them. */
export class PlanBook {
  /** Newest revisions that were read or made. */
  readonly plans = new Map<number, Plan>()
  readonly #steps = new Map<number, Map<number, PlanStep>>()
  readonly #newPlans: Plan[] = []
  readonly #added = new Map<string, PlanStep>()
  readonly #changed = new Map<string, PlanStep>()
  readonly #dropped = new Set<number>()

  stepsOf(id: number): ReadonlyMap<number, PlanStep> {
    return this.#steps.get(id) ?? none
  }

  /** Takes over what the store holds, unless this transaction knows better: the steps of a plan that it replaces are gone. */
  loaded(steps: readonly PlanStep[]): void {
    for (const step of steps) if (!this.#dropped.has(step.id) && !this.stepsOf(step.id).has(step.idx)) this.#know(step)
  }

  /** A further revision takes the place of the one before, with all its steps. */
  add(plan: Plan): void {
    this.#newPlans.push(plan)
    this.plans.set(plan.id, plan)
    if (plan.revision < 2) return
    for (const idx of this.stepsOf(plan.id).keys()) {
      this.#added.delete(`${plan.id} ${idx}`)
      this.#changed.delete(`${plan.id} ${idx}`)
    }
    this.#steps.delete(plan.id)
    this.#dropped.add(plan.id)
  }

  /** Steps of a plan that this very transaction made are new; any other is there already. */
  enter(steps: readonly PlanStep[], isNew: boolean): void {
    for (const step of steps) {
      const key = `${step.id} ${step.idx}`
      if (isNew || this.#added.has(key)) this.#added.set(key, step)
      else this.#changed.set(key, step)
      this.#know(step)
    }
  }

  changes(): { readonly plans: readonly Plan[]; readonly planSteps: PlanStepChanges } {
    const planSteps = { drop: [...this.#dropped], add: [...this.#added.values()], change: [...this.#changed.values()] }
    return { plans: this.#newPlans, planSteps }
  }

  #know(step: PlanStep): void {
    const known = this.#steps.get(step.id)
    if (known === undefined) this.#steps.set(step.id, new Map([[step.idx, step]]))
    else known.set(step.idx, step)
  }
}

const none: ReadonlyMap<number, PlanStep> = new Map()

/** Reads what the commands on plans need: single steps, or all of a plan. Other commands cost nothing here. */
export function* loadPlans(work: Workset, orders: readonly Order[]): Asking<void> {
  const single: { id: number; idx: number }[] = []
  const whole = new Set<number>()
  for (const order of orders) {
    if (order.kind !== 'command' && order.kind !== 'work') continue
    const { id, command } = order
    switch (command.type) {
      case 'begin_target':
      case 'settle_target':
        single.push({ id, idx: command.idx })
        break
      case 'planned':
      case 'skip_rest':
      case 'redrive':
      case 'replan':
        whole.add(id)
        break
      case 'intend_effect':
        if (command.idx !== undefined && isGated(work, id)) single.push({ id, idx: command.idx })
        break
      case 'reject':
        if (work.executions.get(id)?.gate?.rules.level === 'step_by_step') whole.add(id)
        break
      case 'approve':
      case 'revoke_approval':
        if (command.step !== null && isGated(work, id)) single.push({ id, idx: command.step })
        break
      case 'suspend':
        if (command.reason === 'step_approval') whole.add(id)
        break
      default:
        break
    }
  }
  if (whole.size > 0) yield* loadWholePlans(work, [...whole])
  const missing = single.filter(({ id, idx }) => !work.plans.stepsOf(id).has(idx))
  if (missing.length > 0) work.plans.loaded(yield* ask('planStepsAt', missing))
}

export function* loadWholePlans(work: Workset, ids: readonly number[]): Asking<void> {
  const unknown = ids.filter((id) => !work.plans.plans.has(id))
  if (unknown.length > 0) for (const plan of yield* ask('plans', unknown)) work.plans.plans.set(plan.id, plan)
  const planned = ids.filter((id) => (work.plans.plans.get(id)?.hash ?? null) !== null)
  if (planned.length > 0) work.plans.loaded(yield* ask('planSteps', planned))
}

const isGated = (work: Workset, id: number): boolean => (work.executions.get(id)?.gate ?? null) !== null
