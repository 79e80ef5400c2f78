import { z } from 'zod'
import type { BulkRequest } from '../control/bulk-commands.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { decideRight } from '../rights/decide-right.ts'
import { bulkCommands } from '../store/rows.ts'
import { command } from './command.ts'
import { reason } from './fields.ts'
import { parseQuery, type QueryReader, readerOf } from './query.ts'

const bulkId = z.string().min(1).max(40).describe('Id of the bulk command.')

/** What a bulk command asks for, its query read. */
export function bulkRequest(asked: Omit<BulkRequest, 'where'>, reader: QueryReader): BulkRequest | Refusal {
  const parsed = parseQuery(asked.query, reader)
  if (isRefusal(parsed)) return parsed
  if (parsed.limit !== undefined || parsed.cursor !== undefined) {
    return refuse('invalid_input', 'A bulk command takes all that its query finds: leave limit and cursor out.')
  }
  return { ...asked, where: parsed.where }
}

export const bulk = [
  command({
    name: 'bulk',
    summary:
      'Command everything that a query finds now; what appears later is not touched. `dryRun` shows what it finds.',
    permission: 'bulk.create',
    input: z.strictObject({
      command: z.enum(bulkCommands),
      query: z.string().min(1).max(2000).describe('docs/operate/queries.md'),
      reason: reason.optional(),
      dryRun: z.boolean().optional(),
    }),
    http: { method: 'POST', path: '/v1/bulk', statuses: [202, 200] },
    refusals: ['too_many_items'],
    async run({ plane, bulks, clock, caller }, { command: what, query, reason: why = null, dryRun = false }) {
      const { tenant, principal, role } = caller
      const asked = { tenant, principal, role, permission: `execution.${what}`, about: null, now: clock.now() }
      const right = decideRight(await plane.whoMay.current(), asked)
      if (isRefusal(right)) return right
      if (right.reach !== 'any') {
        return refuse('not_permitted', `The role ${caller.role} may not ${what} everybody\u2019s executions.`)
      }
      const request = bulkRequest({ command: what, query, reason: why }, readerOf(plane, clock.now()))
      if (isRefusal(request)) return request
      return dryRun ? bulks.preview(request, caller) : bulks.start(request, caller)
    },
    respond: (result) => ({ status: 'id' in result ? 202 : 200, body: result }),
  }),
  command({
    name: 'bulk list',
    summary: 'List bulk commands, newest first.',
    permission: 'bulk.get',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/bulk' },
    cli: { words: 'bulk list', columns: ['id', 'command', 'state', 'total', 'done', 'refused', 'by', 'createdAt'] },
    refusals: [],
    run: async ({ bulks, caller }) => ({ items: await bulks.list(caller) }),
  }),
  command({
    name: 'bulk get',
    summary: 'Show how far a bulk command is.',
    permission: 'bulk.get',
    input: z.strictObject({ bulkId }),
    http: { method: 'GET', path: '/v1/bulk/{bulkId}' },
    cli: { words: 'bulk get', positionals: ['bulkId'] },
    refusals: ['not_found'],
    run: ({ bulks, caller }, input) => bulks.get(input.bulkId, caller),
  }),
  command({
    name: 'bulk cancel',
    summary: 'Stop a bulk command; what is done stays done.',
    permission: 'bulk.create',
    input: z.strictObject({ bulkId }),
    http: { method: 'POST', path: '/v1/bulk/{bulkId}/cancel' },
    cli: { words: 'bulk cancel', positionals: ['bulkId'] },
    refusals: ['not_found'],
    run: ({ bulks, caller }, input) => bulks.cancel(input.bulkId, caller),
  }),
]
