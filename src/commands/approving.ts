import { z } from 'zod'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { scopeOf } from '../execution/plan.ts'
import { askApproval, waitingForApproval } from '../projections/approval.ts'
import { type CommandContext, command } from './command.ts'
import { id, ifVersion, pageFields, reason } from './fields.ts'

const conflicts = ['not_found', 'illegal_transition', 'state_changed', 'approval_not_asked'] as const
const ifMatch = { ifVersion: 'If-Match' }
const step = z
  .union([z.int().min(0).max(100_000), z.string().min(1).max(200)])
  .describe('Only this step of the plan: its index, or its name and target as in `install[web-1]`.')
const stepsPageMax = 1_000

export const approving = [
  command({
    name: 'approve',
    summary:
      'Agree to exactly this plan, or to one step of it. Only recorded: what was agreed to is dispatched by a resume.',
    permission: 'execution.approve',
    input: z.strictObject({
      id,
      planHash: z.string().min(1).max(100).describe('Hash of the plan that was read; any other is refused.'),
      step: step.optional(),
      ifVersion: ifVersion.optional(),
    }),
    http: { method: 'POST', path: '/v1/executions/{id}/approve', headers: ifMatch },
    cli: {
      words: 'approve',
      positionals: ['id'],
      omit: ['planHash'],
      examples: ['pawl approve <id> --plan <hash>', 'pawl approve <id> --plan <hash> --step "install[web-1]"'],
    },
    refusals: [
      ...conflicts,
      'not_planned',
      'plan_changing',
      'plan_differs',
      'plan_invalid',
      'own_request',
      'no_vote',
      'not_in_group',
    ],
    async run(context, input) {
      const { plane, caller } = context
      const at = await placeOf(context, input.id, input.step)
      if (isRefusal(at)) return at
      const groups = await plane.whoMay.groupsOf(caller)
      const vote = { type: 'approve' as const, planHash: input.planHash, step: at, groups }
      return plane.command(input.id, vote, caller, input.ifVersion)
    },
  }),
  command({
    name: 'reject',
    summary: 'Refuse a plan, or the step that is waited for: the execution ends as canceled.',
    permission: 'execution.reject',
    input: z.strictObject({ id, reason, step: step.optional(), ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/executions/{id}/reject', headers: ifMatch },
    cli: { words: 'reject', positionals: ['id'], examples: ['pawl reject <id> --reason "not on a Friday"'] },
    refusals: [...conflicts, 'no_vote', 'plan_invalid'],
    async run(context, input) {
      const at = await placeOf(context, input.id, input.step)
      if (isRefusal(at)) return at
      const rejected = { type: 'reject' as const, step: at, reason: input.reason }
      return context.plane.command(input.id, rejected, context.caller, input.ifVersion)
    },
  }),
  command({
    name: 'resume',
    summary: 'Dispatch what was agreed to, when every gate holds.',
    permission: 'execution.resume',
    input: z.strictObject({ id, ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/executions/{id}/resume', headers: ifMatch },
    cli: { words: 'resume', positionals: ['id'], examples: ['pawl resume <id>'] },
    refusals: [
      ...conflicts,
      'not_planned',
      'plan_changing',
      'approval_missing',
      'approval_expired',
      'step_not_approved',
      'execution_paused',
      'cancel_requested',
    ],
    run: ({ plane, caller }, input) => plane.command(input.id, { type: 'resume' }, caller, input.ifVersion),
  }),
  command({
    name: 'approval revoke',
    summary: 'Take a vote back: what stood on it begins nothing more.',
    permission: 'execution.revoke',
    input: z.strictObject({
      id,
      reason,
      voter: z.string().min(1).max(255).optional().describe('Whose vote; the own one by default.'),
      step: step.optional(),
      ifVersion: ifVersion.optional(),
    }),
    http: { method: 'POST', path: '/v1/executions/{id}/revoke', headers: ifMatch },
    cli: {
      words: 'approval revoke',
      positionals: ['id'],
      examples: ['pawl approval revoke <id> --reason "the customer called"'],
    },
    refusals: [...conflicts, 'vote_unknown', 'plan_invalid'],
    async run(context, input) {
      const { plane, caller } = context
      const at = await placeOf(context, input.id, input.step)
      if (isRefusal(at)) return at
      const voter = input.voter ?? caller.principal
      const revoked = { type: 'revoke_approval' as const, voter, step: at, reason: input.reason }
      return plane.command(input.id, revoked, caller, input.ifVersion)
    },
  }),
  command({
    name: 'approval get',
    summary: 'Show what an execution needs to be agreed to, who has agreed and who is missing.',
    permission: 'execution.plan',
    input: z.strictObject({ id }),
    http: { method: 'GET', path: '/v1/executions/{id}/approval' },
    cli: { words: 'approval get', positionals: ['id'] },
    refusals: ['not_found', 'approval_not_asked'],
    async run({ plane, caller, clock }, input) {
      const found = await plane.find(input.id, caller)
      if (isRefusal(found)) return found
      return (
        (await askApproval(plane.host.views.of(caller.tenant), found, clock.now())) ??
        refuse('approval_not_asked', 'The execution is of level auto: nobody has to agree to it.')
      )
    },
  }),
  command({
    name: 'approvals',
    summary: 'List what waits for people to agree, newest first, and whether it waits for you.',
    permission: 'approval.list',
    input: z.strictObject({
      mine: z.boolean().optional().describe('Only what your own vote would bring further.'),
      ...pageFields,
    }),
    http: { method: 'GET', path: '/v1/approvals' },
    cli: {
      words: 'approvals',
      columns: ['executionId', 'action', 'subject', 'level', 'planHash', 'votes', 'quorum', 'mine', 'requestedBy'],
    },
    refusals: ['invalid_cursor'],
    async run({ plane, caller, clock }, { mine = false, limit = 50, cursor }) {
      const groups = await plane.whoMay.groupsOf(caller)
      const voter = { principal: caller.principal, tenant: caller.tenant, groups }
      const page = await waitingForApproval(plane.host, voter, { mine, limit, cursor, now: clock.now() })
      return page ?? refuse('invalid_cursor', 'The cursor is not one that a list has given.')
    },
  }),
]

/** The place of the step that is meant; null is the plan as a whole. */
async function placeOf(
  { plane, caller }: CommandContext,
  id: string,
  step: string | number | undefined,
): Promise<number | null | Refusal> {
  if (step === undefined) return null
  if (typeof step === 'number') return step
  if (/^\d+$/.test(step)) return Number(step)
  const found = await plane.find(id, caller)
  if (isRefusal(found)) return found
  for (let after = -1; ; ) {
    const steps = await plane.host.views.of(caller.tenant).planSteps(found.execution.id, after, stepsPageMax)
    const named = steps.find((each) => scopeOf(each) === step)
    if (named !== undefined) return named.idx
    const last = steps.at(-1)
    if (last === undefined) return refuse('plan_invalid', `The plan has no step ${step}.`)
    after = last.idx
  }
}
