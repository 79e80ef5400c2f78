import { z } from 'zod'
import { type Refusal, refuse } from '../errors/refusal.ts'
import { type Gate, isOpenGate } from '../execution/approval.ts'
import { logLineLevels, targetKinds, waitReasons } from '../execution/execution.ts'
import { keyCharactersMax, keysMax } from '../execution/permit.ts'
import { planBytesMax, planStepsMax } from '../execution/plan.ts'
import { workerRoles } from '../store/rows.ts'

/** What a worker may send, checked where a message comes in from another process. Answers are not checked: they are ours. */
const key = z.int().min(1)
const fence = z.int().min(0)
const ms = z.int().min(0).max(86_400_000)
const short = z.string().min(1).max(255)
const long = z.string().max(4_096)
/**
 * Canonical JSON of at most 256 KiB and a frame around it; counted in characters, for the exact bytes were counted
 * where it was made.
 */
const value = z.string().max(257 * 1024)
const sha256 = z.string().regex(/^[0-9a-f]{64}$/)
const ordinal = z.int().min(0).max(1_000_000)

const helloMessage = z.strictObject({
  identity: short,
  incarnation: short,
  host: short,
  pid: z.int().min(0),
  startedTicks: z.string().max(40).nullable(),
  bootId: z.string().max(64).nullable(),
  actions: z.array(z.strictObject({ action: z.string().min(1).max(100), version: z.int().min(1) })).max(10_000),
  slots: z.int().min(0).max(100_000),
  isolates: z.boolean().optional(),
  role: z.enum(workerRoles).optional(),
})

const claimMessage = z.strictObject({
  worker: key,
  limit: z.int().min(1).max(100_000),
  alone: z.int().min(0).max(1_000).optional(),
  only: z
    .array(z.strictObject({ execution: short, queue: z.int(), rank: z.int(), turn: z.int() }))
    .max(10_000)
    .optional(),
  waitMs: ms,
})

const beatMessage = z.strictObject({
  worker: key,
  held: z.array(z.strictObject({ id: key, fence, cancelChecks: z.int().min(0) })).max(100_000),
  stalledMs: z.number().min(0).nullable(),
})

const retryPolicy = z.strictObject({
  maxAttempts: z.int().min(1),
  baseMs: z.number().positive(),
  multiplier: z.number().min(1),
  capMs: z.number().positive(),
  jitter: z.enum(['full', 'none']),
})

const artifact = z.strictObject({
  name: z.string().min(1).max(500),
  sha256,
  bytes: z.int().min(0),
  mediaType: short,
  path: z.string().max(1_024).nullable(),
  content: z
    .string()
    .max(10 * 1024)
    .optional(),
})

const failed = { errorClass: z.string().min(1).max(100), error: long }
const outcome = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('applied'), value }),
  z.strictObject({ kind: z.literal('not_applied'), ...failed }),
  z.strictObject({ kind: z.literal('in_doubt'), ...failed }),
])

const awaited = z.strictObject({ name: short, seq: z.int().min(0) })

const idx = z.int().min(0).max(planStepsMax)
const plannedStep = z.strictObject({
  step: z.string().min(1).max(60),
  target: z.string().min(1).max(120),
  args: value,
  effects: z.array(z.string().min(1).max(200)).max(100),
})

/** What a journal may call a step: the name that the handler gave it, behind its step and target in a plan. */
const scoped = z.string().min(1).max(500)

const commands = {
  progress: z.strictObject({ type: z.literal('progress'), fence, value }),
  record_step: z.strictObject({
    type: z.literal('record_step'),
    fence,
    name: scoped,
    ordinal,
    value,
    startedAt: z.int(),
    artifact: artifact.optional(),
    takes: awaited.optional(),
  }),
  intend_effect: z.strictObject({
    type: z.literal('intend_effect'),
    fence,
    worker: key,
    idx: idx.optional(),
    effectKey: sha256,
    step: short,
    name: short,
    ordinal,
    target: z.enum(targetKinds),
    reconcilable: z.boolean(),
  }),
  record_effect: z.strictObject({ type: z.literal('record_effect'), fence, effectKey: sha256, outcome }),
  reconcile_effect: z.strictObject({
    type: z.literal('reconcile_effect'),
    fence,
    effectKey: sha256,
    happened: z.boolean(),
    value: value.nullable(),
  }),
  succeed: z.strictObject({
    type: z.literal('succeed'),
    fence,
    result: z.string().max(10 * 1024),
    fingerprint: sha256,
    artifact: artifact.optional(),
  }),
  fail: z.strictObject({
    type: z.literal('fail'),
    fence,
    errorClass: failed.errorClass,
    message: long,
    retryable: z.boolean(),
    retryAfterMs: z.number().min(0).optional(),
    policy: retryPolicy,
    result: z
      .string()
      .max(10 * 1024)
      .optional(),
  }),
  crashed: z.strictObject({
    type: z.literal('crashed'),
    fence,
    evidence: z.strictObject({
      exitCode: z.int().nullable(),
      signal: z.string().max(20).nullable(),
      memoryMb: z.int().min(0).nullable(),
      lastStep: short.nullable(),
    }),
  }),
  planned: z.strictObject({
    type: z.literal('planned'),
    fence,
    summary: z.string().min(1).max(2_000),
    reads: z.string().max(planBytesMax),
    parallel: z.int().min(1).max(64),
    ordered: z.boolean(),
    // The rules name the limit; this one only keeps what nobody means from being looked at.
    steps: z.array(plannedStep).max(10 * planStepsMax),
    handlers: z.array(z.string().min(1).max(60)).min(1).max(1_000),
    handlerDigest: sha256,
    secrets: z.array(short).max(1_000),
  }),
  begin_target: z.strictObject({
    type: z.literal('begin_target'),
    fence,
    idx,
    tries: z.int().min(1),
    instead: z.strictObject(failed).optional(),
  }),
  settle_target: z.strictObject({
    type: z.literal('settle_target'),
    fence,
    idx,
    state: z.enum(['succeeded', 'failed']),
    value: value.nullable(),
    errorClass: failed.errorClass.nullable(),
    error: long.nullable(),
  }),
  skip_rest: z.strictObject({ type: z.literal('skip_rest'), fence }),
  suspend: z.strictObject({
    type: z.literal('suspend'),
    fence,
    reason: z.enum(waitReasons),
    wakeAt: z.int().nullable(),
    awaits: z.array(awaited).max(10_000).optional(),
  }),
  log: z.strictObject({
    type: z.literal('log'),
    fence,
    said: z.int().min(1),
    lines: z
      .array(
        z.strictObject({
          at: z.int(),
          level: z.enum(logLineLevels),
          message: long,
          fields: z.string().max(8_192).nullable(),
          line: z.int().min(1),
        }),
      )
      .max(100),
  }),
  hand_back: z.strictObject({ type: z.literal('hand_back'), fence }),
  end_reconciliation: z.strictObject({ type: z.literal('end_reconciliation'), fence }),
  take_permits: z.strictObject({
    type: z.literal('take_permits'),
    fence,
    step: short,
    keys: z.array(z.string().min(1).max(keyCharactersMax)).max(keysMax),
  }),
  give_permits: z.strictObject({ type: z.literal('give_permits'), fence, step: short }),
} as const

