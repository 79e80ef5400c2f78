import { open } from 'node:fs/promises'
import { resolve, sep } from 'node:path'
import { type Refusal, refuse } from '../errors/refusal.ts'

export interface StoredFile {
  readonly name: string
  readonly sha256: string
  readonly bytes: number
  readonly mediaType: string
  readonly path: string
}

/** Streams an artifact; its SHA-256 is the ETag, so a copy that is there already is not sent again. */
export async function fileAnswer(
  file: StoredFile,
  dataDir: string,
  ifNoneMatch: string | null,
): Promise<Response | Refusal> {
  const etag = `"${file.sha256}"`
  const headers = {
    etag,
    'cache-control': 'private, no-cache',
    // Whoever made the bytes must not get to run them here.
    'content-security-policy': "default-src 'none'; sandbox",
    'content-disposition': `attachment; filename*=UTF-8''${encodeURIComponent(file.name.toWellFormed())}`,
  }
  if (ifNoneMatch === etag) return new Response(null, { status: 304, headers })
  const root = resolve(dataDir)
  const path = resolve(root, file.path)
  if (!path.startsWith(`${root}${sep}`)) return refuse('not_found', 'The artifact does not lie in the data folder.')
  const handle = await open(path, 'r').catch(() => null)
  if (handle === null) return refuse('not_found', `The file of artifact ${file.name} is not there any more.`)
  const mediaType = /^[\w.+-]+\/[\w.+-]+$/.test(file.mediaType) ? file.mediaType : 'application/octet-stream'
  return new Response(ReadableStream.from(chunks(handle)), {
    headers: { ...headers, 'content-type': mediaType, 'content-length': String(file.bytes) },
  })
}

async function* chunks(handle: Awaited<ReturnType<typeof open>>): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { bytesRead, buffer } = await handle.read(new Uint8Array(64 * 1024))
      if (bytesRead === 0) return
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await handle.close()
  }
}
