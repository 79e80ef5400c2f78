import { z } from 'zod'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { logLineLevels } from '../execution/execution.ts'
import { orderedFeed } from '../projections/feed.ts'
import { timeoutsOf } from '../projections/timeouts.ts'
import { traceOf } from '../projections/trace.ts'
import { askWhy } from '../projections/why.ts'
import { type CommandContext, command } from './command.ts'
import { id, limit, pageFields } from './fields.ts'
import { parseQuery, parseStates, readerOf } from './query.ts'
import { waitFor } from './wait.ts'

const one = z.strictObject({ id })
const after = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const eventsMax = 1000
const executionColumns = ['id', 'state', 'action', 'subject', 'attempt', 'createdAt', 'lastErrorClass']

const items = <T>(list: readonly T[] | Refusal): { items: readonly T[] } | Refusal =>
  isRefusal(list) ? list : { items: list }

export const reading = [
  command({
    name: 'list',
    summary: 'List executions, newest first.',
    permission: 'execution.list',
    input: z.strictObject({
      query: z
        .string()
        .max(2000)
        .optional()
        .describe(
          '`state:failed action:crm.sync_quote created:<2h -error:NetworkError`; docs/operate/queries.md has all fields.',
        ),
      state: z.string().max(200).optional().describe('One state or several, separated by commas.'),
      action: z.string().max(200).optional(),
      subject: z.string().max(255).optional(),
      key: z.string().max(255).optional().describe('Idempotency key.'),
      ...pageFields,
    }),
    http: { method: 'GET', path: '/v1/executions' },
    cli: {
      words: 'list',
      aliases: ['ls'],
      positionals: ['query'],
      columns: executionColumns,
      examples: [
        "pawl list 'state:failed action:crm.sync_quote created:<2h'",
        'pawl list --state running,queued --json',
      ],
    },
    refusals: ['invalid_cursor'],
    async run({ plane, caller, clock }, { query, state, ...fields }) {
      const parsed = query === undefined ? {} : parseQuery(query, readerOf(plane, clock.now()))
      if (isRefusal(parsed)) return parsed
      const states = state === undefined ? undefined : parseStates(state)
      if (isRefusal(states)) return states
      const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))
      return plane.list({ ...parsed, ...given, states }, caller)
    },
  }),
  command({
    name: 'status',
    summary: 'Show one execution.',
    permission: 'execution.get',
    input: one,
    http: { method: 'GET', path: '/v1/executions/{id}' },
    cli: { words: 'status', aliases: ['get'], positionals: ['id'], examples: ['pawl status <id> --json'] },
    refusals: ['not_found'],
    run: ({ plane, caller }, input) => plane.get(input.id, caller),
  }),
  command({
    name: 'why',
    summary: 'Say why an execution is where it is, and what can be done.',
    permission: 'execution.why',
    input: one,
    http: { method: 'GET', path: '/v1/executions/{id}/why' },
    cli: { words: 'why', positionals: ['id'] },
    refusals: ['not_found'],
    async run({ plane, caller, clock }, input) {
      const found = await plane.find(input.id, caller)
      if (isRefusal(found)) return found
      const { state } = found.execution
      return { id: input.id, state, ...(await askWhy(plane.host.views.of(caller.tenant), found, clock.now())) }
    },
  }),
  command({
    name: 'events',
    summary: 'List the events of one execution, in order.',
    permission: 'execution.events',
    input: z.strictObject({
      id,
      after: after.optional().describe('Only events with a greater sequence.'),
      limit: limit(eventsMax).optional(),
    }),
    http: { method: 'GET', path: '/v1/executions/{id}/events' },
    cli: {
      words: 'events',
      positionals: ['id'],
      columns: ['sequence', 'at', 'type', 'from', 'to', 'principal', 'attempt', 'errorClass'],
    },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const most = input.limit ?? eventsMax
      const events = await plane.events(input.id, input.after ?? 0, most, caller)
      if (isRefusal(events)) return events
      return { items: events, next: events.length === most ? (events.at(-1)?.sequence ?? null) : null }
    },
  }),
  command({
    name: 'trace',
    summary: 'Show everything about one execution: events, steps, effects, artifacts, log lines and what was refused.',
    permission: 'execution.trace',
    input: one,
    http: { method: 'GET', path: '/v1/executions/{id}/trace' },
    cli: { words: 'trace', positionals: ['id'], examples: ['pawl trace <id> --json'] },
    refusals: ['not_found'],
    run: ({ plane, caller }, input) => trace({ plane, caller }, input.id),
  }),
  command({
    name: 'steps',
    summary: 'List the journaled steps of one execution.',
    permission: 'execution.steps',
    input: one,
    http: { method: 'GET', path: '/v1/executions/{id}/steps' },
    cli: { words: 'steps', positionals: ['id'], columns: ['name', 'ordinal', 'fence', 'startedAt', 'at'] },
    refusals: ['not_found'],
    run: async ({ plane, caller }, input) => items(await plane.steps(input.id, caller)),
  }),
  command({
    name: 'effects',
    summary: 'List the effects of one execution, as the ledger holds them.',
    permission: 'execution.effects',
    input: one,
    http: { method: 'GET', path: '/v1/executions/{id}/effects' },
    cli: {
      words: 'effects',
      positionals: ['id'],
      columns: ['effectKey', 'step', 'name', 'target', 'state', 'intents', 'intendedAt'],
    },
    refusals: ['not_found'],
    run: async ({ plane, caller }, input) => items(await plane.effects(input.id, caller)),
  }),
  command({
    name: 'logs',
    summary: 'Show what the handlers of one execution have said with `ctx.log`.',
    permission: 'execution.logs',
    input: z.strictObject({
      id,
      after: after.optional().describe('Only lines with a greater seq.'),
      limit: limit(eventsMax).optional(),
      level: z.enum(logLineLevels).optional().describe('Only lines of at least this level.'),
    }),
    http: { method: 'GET', path: '/v1/executions/{id}/logs' },
    cli: {
      words: 'logs',
      positionals: ['id'],
      columns: ['seq', 'at', 'level', 'message', 'fields'],
      examples: ['pawl logs <id> --follow', 'pawl logs <id> --level warn --json'],
    },
    refusals: ['not_found'],
    async run({ plane, caller }, { id: executionId, ...query }) {
      const most = query.limit ?? eventsMax
      const lines = await plane.kept.logs(executionId, { ...query, limit: most }, caller)
      if (isRefusal(lines)) return lines
      return { items: lines, next: lines.length === most ? (lines.at(-1)?.seq ?? null) : null }
    },
  }),
  command({
    name: 'wait',
    summary: 'Wait for the next events of an execution, or for its end (long poll).',
    permission: 'execution.wait',
    input: z.strictObject({
      id,
      after: after
        .optional()
        .describe('Answer as soon as there is an event with a greater sequence; without it, at the end.'),
      timeoutMs: z
        .int()
        .min(0)
        .max(60_000)
        .optional()
        .describe('Answer after this long in any case; 30000 by default.'),
    }),
    http: { method: 'GET', path: '/v1/executions/{id}/wait' },
    refusals: ['not_found'],
    run: (context, input) =>
      waitFor(context, { id: input.id, after: input.after, timeoutMs: input.timeoutMs ?? 30_000 }),
  }),
  command({
    name: 'stream',
    summary: 'Follow the events of an execution (server-sent events) until it ends; `Last-Event-ID` resumes.',
    permission: 'execution.stream',
    input: z.strictObject({ id, after: after.optional().describe('Only events with a greater sequence.') }),
    http: {
      method: 'GET',
      path: '/v1/executions/{id}/stream',
      headers: { after: 'Last-Event-ID' },
      answers: 'events',
    },
    refusals: ['not_found'],
    async run({ plane, caller, signal }, input) {
      const found = await plane.find(input.id, caller)
      return isRefusal(found)
        ? found
        : { id: input.id, events: plane.watch(input.id, input.after ?? 0, caller, signal) }
    },
  }),
  command({
    name: 'feed',
    summary: 'Read the ordered feed: every event of the tenant in the order of commits.',
    permission: 'event.list',
    input: z.strictObject({
      after: after.optional().describe('Position to go on from; `next` of the answer before.'),
      limit: limit(eventsMax).optional(),
    }),
    http: { method: 'GET', path: '/v1/events' },
    cli: {
      words: 'event list',
      columns: ['position', 'at', 'executionId', 'sequence', 'type', 'from', 'to', 'principal'],
    },
    refusals: [],
    run: async ({ plane, caller }, input) =>
      orderedFeed(plane.host.views.of(caller.tenant), await plane.naming(), {
        after: input.after ?? 0,
        rows: input.limit ?? 100,
        tenant: caller.tenant,
      }),
  }),
]

async function trace({ plane, caller }: Pick<CommandContext, 'plane' | 'caller'>, executionId: string) {
  const execution = await plane.get(executionId, caller)
  if (isRefusal(execution)) return execution
  const [events, steps, effects, artifacts, logs] = await Promise.all([
    plane.events(executionId, 0, eventsMax, caller),
    plane.steps(executionId, caller),
    plane.effects(executionId, caller),
    plane.kept.artifacts(executionId, caller),
    plane.kept.logs(executionId, {}, caller),
  ])
  if (isRefusal(events)) return events
  if (isRefusal(steps)) return steps
  if (isRefusal(effects)) return effects
  if (isRefusal(artifacts)) return artifacts
  if (isRefusal(logs)) return logs
  const found = await plane.find(executionId, caller)
  if (isRefusal(found)) return found
  const claims = events.filter(({ type }) => type === 'claim')
  const timeouts = timeoutsOf(await plane.host.views.of(caller.tenant).timeoutPolicies(), found.request, claims)
  return traceOf({ execution, events, steps, effects, artifacts, timeouts, logs })
}
