import type { Command } from '../commands/command.ts'
import { type Field, fromText } from '../commands/fields.ts'
import { windowMsMax } from '../control/immediate.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { readJson } from './body.ts'

export interface Binding {
  readonly command: Command
  readonly fields: readonly Field[]
}

const bodyBytesMax = 64 * 1024

/** Gathers the input of a command from path, headers and query or body. No field may be given twice with two values. */
export async function gatherInput(
  { command, fields }: Binding,
  request: Request,
  pathParameters: Readonly<Record<string, string>>,
): Promise<{ readonly input: Record<string, unknown> } | Refusal> {
  const { http } = command
  const typeOf = (name: string) => fields.find((field) => field.name === name)?.type ?? 'string'
  const input: Record<string, unknown> = {}
  for (const [name, text] of Object.entries(pathParameters)) input[name] = fromText(text, typeOf(name))
  if (http.method === 'POST') {
    const read = await readJson(request, http.bodyBytesMax ?? bodyBytesMax)
    if (isRefusal(read)) return read
    const body = read.value
    if (typeof body !== 'object' || body === null || Array.isArray(body)) {
      return refuse('invalid_input', 'The body must be a JSON object.')
    }
    for (const [name, value] of Object.entries(body)) {
      if (Object.hasOwn(pathParameters, name)) return refuse('invalid_input', `${name} stands in the path already.`)
      input[name] = value
    }
  }
  for (const [name, text] of new URL(request.url).searchParams) {
    if (http.method === 'POST')
      return refuse('invalid_input', `${quoted(name)} belongs into the body, not behind the path.`)
    if (Object.hasOwn(input, name)) return refuse('invalid_input', `${quoted(name)} is given twice.`)
    input[name] = fromText(text, typeOf(name))
  }
  for (const [name, header] of Object.entries(http.headers ?? {})) {
    const text = request.headers.get(header)
    if (text === null) continue
    const value = headerValue(header, text.trim())
    if (isRefusal(value)) return value
    if (value === undefined) continue
    if (Object.hasOwn(input, name) && input[name] !== value) {
      return refuse('invalid_input', `${name} and the header ${header} contradict each other.`)
    }
    input[name] = value
  }
  return { input }
}

const quoted = (name: string): string => JSON.stringify(name.slice(0, 60).toWellFormed())

function headerValue(header: string, text: string): unknown | Refusal {
  switch (header) {
    case 'Prefer': {
      const seconds = /(?:^|[,;\s])wait\s*=\s*(\d{1,9})(?:$|[,;\s])/i.exec(text)?.[1]
      // A preference that is not understood is ignored (RFC 7240).
      return seconds === undefined ? undefined : Math.min(Number(seconds) * 1000, windowMsMax)
    }
    case 'If-Match': {
      const version = /^(?:W\/)?"?(\d{1,15})"?$/.exec(text)?.[1]
      if (text === '*') return undefined
      return version === undefined
        ? refuse('invalid_input', 'If-Match must be a stateVersion, for instance `"7"`.')
        : Number(version)
    }
    case 'Last-Event-ID':
      return /^\d{1,15}$/.test(text)
        ? Number(text)
        : refuse('invalid_cursor', 'Last-Event-ID is not the id of an event.')
    default:
      // Idempotency-Key: a quoted string in the draft of the IETF, plain text by custom.
      return text.replace(/^"(.*)"$/, '$1')
  }
}
