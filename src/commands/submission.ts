import { z } from 'zod'
import { dedupes } from '../commit/order.ts'
import { type Caller, type Submitted, submitManyMax } from '../control/control-plane.ts'
import { type Immediate, runImmediately, windowMsMax } from '../control/immediate.ts'
import { isRefusal, type Refusal, toProblem } from '../errors/refusal.ts'
import { defaultJsonLimits } from '../json/limits.ts'
import { command, type Identity } from './command.ts'
import { may } from './permissions.ts'

const time = z.union([z.string().max(64), z.number()])

/** What may be said about a new execution; the core checks meaning and says better what is wrong. */
const requestFields = {
  action: z.string().min(1).max(200).describe('Name of the action.'),
  version: z.int().min(1).optional().describe('Version of the action; the latest one by default.'),
  input: z.unknown().describe('What the action works on: checked by its schema.'),
  key: z.string().optional().describe('Idempotency key, 1 to 255 characters (header `Idempotency-Key`).'),
  subject: z.string().optional().describe('What it is about, for instance `quote:Q-42`.'),
  mode: z
    .enum(['immediate', 'background'])
    .optional()
    .describe('`immediate`: claimed before all others, and answered with the end or after ten seconds.'),
  priority: z.number().optional().describe('−100 to 100; higher runs first.'),
  runAt: time.optional().describe('Not before this time: RFC 3339 or epoch milliseconds.'),
  delay: time.optional().describe('Not before this long from now: `30s`, `5m`, or milliseconds.'),
  deadline: time.optional().describe('Expires at this time unless it has ended.'),
  seed: z
    .union([z.string().max(255), z.number()])
    .optional()
    .describe('Seed of its randomness.'),
  recordOnly: z.boolean().optional().describe('Record everything, perform no effect.'),
  traceId: z.string().optional().describe('Trace it belongs to; a new one by default.'),
  slaClass: z.string().min(1).max(100).optional(),
  actionClass: z.string().min(1).max(100).optional(),
  dedupe: z
    .enum(dedupes)
    .optional()
    .describe('With a key whose execution was never claimed: `supersede` replaces other input, `debounce` any.'),
  parentId: z.string().max(64).optional().describe('Execution that it belongs to: told of its end, cancelled with it.'),
  onParentCancel: z
    .enum(['cancel', 'abandon'])
    .optional()
    .describe('What a cancel of the parent does to it: `cancel`.'),
}

const inputBytes = defaultJsonLimits.bytesMax
const marginBytes = 16 * 1024

const admissionRefusals = [
  'unknown_action',
  'computed_field_submitted',
  'invalid_string',
  'invalid_number',
  'forbidden_key',
  'invalid_delay',
  'invalid_priority',
  'key_too_long',
  'idempotency_key_reused',
  'not_found',
  'parent_ended',
  'cancel_requested',
  'reconcile_only',
  'child_too_deep',
  'too_many_children',
  'queue_full',
  'invalid_dedupe',
] as const

/** Whoever may cancel only what it asked for itself may replace only that. */
export const replacing = (caller: Identity): Caller =>
  may(caller.role, 'execution.cancel') === 'any' ? caller : { ...caller, ownOnly: true }

export const submission = [
  command({
    name: 'submit',
    summary: 'Submit a new execution, or get the one that its idempotency key already has.',
    permission: 'execution.submit',
    input: z.strictObject({
      ...requestFields,
      waitMs: z
        .int()
        .min(0)
        .max(windowMsMax)
        .optional()
        .describe('Wait this long for the end, in immediate mode (header `Prefer: wait=10`, in seconds).'),
    }),
    http: {
      method: 'POST',
      path: '/v1/executions',
      headers: { key: 'Idempotency-Key', waitMs: 'Prefer' },
      bodyBytesMax: inputBytes + marginBytes,
      statuses: [201, 200, 202],
    },
    cli: {
      words: 'submit',
      positionals: ['action'],
      omit: ['waitMs', 'traceId', 'mode'],
      examples: [
        'pawl submit crm.sync_quote -i quoteId=Q-42 -i env=staging --wait',
        'pawl submit quote.render_pdf -f quote.json --key Q-42:1 --immediate',
        'echo \'{"quoteId":"Q-42"}\' | pawl submit crm.sync_quote -',
      ],
    },
    refusals: admissionRefusals,
    run({ plane, clock, caller, signal, traceId }, { waitMs, ...request }): Promise<Submitted | Immediate | Refusal> {
      const asked = { ...request, traceId: request.traceId ?? traceId }
      return waitMs === undefined && request.mode !== 'immediate'
        ? plane.trySubmit(asked, replacing(caller))
        : runImmediately(plane, clock, asked, replacing(caller), { windowMs: waitMs, signal })
    },
    respond: ({ execution, replayed, ...rest }) => {
      const headers = {
        Location: `/v1/executions/${execution.id}`,
        ...(replayed ? { 'Idempotent-Replayed': 'true' } : {}),
      }
      if (!('ended' in rest)) return { status: replayed ? 200 : 201, headers, body: execution }
      const { ended, why, windowMs } = rest
      return {
        status: ended ? 200 : 202,
        headers: { ...headers, 'Preference-Applied': `wait=${Math.floor(windowMs / 1000)}` },
        body: why === null ? execution : { ...execution, ...why },
      }
    },
  }),
  command({
    name: 'submit-many',
    summary: `Submit up to ${submitManyMax} executions in one commit; each is answered for itself.`,
    permission: 'execution.submit',
    input: z.strictObject({
      executions: z.array(z.strictObject(requestFields)).min(1).describe('As for one execution, `key` included.'),
    }),
    http: { method: 'POST', path: '/v1/executions/batch', bodyBytesMax: 8 * 1024 * 1024 },
    refusals: [...admissionRefusals, 'too_many_items'],
    async run({ plane, caller, traceId }, { executions }): Promise<{ items: readonly object[] } | Refusal> {
      const requests = executions.map((request) => ({ ...request, traceId: request.traceId ?? traceId }))
      const answers = await plane.submitMany(requests, replacing(caller))
      if (isRefusal(answers)) return answers
      return {
        items: answers.map((answer) =>
          isRefusal(answer)
            ? { status: toProblem(answer).status, problem: toProblem(answer) }
            : { status: answer.replayed ? 200 : 201, ...answer },
        ),
      }
    },
  }),
]
