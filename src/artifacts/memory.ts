import { Measured, wholeOf } from './content.ts'
import { type ArtifactStore, addressOf, artifactBytesMax } from './store.ts'

/** Keeps contents as long as the process lives: for tests. */
export function artifactMemory(options: {
  /** Dates the contents; epoch milliseconds. */
  readonly now: () => number
  readonly bytesMax?: number | undefined
}): ArtifactStore {
  const { now, bytesMax = artifactBytesMax } = options
  const kept = new Map<string, { readonly sha256: string; readonly content: Uint8Array; readonly at: number }>()
  return {
    async put(content) {
      const measured = new Measured(bytesMax)
      const whole = await wholeOf(measured.through(content))
      const sha256 = measured.sha256()
      kept.set(addressOf(sha256), { sha256, content: whole, at: now() })
      return { sha256, bytes: whole.byteLength, path: addressOf(sha256) }
    },
    get({ sha256 }) {
      const found = kept.get(addressOf(sha256))
      return Promise.resolve(found === undefined ? null : once(found.content))
    },
    has: ({ sha256 }) => Promise.resolve(kept.has(addressOf(sha256))),
    async *list() {
      for (const [key, { sha256, content, at }] of kept) yield { key, sha256, bytes: content.byteLength, at }
    },
    delete({ key }, unlessSince) {
      const found = kept.get(key)
      return Promise.resolve(found !== undefined && found.at < unlessSince && kept.delete(key))
    },
  }
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield content
}
