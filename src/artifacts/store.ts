/** What a caller may hand over as content: all at once, or piece by piece. A `Readable` of Node is an async iterable. */
export type ArtifactContent = Uint8Array | string | AsyncIterable<Uint8Array | string>

export interface StoredFile {
  readonly sha256: string
  readonly bytes: number
  /** Where the store keeps it: for files, relative to the data folder, so that the folder may move. */
  readonly path: string
}

/** One thing that a store holds, as its sweep sees it. */
export interface StoredEntry {
  /** The store's own name for it. */
  readonly key: string
  /** Null for what an interrupted `put` left behind. */
  readonly sha256: string | null
  readonly bytes: number
  /** When it was stored, or stored again; epoch milliseconds. */
  readonly at: number
}

/**
 * Keeps contents by their SHA-256. This is the port: a folder and memory implement it here, an object store can.
 *
 * A store promises: what `put` has returned is durable and whole; putting the same content again keeps it once and counts
 * as stored again, so that its `at` is new; `delete` spares what was stored since the given time, however the two meet.
 * An object store has the last of these with a conditional delete (`If-Match` or `If-Unmodified-Since`).
 */
export interface ArtifactStore {
  /**
   * Streams the content into the store and hashes it on the way.
   *
   * @throws ValidationError when it is larger than the store's limit, which the message names; nothing of it is kept.
   */
  put(content: ArtifactContent, options: { readonly mediaType: string }): Promise<StoredFile>
  /** The bytes, piece by piece; null when they are not there. */
  get(ref: { readonly sha256: string }): Promise<AsyncIterable<Uint8Array> | null>
  has(ref: { readonly sha256: string }): Promise<boolean>
  /** Everything it holds, leftovers of interrupted puts included. */
  list(): AsyncIterable<StoredEntry>
  /** Deletes an entry unless it was stored at `unlessSince` (epoch ms) or later; says whether it did. */
  delete(entry: Pick<StoredEntry, 'key'>, unlessSince: number): Promise<boolean>
}

/** 1 GiB: what one artifact may have unless configured otherwise. */
export const artifactBytesMax = 1024 ** 3

/** The name of a content in every store. */
export const addressOf = (sha256: string): string => `artifacts/${sha256.slice(0, 2)}/${sha256}`

/** A SHA-256 comes from rows and requests; only a real one may become a part of a path. */
export const isSha256 = (text: string): boolean => /^[0-9a-f]{64}$/.test(text)
