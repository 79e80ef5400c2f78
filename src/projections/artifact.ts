import type { ArtifactStore } from '../artifacts/store.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import type { Artifact } from '../store/rows.ts'

/** An artifact whose content is about to be read, from its row or from the artifact store. */
export interface OpenArtifact {
  readonly name: string
  readonly sha256: string
  readonly bytes: number
  readonly mediaType: string
  readonly content: AsyncIterable<Uint8Array>
}

export async function openArtifact(kept: Artifact, store: ArtifactStore | undefined): Promise<OpenArtifact | Refusal> {
  const { name, sha256, bytes, mediaType } = kept
  const content = kept.content === undefined ? await store?.get({ sha256 }) : once(Buffer.from(kept.content, 'utf8'))
  if (content === undefined || content === null) {
    return refuse('not_found', `The content of artifact ${name} is not in the artifact store of this server.`, {
      sha256,
    })
  }
  return { name, sha256, bytes, mediaType, content }
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array, void> {
  yield content
}

/** What stands for a result that was too large for its row. */
export interface StoredResult {
  readonly artifact: string
  readonly sha256: string
  readonly bytes: number
  readonly mediaType: string
}

/**
 * The reference, if this value is one. The fingerprint is that of the whole result, so a handler's own value that only
 * looks like a reference has another one.
 */
export function storedResult(value: unknown, fingerprint: string | null): StoredResult | null {
  if (typeof value !== 'object' || value === null) return null
  const { artifact, sha256 } = value as Partial<StoredResult>
  return typeof artifact === 'string' && typeof sha256 === 'string' && sha256 === fingerprint
    ? (value as StoredResult)
    : null
}
