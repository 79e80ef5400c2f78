import { z } from 'zod'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Effect } from '../execution/execution.ts'
import { canonicalize } from '../json/canonical.ts'
import { effectView } from '../projections/view.ts'
import { type CommandContext, command } from './command.ts'
import { limit, pageFields, reason } from './fields.ts'

const openMax = 10_000
const verdicts = { happened: 'applied', 'not-happened': 'not_applied', 'accept-unknown': 'unknown_accepted' } as const

export const ledger = [
  command({
    name: 'effect list',
    summary: 'List effects, newest first, or only those whose outcome nobody knows.',
    permission: 'effect.list',
    input: z.strictObject({
      inDoubt: z.boolean().optional().describe('Only effects in doubt.'),
      limit: limit(1000).optional(),
    }),
    http: { method: 'GET', path: '/v1/effects' },
    cli: {
      words: 'effect list',
      columns: ['effectKey', 'executionId', 'step', 'name', 'target', 'state', 'intendedAt'],
      examples: ['pawl effect list --in-doubt'],
    },
    refusals: [],
    async run({ plane, caller }, { inDoubt = false, limit: most = 100 }) {
      const effects = await plane.host.views
        .of(caller.tenant)
        .effects({ tenant: caller.tenant, open: inDoubt, limit: most })
      const naming = await plane.naming()
      return { items: effects.map((effect) => effectView(effect, naming)) }
    },
  }),
  command({
    name: 'effect resolve',
    summary: 'Say what a person found out about an effect in doubt.',
    permission: 'effect.resolve',
    input: z.strictObject({
      effectKey: z.string().min(8).max(64).describe('Key of the effect, or its first 8 or more characters.'),
      verdict: z.enum(['happened', 'not-happened', 'accept-unknown']).describe('What was found out.'),
      value: z.unknown().optional().describe('What the effect would have returned, if it happened.'),
      reason,
    }),
    http: { method: 'POST', path: '/v1/effects/{effectKey}/resolve' },
    cli: {
      words: 'effect resolve',
      positionals: ['effectKey'],
      omit: ['verdict', 'value'],
      examples: ['pawl effect resolve 3f9a71bc --happened --reason "seen in the CRM"'],
    },
    refusals: ['not_found', 'effect_not_in_doubt', 'old_process_alive', 'illegal_transition'],
    async run(context, input) {
      const { plane, caller } = context
      const effect = await openEffect(context, input.effectKey)
      if (isRefusal(effect)) return effect
      const value = input.value === undefined ? null : canonicalize(input.value)
      if (isRefusal(value)) return value
      const { idOf } = await plane.naming()
      const verdict = verdicts[input.verdict]
      return plane.command(
        idOf(effect.id),
        { type: 'resolve_effect', effectKey: effect.effectKey, verdict, value, reason: input.reason },
        caller,
      )
    },
  }),
  command({
    name: 'idempotency get',
    summary: 'Show which executions hold an idempotency key, and every replay and conflict of it.',
    permission: 'idempotency.get',
    input: z.strictObject({ key: z.string().min(1).max(255).describe('The idempotency key.') }),
    http: { method: 'GET', path: '/v1/idempotency/{key}' },
    cli: {
      words: 'idempotency get',
      positionals: ['key'],
      columns: ['key', 'executionId', 'action', 'generation', 'state', 'createdAt'],
    },
    refusals: ['not_found'],
    async run(context, { key }) {
      const found = await keyed(context, { key, limit: 100, cursor: undefined })
      if (isRefusal(found)) return found
      if (found.items.length === 0) return refuse('not_found', 'No execution holds this idempotency key.')
      const events = await Promise.all(found.items.map(({ executionId }) => repeats(context, executionId)))
      return { key, items: found.items, events: events.flat() }
    },
  }),
  command({
    name: 'idempotency list',
    summary: 'List idempotency keys and the executions that hold them, newest first.',
    permission: 'idempotency.list',
    input: z.strictObject(pageFields),
    http: { method: 'GET', path: '/v1/idempotency' },
    cli: { words: 'idempotency list', columns: ['key', 'executionId', 'action', 'generation', 'state', 'createdAt'] },
    refusals: ['invalid_cursor'],
    run: (context, { limit: most, cursor }) => keyed(context, { key: undefined, limit: most, cursor }),
  }),
]

/** The open effect with this key or beginning of a key. */
async function openEffect({ plane, caller }: CommandContext, key: string): Promise<Effect | Refusal> {
  const open = await plane.host.views.of(caller.tenant).effects({ tenant: caller.tenant, open: true, limit: openMax })
  const matching = open.filter(({ effectKey }) => effectKey.startsWith(key))
  const [first, second] = matching
  if (first === undefined) {
    return refuse(
      'not_found',
      'No effect with this key is in doubt.',
      undefined,
      'List them with `pawl effect list --in-doubt`.',
    )
  }
  return second === undefined
    ? first
    : refuse('invalid_input', `${matching.length} effects begin with this key; give more of it.`, {
        effectKeys: matching.slice(0, 10).map(({ effectKey }) => effectKey),
      })
}

async function keyed(
  { plane, caller }: CommandContext,
  ask: { key: string | undefined; limit: number | undefined; cursor: string | undefined },
) {
  const page = await plane.list(ask, caller)
  if (isRefusal(page)) return page
  const items = page.items.flatMap((execution) => {
    const {
      idempotencyKey: key,
      id: executionId,
      action,
      generation,
      recordOnly,
      inputHash,
      state,
      createdAt,
    } = execution
    return key === null ? [] : [{ key, executionId, action, generation, recordOnly, inputHash, state, createdAt }]
  })
  return { items, next: page.next }
}

async function repeats({ plane, caller }: CommandContext, executionId: string) {
  const events = await plane.events(executionId, 0, 1000, caller)
  return isRefusal(events)
    ? []
    : events.filter(({ type }) => type === 'idempotent_replay' || type === 'idempotency_conflict')
}
