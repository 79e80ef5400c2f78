import { z } from 'zod'
import type { Caller, ControlPlane } from '../control-plane.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { type PlanStepView, type PlanView, planStepView, planView } from '../projections/plan-view.ts'
import { command } from './command.ts'
import { id, limit } from './fields.ts'

const stepsPageMax = 1_000

/** The newest plan; null while there is none. */
export async function newestPlan(plane: ControlPlane, id: string, by: Caller): Promise<PlanView | Refusal | null> {
  const found = await plane.find(id, by)
  if (isRefusal(found)) return found
  const plan = await plane.host.views.plan(found.execution.id)
  return plan === null || plan.hash === null ? null : planView(plan, await plane.naming())
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
  return (await plane.host.views.planSteps(found.execution.id, after, limit)).map(planStepView)
}

export const plans = [
  command({
    name: 'plan show',
    summary: 'Show what an execution is going to do: the summary, the hash and what the plan has read.',
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
      columns: ['index', 'step', 'target', 'state', 'tries', 'errorClass', 'error'],
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
