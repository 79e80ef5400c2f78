import { createHash } from 'node:crypto'
import { ValidationError } from '../errors/failures.ts'
import type { ArtifactContent } from './store.ts'

const bytesOf = (piece: Uint8Array | string): Uint8Array =>
  typeof piece === 'string' ? Buffer.from(piece, 'utf8') : piece

/** The content as pieces of bytes, however it was handed over. */
export async function* piecesOf(content: ArtifactContent): AsyncGenerator<Uint8Array, void> {
  if (typeof content === 'string' || content instanceof Uint8Array) {
    yield bytesOf(content)
    return
  }
  for await (const piece of content) {
    if (typeof piece !== 'string' && !(piece instanceof Uint8Array)) {
      throw new ValidationError('An artifact is made of bytes or text; its stream gave something else.')
    }
    yield bytesOf(piece)
  }
}

/** All pieces as one; for contents that are known to be small. */
export async function wholeOf(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = []
  for await (const piece of pieces) all.push(piece)
  return Buffer.concat(all)
}

/**
 * Passes the pieces on and learns their number and hash on the way.
 *
 * @throws ValidationError as soon as there are more than `bytesMax` bytes.
 */
export class Measured {
  readonly #bytesMax: number
  readonly #hash = createHash('sha256')
  bytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  async *through(content: ArtifactContent): AsyncGenerator<Uint8Array, void> {
    for await (const piece of piecesOf(content)) {
      this.bytes += piece.byteLength
      if (this.bytes > this.#bytesMax) {
        throw new ValidationError(`The artifact is larger than the ${this.#bytesMax} bytes that one may have.`)
      }
      this.#hash.update(piece)
      yield piece
    }
  }

  /** Ends the measuring; call it once, behind the last piece. */
  sha256(): string {
    return this.#hash.digest('hex')
  }
}

/** 10 KiB: text up to this many bytes lies in the row of its artifact, and a result in the row of its outcome. */
export const inlineBytesMax = 10 * 1024

const textTypes = /^(?:text\/[\w.+-]+|application\/(?:json|xml|yaml|toml|x-ndjson|[\w.+-]+\+(?:json|xml|yaml)))(?:;|$)/i

/**
 * Reads at most `inlineBytesMax` bytes ahead. Gives the text when that was all and it may lie in a row; else the content
 * as if nothing had been read.
 */
export async function inlineText(
  content: ArtifactContent,
  mediaType: string,
): Promise<{ readonly text: string } | { readonly content: ArtifactContent }> {
  if (!textTypes.test(mediaType)) return { content }
  const pieces = piecesOf(content)
  const ahead: Uint8Array[] = []
  let size = 0
  while (size <= inlineBytesMax) {
    const next = await pieces.next()
    if (next.done === true) {
      const bytes = Buffer.concat(ahead, size)
      const text = textOf(bytes)
      return text === undefined ? { content: bytes } : { text }
    }
    ahead.push(next.value)
    size += next.value.byteLength
  }
  return { content: continued(ahead, pieces) }
}

async function* continued(ahead: readonly Uint8Array[], rest: AsyncGenerator<Uint8Array, void>) {
  yield* ahead
  yield* rest
}

/** Undefined for bytes that a column of text would not give back as they were. */
function textOf(bytes: Uint8Array): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    return text.includes('\0') ? undefined : text
  } catch {
    return undefined
  }
}

/** A stream that nobody will read, because its artifact is on record already: what is behind it is let go. */
export function discard(content: ArtifactContent): void {
  if (typeof content !== 'object' || content instanceof Uint8Array) return
  const { destroy } = content as { destroy?: unknown }
  if (typeof destroy === 'function') destroy.call(content)
}
