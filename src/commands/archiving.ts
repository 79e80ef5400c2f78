import { z } from 'zod'
import { refuse } from '../errors/refusal.ts'
import { terminalStates } from '../execution/machine.ts'
import { command } from './command.ts'
import { id, pageFields } from './fields.ts'

export const archiving = [
  command({
    name: 'archive run',
    summary: 'Move executions that ended long enough ago into the archive; their log and their keys stay.',
    permission: 'archive.run',
    input: z.strictObject({
      olderThan: z.string().min(1).max(40).describe('How long ago they must have ended, for instance `30d`.'),
      state: z.enum(terminalStates).optional().describe('Only those that ended so.'),
      tenant: z.string().min(1).max(255).optional().describe('The tenant; only the own one.'),
      dryRun: z.boolean().optional().describe('Count only.'),
      limit: z.int().min(1).max(100_000).optional().describe('As many at most; 10,000 by default.'),
    }),
    http: { method: 'POST', path: '/v1/archives' },
    cli: {
      words: 'archive run',
      examples: ['pawl archive run --older-than 30d --dry-run', 'pawl archive run --older-than 90d --state succeeded'],
    },
    refusals: ['invalid_delay'],
    async run({ plane, caller }, { tenant, ...request }) {
      if (tenant !== undefined && tenant !== caller.tenant) {
        return refuse('not_permitted', 'The executions of another tenant are not yours to archive.')
      }
      return plane.archives.run(request, caller)
    },
  }),
  command({
    name: 'archive list',
    summary: 'List archived executions, newest first; `pawl status` and `pawl trace` show one.',
    permission: 'archive.list',
    input: z.strictObject(pageFields),
    http: { method: 'GET', path: '/v1/archives' },
    cli: { words: 'archive list', columns: ['id', 'action', 'subject', 'state', 'finishedAt', 'archivedAt', 'bytes'] },
    refusals: ['invalid_cursor'],
    run: ({ plane, caller }, input) => plane.archives.list(input, caller),
  }),
  command({
    name: 'archive restore',
    summary: 'Bring an archived execution back as it was, for instance to redrive it.',
    permission: 'archive.restore',
    input: z.strictObject({ id }),
    http: { method: 'POST', path: '/v1/archives/{id}/restore' },
    cli: { words: 'archive restore', positionals: ['id…'] },
    refusals: ['not_found', 'archive_damaged'],
    run: ({ plane, caller }, input) => plane.restore(input.id, caller),
  }),
]
