import { z } from 'zod'

/** What a bundle run is asked for. The same request gives the same bytes, wherever and in whatever order it is run. */
export const bundleRequest = z.object({
  bundleRunId: z.string().regex(/^[\w-]{1,60}$/, 'must be letters, digits, `_` and `-`, at most 60'),
  template: z.string().min(1).max(60),
  sections: z.array(z.string().min(1).max(80)).min(1).max(50),
})

export type BundleRequest = z.infer<typeof bundleRequest>

export interface Document {
  readonly path: string
  readonly text: string
}

export interface ManifestEntry {
  readonly path: string
  readonly sha256: string
  readonly bytes: number
}

const words = ['ratchet', 'ledger', 'lease', 'harbour', 'quarry', 'beacon', 'meadow', 'signal', 'lantern', 'orchard']

/** One document for each section; `random` is the seeded one of the run. */
export function documentsOf({ bundleRunId, template, sections }: BundleRequest, random: () => number): Document[] {
  return sections.map((title, index) => {
    const sentence = Array.from({ length: 12 }, () => words[Math.floor(random() * words.length)]).join(' ')
    const path = `artefacts/${bundleRunId}/${String(index + 1).padStart(2, '0')}.md`
    return { path, text: `# ${title}\n\nTemplate ${template}.\n\n${sentence}.\n` }
  })
}

export const manifestPath = (bundleRunId: string): string => `manifests/${bundleRunId}.json`

export function manifestOf({ bundleRunId, template }: BundleRequest, entries: readonly ManifestEntry[]): string {
  return `${JSON.stringify({ bundleRunId, template, artefacts: entries }, null, 2)}\n`
}
