import { z } from 'zod'
import { isRefusal, refuse } from '../errors/refusal.ts'
import { pausesOf } from '../projections/pauses.ts'
import { pauseView } from '../projections/view.ts'
import { type CommandContext, command } from './command.ts'
import { id, ifVersion, pageFields, reason } from './fields.ts'

const conflicts = ['not_found', 'illegal_transition', 'state_changed'] as const
const ifMatch = { ifVersion: 'If-Match' }

/** At most one of the three; none means everything of the tenant. */
const target = {
  tenant: z.string().min(1).max(255).optional().describe('The tenant; only the own one.'),
  action: z.string().min(1).max(255).optional().describe('Executions of this action.'),
  subject: z.string().min(1).max(255).optional().describe('Executions about this subject.'),
}

export const controlling = [
  command({
    name: 'cancel',
    summary: 'Cancel an execution; a running one is asked to stop.',
    permission: 'execution.cancel',
    input: z.strictObject({ id, reason: reason.optional(), ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/executions/{id}/cancel', headers: ifMatch },
    cli: {
      words: 'cancel',
      positionals: ['id…'],
      bulk: true,
      examples: [
        'pawl cancel <id> --reason "wrong quote"',
        'pawl cancel --query "state:queued action:crm.sync_quote" --yes',
      ],
    },
    refusals: conflicts,
    run: ({ plane, caller }, input) =>
      plane.command(input.id, { type: 'cancel', reason: input.reason ?? null }, caller, input.ifVersion),
  }),
  command({
    name: 'retry',
    summary: 'Make a retryable_failed execution due now.',
    permission: 'execution.retry',
    input: z.strictObject({ id, ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/executions/{id}/retry', headers: ifMatch },
    cli: { words: 'retry', positionals: ['id…'], bulk: true, examples: ['pawl retry --query state:retryable_failed'] },
    refusals: conflicts,
    run: ({ plane, caller }, input) => plane.command(input.id, { type: 'retry' }, caller, input.ifVersion),
  }),
  command({
    name: 'redrive',
    summary: 'Take an execution out of failed, expired or canceled and run it again; journal and ledger are kept.',
    permission: 'execution.redrive',
    input: z.strictObject({ id, reason, ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/executions/{id}/redrive', headers: ifMatch },
    cli: { words: 'redrive', positionals: ['id…'], bulk: true, examples: ['pawl redrive <id> --reason "CRM is back"'] },
    refusals: [...conflicts, 'effect_in_doubt'],
    run: redrive,
  }),
  command({
    name: 'rerun',
    summary: 'Run an execution that has ended once more, as a new one: same input, next key generation, new effects.',
    permission: 'execution.rerun',
    input: z.strictObject({
      id,
      reason: reason.optional(),
      seed: z
        .union([z.string().max(255), z.number()])
        .optional()
        .describe('Another seed; by default the one it had.'),
    }),
    http: { method: 'POST', path: '/v1/executions/{id}/rerun', statuses: [201] },
    cli: { words: 'rerun', positionals: ['id…'], bulk: true, examples: ['pawl rerun <id> --reason "new prices"'] },
    refusals: ['not_found', 'illegal_transition', 'rerun_underway', 'unknown_action'],
    run: ({ plane, caller }, { id: executionId, ...options }) => plane.rerun(executionId, caller, options),
    respond: (execution) => ({
      status: 201,
      headers: { Location: `/v1/executions/${execution.id}` },
      body: execution,
    }),
  }),
  command({
    name: 'dead-letter list',
    summary: 'List the dead letters: executions that failed for good.',
    permission: 'dead_letter.list',
    input: z.strictObject({ action: z.string().max(200).optional(), ...pageFields }),
    http: { method: 'GET', path: '/v1/dead-letters' },
    cli: {
      words: 'dead-letter list',
      aliases: ['dlq list'],
      columns: ['id', 'action', 'subject', 'attempt', 'lastErrorClass', 'lastError', 'finishedAt'],
    },
    refusals: ['invalid_cursor'],
    run: ({ plane, caller }, input) => plane.list({ ...input, states: ['failed'] }, caller),
  }),
  command({
    name: 'dead-letter get',
    summary: 'Show one dead letter.',
    permission: 'dead_letter.get',
    input: z.strictObject({ id }),
    http: { method: 'GET', path: '/v1/dead-letters/{id}' },
    cli: { words: 'dead-letter get', aliases: ['dlq get'], positionals: ['id'] },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const found = await plane.get(input.id, caller)
      if (isRefusal(found) || found.state === 'failed') return found
      return refuse('not_found', `The execution ${input.id} is ${found.state}, so it is no dead letter.`)
    },
  }),
  command({
    name: 'dead-letter redrive',
    summary: 'Run a dead letter again.',
    permission: 'dead_letter.redrive',
    input: z.strictObject({ id, reason, ifVersion: ifVersion.optional() }),
    http: { method: 'POST', path: '/v1/dead-letters/{id}/redrive', headers: ifMatch },
    cli: { words: 'dead-letter redrive', aliases: ['dlq redrive'], positionals: ['id…'], bulk: true },
    refusals: [...conflicts, 'effect_in_doubt'],
    run: redrive,
  }),
  command({
    name: 'pause',
    summary: 'Pause everything of the tenant, an action or a subject; what runs goes on, nothing new is claimed.',
    permission: 'pause.set',
    input: z.strictObject({ ...target, reason }),
    http: { method: 'POST', path: '/v1/pauses' },
    cli: {
      words: 'pause',
      examples: ['pawl pause --action crm.sync_quote --reason "CRM is down"'],
    },
    refusals: [],
    run: ({ plane, caller }, { reason: why, ...what }) => plane.pause(what, why, true, caller),
  }),
  command({
    name: 'unpause',
    summary: 'End a pause; what it held back is let go in order, at a pace.',
    permission: 'pause.lift',
    input: z.strictObject({
      ...target,
      reason: reason.optional(),
      pace: z
        .int()
        .min(1)
        .max(1_000_000)
        .optional()
        .describe('How many executions a second are let go; 5000 by default.'),
    }),
    http: { method: 'DELETE', path: '/v1/pauses' },
    cli: { words: 'unpause', examples: ['pawl unpause --action crm.sync_quote --pace 100'] },
    refusals: [],
    run: ({ plane, caller }, { reason: why = '', pace, ...what }) => plane.pause(what, why, false, caller, pace),
  }),
  command({
    name: 'pauses',
    summary: 'List what is paused, by whom and why.',
    permission: 'pause.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/pauses' },
    cli: { words: 'pauses', columns: ['scope', 'value', 'reason', 'by', 'at'] },
    refusals: [],
    async run({ plane, caller }) {
      const pauses = await plane.host.views.of(caller.tenant).pauses()
      return { items: pausesOf(pauses, caller.tenant).map(pauseView) }
    },
  }),
]

function redrive(
  { plane, caller }: CommandContext,
  input: { readonly id: string; readonly reason: string; readonly ifVersion?: number | undefined },
) {
  return plane.command(input.id, { type: 'redrive', reason: input.reason }, caller, input.ifVersion)
}
