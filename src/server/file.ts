import type { OpenArtifact } from '../projections/artifact.ts'

/** Streams an artifact; its SHA-256 is the ETag, so a copy that is there already is not sent again. */
export function fileAnswer(file: OpenArtifact, ifNoneMatch: string | null): Response {
  const etag = `"${file.sha256}"`
  const headers = {
    etag,
    'cache-control': 'private, no-cache',
    // Whoever made the bytes must not get to run them here.
    'content-security-policy': "default-src 'none'; sandbox",
    'content-disposition': `attachment; filename*=UTF-8''${fileName(file.name)}`,
  }
  const body = ReadableStream.from(file.content)
  if (matches(etag, ifNoneMatch)) {
    void body.cancel()
    return new Response(null, { status: 304, headers })
  }
  const mediaType = /^[\w.+-]+\/[\w.+-]+$/.test(file.mediaType) ? file.mediaType : 'application/octet-stream'
  return new Response(body, {
    headers: { ...headers, 'content-type': mediaType, 'content-length': String(file.bytes) },
  })
}

/** A name as RFC 8187 carries it: what is no letter, digit or plain mark is escaped, so that nothing ends the header early. */
const fileName = (name: string): string =>
  encodeURIComponent(name.toWellFormed()).replaceAll(/['()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16)}`)

const matches = (etag: string, ifNoneMatch: string | null): boolean =>
  ifNoneMatch?.split(',').some((each) => each.trim().replace(/^W\//, '') === etag || each.trim() === '*') ?? false
