import { z } from 'zod'
import { checkSignal } from '../admit/signal.ts'
import { isRefusal } from '../errors/refusal.ts'
import { signalView } from '../projections/view.ts'
import { command } from './command.ts'
import { id, limit, pageFields } from './fields.ts'

export const signalling = [
  command({
    name: 'signal',
    summary: 'Send a signal to an execution; a run that waits for its name goes on, any other finds it later.',
    permission: 'execution.signal',
    input: z.strictObject({
      id,
      name: z
        .string()
        .min(1)
        .max(100)
        .describe('Name of the signal: letters, digits and any of `_.:/-`; not beginning with `child:`.'),
      payload: z.unknown().optional().describe('What it carries, at most 256 KiB of JSON; null by default.'),
      dedupe: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .describe('A signal repeated with the same text is one (header `Idempotency-Key`).'),
    }),
    http: {
      method: 'POST',
      path: '/v1/executions/{id}/signals/{name}',
      headers: { dedupe: 'Idempotency-Key' },
      bodyBytesMax: 272 * 1024,
    },
    cli: {
      words: 'signal',
      positionals: ['id', 'name'],
      omit: ['payload'],
      examples: ['pawl signal <id> quote_signed -i by=alice', 'pawl signal <id> delivered -f receipt.json'],
    },
    refusals: ['not_found', 'illegal_transition', 'signals_full', 'invalid_string', 'invalid_number', 'forbidden_key'],
    async run({ plane, caller }, input) {
      const signal = checkSignal(input)
      return isRefusal(signal) ? signal : plane.command(input.id, signal, caller)
    },
  }),
  command({
    name: 'children',
    summary: 'List the executions that belong to an execution, newest first.',
    permission: 'execution.children',
    input: z.strictObject({ id, ...pageFields }),
    http: { method: 'GET', path: '/v1/executions/{id}/children' },
    cli: {
      words: 'children',
      positionals: ['id'],
      columns: ['id', 'action', 'subject', 'state', 'attempt', 'createdAt', 'finishedAt'],
    },
    refusals: ['not_found', 'invalid_cursor'],
    async run({ plane, caller }, { id: parent, ...page }) {
      const found = await plane.find(parent, caller)
      if (isRefusal(found)) return found
      return plane.list({ where: [{ field: 'parent', not: false, anyOf: [found.execution.id] }], ...page }, caller)
    },
  }),
  command({
    name: 'signals',
    summary: 'Show the signals that were sent to an execution, newest first, and which of them a run has taken.',
    permission: 'execution.signals',
    input: z.strictObject({ id, limit: limit(1000).optional() }),
    http: { method: 'GET', path: '/v1/executions/{id}/signals' },
    cli: { words: 'signals', positionals: ['id'], columns: ['name', 'sequence', 'by', 'at', 'takenAt', 'payload'] },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const found = await plane.find(input.id, caller)
      if (isRefusal(found)) return found
      const signals = await plane.host.views.of(caller.tenant).signals(found.execution.id, input.limit ?? 100)
      return { items: signals.map(signalView) }
    },
  }),
]
