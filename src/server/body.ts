import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { tooLarge } from '../json/limits.ts'
import { parseJson } from '../json/parse.ts'

/** What only the parser can have said; anything else that looks like a refusal was sent by the client. */
const unreadable: ReadonlySet<string> = new Set([
  'input_too_large',
  'input_too_deep',
  'invalid_json',
  'invalid_string',
  'invalid_number',
  'forbidden_key',
])

/** A command's own envelope around the input that it carries. */
const envelopeLevels = 8

/** Reads a JSON body, at most `bytesMax` of it; an empty body is an empty object. */
export async function readJson(request: Request, bytesMax: number): Promise<{ readonly value: unknown } | Refusal> {
  const bytes = await readBytes(request, bytesMax)
  if (!(bytes instanceof Uint8Array)) return bytes
  if (bytes.byteLength === 0) return { value: {} }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('invalid_json', 'The body is not UTF-8.')
  }
  const value = parseJson(text, { bytesMax, depthMax: 64 + envelopeLevels })
  if (isRefusal(value) && unreadable.has(value.code)) return value
  return { value }
}

/** The body, if it is no longer than it may be. */
export async function readBytes(request: Request, bytesMax: number): Promise<Uint8Array | Refusal> {
  // Told beforehand, a body that is too large is not even read.
  if (Number(request.headers.get('content-length') ?? 0) > bytesMax) return tooLarge(bytesMax)
  if (request.body === null) return new Uint8Array()
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = request.body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return Buffer.concat(chunks, size)
      size += value.byteLength
      if (size > bytesMax) return tooLarge(bytesMax)
      chunks.push(value)
    }
  } catch {
    return refuse('invalid_json', 'The body ended before it was complete.')
  } finally {
    reader.cancel().catch(() => {})
  }
}
