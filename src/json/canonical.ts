import { type Refusal, refuse } from '../errors/refusal.ts'
import { defaultJsonLimits, forbiddenKey, type JsonLimits, loneSurrogate, tooDeep, tooLarge } from './limits.ts'

export { defaultJsonLimits, type JsonLimits } from './limits.ts'
export { parseJson } from './parse.ts'

/**
 * Writes a value as canonical JSON (RFC 8785), or refuses what JSON cannot carry unchanged.
 *
 * Refused are undefined, functions, symbols, BigInt, NaN, infinities, instances of classes, an own key `__proto__`,
 * lone surrogates, cycles and whatever exceeds the limits. Nothing is dropped or converted silently, for the text is
 * what hashes, approvals and idempotency stand on. As in every JSON writer, properties that are symbols or not
 * enumerable are not part of the value.
 */
export function canonicalize(value: unknown, limits: JsonLimits = defaultJsonLimits): string | Refusal {
  const writer: Writer = { depthMax: limits.depthMax, bytesMax: limits.bytesMax, left: limits.bytesMax }
  try {
    const text = write(value, 0, writer)
    // `left` counts characters; only a text that might exceed the limit in UTF-8 is measured in bytes.
    const exceeds = text.length * 3 > limits.bytesMax && Buffer.byteLength(text, 'utf8') > limits.bytesMax
    return exceeds ? tooLarge(limits.bytesMax) : text
  } catch (thrown) {
    if (thrown instanceof Stop) return thrown.refusal
    return refuse('invalid_json', 'The value cannot be read: one of its properties throws.')
  }
}

interface Writer {
  readonly depthMax: number
  readonly bytesMax: number
  // Characters left. It shrinks with every node, so that shared references cannot multiply without end.
  left: number
}

/** Leaves the recursion; never seen outside this file. */
class Stop {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    this.refusal = refusal
  }
}

function write(value: unknown, depth: number, writer: Writer): string {
  switch (typeof value) {
    case 'string':
      return spend(quote(value, writer), writer)
    case 'number':
      if (!Number.isFinite(value)) throw new Stop(refuse('invalid_number', `JSON has no number ${value}.`))
      // RFC 8785 takes its number format from ECMAScript, -0 included (it becomes 0).
      return spend(String(value), writer)
    case 'boolean':
      return spend(value ? 'true' : 'false', writer)
    case 'object':
      if (value === null) return spend('null', writer)
      if (depth >= writer.depthMax) throw new Stop(tooDeep(writer.depthMax))
      return Array.isArray(value) ? writeArray(value, depth, writer) : writeObject(value, depth, writer)
    case 'bigint':
      throw new Stop(refuse('invalid_number', 'JSON has no BigInt.', undefined, 'Send a large integer as a string.'))
    default:
      throw new Stop(refuse('invalid_json', `JSON has no ${typeof value}.`, undefined, 'Leave it out, or use null.'))
  }
}

function writeArray(array: readonly unknown[], depth: number, writer: Writer): string {
  const { length } = array
  charge(1 + Math.max(1, length), writer)
  let text = '['
  for (let index = 0; index < length; index += 1) {
    const item = write(array[index], depth + 1, writer)
    text += index === 0 ? item : `,${item}`
  }
  return `${text}]`
}

function writeObject(object: object, depth: number, writer: Writer): string {
  const prototype: unknown = Object.getPrototypeOf(object)
  if (prototype !== Object.prototype && prototype !== null) {
    const name = (object as { constructor?: { name?: unknown } }).constructor?.name
    throw new Stop(
      refuse(
        'invalid_json',
        `JSON has no ${typeof name === 'string' && name !== '' ? name : 'object with a prototype'}.`,
        undefined,
        'Convert it to strings, numbers, arrays and plain objects first.',
      ),
    )
  }
  // Array.prototype.sort without a comparator compares UTF-16 code units, which is what RFC 8785 section 3.2.3 asks.
  const keys = Object.keys(object)
  if (keys.length > 1) keys.sort()
  charge(keys.length === 0 ? 2 : 1 + keys.length * 2, writer)
  let text = '{'
  for (const key of keys) {
    if (key === '__proto__') throw new Stop(forbiddenKey())
    const name = spend(quote(key, writer), writer)
    const item = write((object as Record<string, unknown>)[key], depth + 1, writer)
    text += text.length === 1 ? `${name}:${item}` : `,${name}:${item}`
  }
  return `${text}}`
}

function quote(text: string, writer: Writer): string {
  const { length } = text
  if (length > writer.left) throw new Stop(tooLarge(writer.bytesMax))
  // Most strings are short and plain; a look at each character is several times faster than JSON.stringify.
  if (length <= plainCharactersMax && isPlain(text)) return `"${text}"`
  if (!text.isWellFormed()) throw new Stop(loneSurrogate())
  return JSON.stringify(text)
}

const plainCharactersMax = 64

function isPlain(text: string): boolean {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit < 0x20 || unit > 0x7e || unit === 0x22 || unit === 0x5c) return false
  }
  return true
}

function spend(text: string, writer: Writer): string {
  charge(text.length, writer)
  return text
}

function charge(characters: number, writer: Writer): void {
  writer.left -= characters
  if (writer.left < 0) throw new Stop(tooLarge(writer.bytesMax))
}