const time = z.int().nullable()
/** What a submit becomes when it is checked; tenant and requester are taken from the parent. */
const admission = z.strictObject({
  tenant: short,
  action: z.string().min(1).max(100),
  version: z.int().min(1),
  subject: short.nullable(),
  key: short.nullable(),
  recordOnly: z.boolean(),
  input: z.string().max(256 * 1024),
  inputHash: sha256,
  seed: short,
  traceId: short,
  requestedBy: short,
  mode: z.enum(['immediate', 'background']),
  priority: z.int().min(-1_000).max(1_000),
  slaClass: short,
  actionClass: short,
  maxAttempts: z.int().min(1),
  availableAt: time,
  delayMs: time,
  deadlineAt: time,
  parentId: z.int().nullable(),
  queueMax: z.int().min(0).optional(),
  tenantMax: z.int().min(0).optional(),
  permits: z
    .string()
    .max(64 * 1024)
    .nullable(),
  depth: z.int().min(0),
  onParentCancel: z.enum(['cancel', 'abandon']).nullable(),
  isPlanned: z.boolean().optional(),
  gate: z.custom<Gate>(isOpenGate).optional(),
  policyVersion: z.int().min(1).optional(),
})

const workOf = <C extends z.ZodType>(command: C) => z.strictObject({ worker: key, id: key, command })

/** One message for each route of the protocol; a heartbeat is the only way to renew. */
export const messages = {
  register: helloMessage,
  claim: claimMessage,
  heartbeat: beatMessage,
  listen: z.strictObject({ worker: key, waitMs: ms }),
  drain: z.strictObject({ worker: key, on: z.boolean() }),
  spawn: z.strictObject({
    worker: key,
    id: key,
    spawn: z.strictObject({ fence, name: short, ordinal, startedAt: z.int(), admission }),
  }),
  step: workOf(commands.record_step),
  intent: workOf(commands.intend_effect),
  outcome: workOf(z.discriminatedUnion('type', [commands.record_effect, commands.reconcile_effect])),
  complete: workOf(commands.succeed),
  fail: workOf(z.discriminatedUnion('type', [commands.fail, commands.crashed])),
  'hand-back': workOf(
    z.discriminatedUnion('type', [commands.hand_back, commands.suspend, commands.end_reconciliation]),
  ),
  progress: workOf(commands.progress),
  gone: z.strictObject({ worker: key, cell: key, proof: short }),
  permits: workOf(z.discriminatedUnion('type', [commands.take_permits, commands.give_permits])),
  plan: workOf(commands.planned),
  target: workOf(z.discriminatedUnion('type', [commands.begin_target, commands.settle_target, commands.skip_rest])),
  logs: workOf(commands.log),
  'sign-off': z.strictObject({ worker: key }),
} as const

export type RouteName = keyof typeof messages
export type MessageOf<R extends RouteName> = z.infer<(typeof messages)[R]>

export const isRoute = (name: string): name is RouteName => Object.hasOwn(messages, name)

/** Gives the message, or says in one sentence what is wrong with it, without repeating its values. */
export function readMessage<R extends RouteName>(route: R, body: unknown): MessageOf<R> | Refusal {
  const parsed = messages[route].safeParse(body)
  if (parsed.success) return parsed.data as MessageOf<R>
  const issues = parsed.error.issues.slice(0, 20).map(({ path, message }) => ({ path: path.join('.'), message }))
  const first = issues[0]
  return refuse(
    'invalid_input',
    `The message ${route} does not fit at ${first?.path || 'its top'}: ${first?.message}.`,
    {
      issues,
    },
  )
}
