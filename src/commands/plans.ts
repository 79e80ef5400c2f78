import { z } from 'zod'
import type { Caller, ControlPlane } from '../control/control-plane.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import {
  type PlanStepView,
  type PlanView,
  planDiffView,
  planStepView,
  planView,
  shownSteps,
} from '../projections/plan-view.ts'
import { command } from './command.ts'
import { id, ifVersion, limit } from './fields.ts'

const stepsPageMax = 1_000

/** The newest plan; null while there is none. */
export async function newestPlan(plane: ControlPlane, id: string, by: Caller): Promise<PlanView | Refusal | null> {
  const found = await plane.find(id, by)
  if (isRefusal(found)) return found
  const views = plane.host.views.of(by.tenant)
  const plan = await views.plan(found.execution.id)
  if (plan === null || plan.hash === null) return null
  return planView(plan, await views.planSteps(found.execution.id, -1, shownSteps), await plane.naming())
}

/** Steps of a plan behind place `after`, in order. */
export async function stepsBehind(
  plane: ControlPlane,
  id: string,
  after: number,
  limit: number,
  by: Caller,
): Promise<PlanStepView[] | Refusal> {
  const found = await plane.find(id, by)
  if (isRefusal(found)) return found
  return (await plane.host.views.of(by.tenant).planSteps(found.execution.id, after, limit)).map(planStepView)
}

export const plans = [
  command({
    name: 'plan show',
    summary:
      'Show what an execution is going to do: the summary, the hash, the first hundred steps and what the plan has read.',
    permission: 'execution.plan',
    input: z.strictObject({ id }),
    http: { method: 'GET', path: '/v1/executions/{id}/plan' },
    cli: { words: 'plan show', positionals: ['id'], examples: ['pawl plan show <id> --json'] },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const plan = await newestPlan(plane, input.id, caller)
      return plan ?? refuse('not_found', 'The execution has no plan, or nobody has planned it yet.')
    },
  }),
  command({
    name: 'plan diff',
    summary: 'Show how a plan differs from the one before it.',
    permission: 'execution.plan',
    input: z.strictObject({ id }),
    http: { method: 'GET', path: '/v1/executions/{id}/plan-diff' },
    cli: { words: 'plan diff', positionals: ['id'] },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const found = await plane.find(input.id, caller)
      if (isRefusal(found)) return found
      const plan = await plane.host.views.of(caller.tenant).plan(found.execution.id)
      return plan === null || plan.hash === null || plan.diff === null
        ? refuse('not_found', 'There is no plan before this one that it could differ from.')
        : planDiffView(plan, plan.diff, await plane.naming())
    },
  }),
  command({
    name: 'plan refresh',
    summary: 'Have an execution planned anew, before anything of it has begun. The same plan keeps its approval.',
    permission: 'execution.replan',
    input: z.strictObject({ id, ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/executions/{id}/replan', headers: { ifVersion: 'If-Match' } },
    cli: { words: 'plan refresh', positionals: ['id'] },
    refusals: ['not_found', 'illegal_transition', 'state_changed', 'plan_fixed', 'plan_frozen'],
    run: ({ plane, caller }, input) => plane.command(input.id, { type: 'replan' }, caller, input.ifVersion),
  }),
  command({
    name: 'plan steps',
    summary: 'List the steps of a plan in order, each with its target and how far it has come.',
    permission: 'execution.plan',
    input: z.strictObject({
      id,
      after: z.int().min(-1).max(100_000).optional().describe('Only steps behind this place.'),
      limit: limit(stepsPageMax).optional(),
    }),
    http: { method: 'GET', path: '/v1/executions/{id}/plan-steps' },
    cli: {
      words: 'plan steps',
      positionals: ['id'],
      columns: ['index', 'step', 'target', 'args', 'effects', 'state', 'approvedAt', 'tries', 'errorClass', 'error'],
    },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const most = input.limit ?? stepsPageMax
      const items = await stepsBehind(plane, input.id, input.after ?? -1, most, caller)
      if (isRefusal(items)) return items
      return { items, next: items.length === most ? (items.at(-1)?.index ?? null) : null }
    },
  }),
]
