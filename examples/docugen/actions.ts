import { z } from 'zod'
import { action } from '../../src/action/action.ts'
import { NetworkError } from '../../src/errors/failures.ts'
import { bundleRequest, documentsOf, type ManifestEntry, manifestOf, manifestPath } from './bundle.ts'

/** Stands for a template store that is away. */
export const awayTemplate = 'away'

/**
 * Renders a bundle of documents and its manifest. How many run at a time and how often each is tried come from
 * `DOCUGEN_QUEUE_CONCURRENCY` and `DOCUGEN_QUEUE_MAX_ATTEMPTS`; between two tries it rests 5 s, doubled each time.
 */
export const generateBundle = action({
  name: 'bundle:generate',
  version: 1,
  input: bundleRequest,
  output: z.object({ manifest: z.string(), sha256: z.string(), documents: z.int() }),
  subject: ({ bundleRunId }) => `bundle:${bundleRunId}`,
  idempotencyKey: ({ bundleRunId }) => bundleRunId,
  retry: { baseMs: 5_000, multiplier: 2, jitter: 'none' },
  async run({ input, step, artifact, random, progress }) {
    await step('template', () => {
      if (input.template === awayTemplate) throw new NetworkError('The template store does not answer.')
      return input.template
    })
    const entries: ManifestEntry[] = []
    for (const { path, text } of documentsOf(input, random)) {
      const { sha256, bytes } = await artifact(path, text, 'text/markdown')
      entries.push({ path, sha256, bytes })
      await progress({ done: entries.length, total: input.sections.length })
    }
    const manifest = manifestPath(input.bundleRunId)
    const stored = await artifact(manifest, manifestOf(input, entries), 'application/json')
    return { manifest, sha256: stored.sha256, documents: entries.length }
  },
})

export const actions = [generateBundle] as const
