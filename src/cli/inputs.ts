import { readFileSync } from 'node:fs'
import { isRefusal, Refused, refuse } from '../errors/refusal.ts'
import { parseJson } from '../json/parse.ts'

/** Reads `-i k=v`: a JSON literal where it is one, else text; `a.b=1` reaches inside. */
export function pairsToInput(pairs: readonly string[]): Record<string, unknown> {
  const input: Record<string, unknown> = {}
  for (const pair of pairs) {
    const at = pair.indexOf('=')
    if (at < 1) throw usage(`-i takes name=value, not ${JSON.stringify(pair.slice(0, 60))}.`)
    place(input, pair.slice(0, at).split('.'), literal(pair.slice(at + 1)))
  }
  return input
}

/**
 * The pairs that were read as a number, true, false or null, and how each is said as text; null when there is none. A
 * release `2.0` is meant as a text, and an input that does not fit does not say by itself that it was read as a number.
 */
export function readAsJson(pairs: readonly string[]): string | null {
  const read = pairs.flatMap((pair) => {
    const at = pair.indexOf('=')
    const value = literal(pair.slice(at + 1))
    if (typeof value === 'string' || (typeof value === 'object' && value !== null)) return []
    return `${pair.slice(0, at)} was read as ${JSON.stringify(value)}; as text: -i '${pair.slice(0, at)}=${JSON.stringify(pair.slice(at + 1))}'.`
  })
  return read.length === 0 ? null : read.join(' ')
}

/** `true`, `7`, `null`, `"7"`, `[…]` and `{…}` are JSON; everything else is the text it is. */
function literal(text: string): unknown {
  if (!/^(?:-?\d|true$|false$|null$|["[{])/.test(text)) return text
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

function place(input: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (name === '' || name === '__proto__')
    throw usage(`-i has no usable name in ${JSON.stringify(path.join('.').slice(0, 60))}.`)
  if (rest.length === 0) {
    input[name] = value
    return
  }
  const inner = Object.hasOwn(input, name) ? input[name] : {}
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) throw usage(`-i gives ${name} twice.`)
  input[name] = inner
  place(inner as Record<string, unknown>, rest, value)
}

/** The JSON of a file, or of standard input for `-`. */
export function fileInput(path: string): unknown {
  let text: string
  try {
    text = readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (thrown) {
    throw usage(
      `${path === '-' ? 'Standard input' : path} cannot be read: ${thrown instanceof Error ? thrown.message : String(thrown)}.`,
    )
  }
  return jsonInput(text)
}

export function jsonInput(text: string): unknown {
  const value = parseJson(text)
  if (isRefusal(value)) throw new Refused(value)
  return value
}

export const usage = (reason: string): Refused =>
  new Refused(refuse('invalid_input', reason, undefined, 'See: pawl <command> --help'))
