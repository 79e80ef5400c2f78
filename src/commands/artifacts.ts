import { z } from 'zod'
import { isRefusal } from '../errors/refusal.ts'
import { command } from './command.ts'
import { id } from './fields.ts'

export const artifacts = [
  command({
    name: 'artifacts',
    summary: 'List the artifacts of one execution.',
    permission: 'execution.artifacts',
    input: z.strictObject({ id }),
    http: { method: 'GET', path: '/v1/executions/{id}/artifacts' },
    cli: { words: 'artifacts', positionals: ['id'], columns: ['name', 'mediaType', 'bytes', 'sha256', 'path'] },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const items = await plane.kept.artifacts(input.id, caller)
      return isRefusal(items) ? items : { items }
    },
  }),
  command({
    name: 'artifact',
    summary: 'Download one artifact; its SHA-256 is the ETag.',
    permission: 'execution.artifacts',
    input: z.strictObject({ id, name: z.string().min(1).max(255).describe('Name of the artifact.') }),
    http: { method: 'GET', path: '/v1/executions/{id}/artifacts/{name}', answers: 'file' },
    cli: {
      words: 'artifact get',
      positionals: ['id', 'name'],
      examples: ['pawl artifact get <id> quote.pdf -o quote.pdf', 'pawl artifact get <id> result'],
    },
    refusals: ['not_found'],
    run: ({ plane, caller }, input) => plane.kept.artifact(input.id, input.name, caller),
  }),
  command({
    name: 'artifact sweep',
    summary: 'Delete stored contents that no execution names and that are older than an hour; a crash leaves such.',
    permission: 'artifact.sweep',
    input: z.strictObject({ dryRun: z.boolean().optional().describe('Only say what would be deleted.') }),
    http: { method: 'POST', path: '/v1/artifacts/sweep' },
    cli: { words: 'artifact sweep', examples: ['pawl artifact sweep --dry-run'] },
    refusals: ['not_found'],
    run: ({ plane }, { dryRun = false }) => plane.kept.sweep({ dryRun }),
  }),
]
