import { type Refusal, refuse } from '../errors/refusal.ts'
import { defaultJsonLimits, forbiddenKey, type JsonLimits, loneSurrogate, tooDeep, tooLarge } from './limits.ts'

/**
 * Reads JSON text within limits, or refuses it.
 *
 * The depth is measured before `JSON.parse` builds anything, so a bomb of brackets costs one pass over the text.
 * Refused besides broken JSON are own keys `__proto__`, lone surrogates (escaped ones too) and numbers that overflow.
 */
export function parseJson(text: string, limits: JsonLimits = defaultJsonLimits): unknown | Refusal {
  if (text.length > limits.bytesMax || Buffer.byteLength(text, 'utf8') > limits.bytesMax)
    return tooLarge(limits.bytesMax)
  if (deepest(text) > limits.depthMax) return tooDeep(limits.depthMax)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (thrown) {
    // The message of V8 quotes the text; only the position is safe to repeat.
    const position = thrown instanceof Error ? / at position (\d+)/.exec(thrown.message)?.[1] : undefined
    return refuse(
      'invalid_json',
      position === undefined ? 'The text is not JSON.' : `The text is not JSON from position ${position} on.`,
    )
  }
  return needsInspection(text) ? (inspect(value) ?? value) : value
}

/** Deepest nesting of brackets outside strings. */
function deepest(text: string): number {
  let depth = 0
  let most = 0
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index)
    if (unit === 0x22) {
      index += 1
      while (index < text.length && text.charCodeAt(index) !== 0x22) index += text.charCodeAt(index) === 0x5c ? 2 : 1
    } else if (unit === 0x5b || unit === 0x7b) {
      depth += 1
      if (depth > most) most = depth
    } else if (unit === 0x5d || unit === 0x7d) {
      depth -= 1
    }
  }
  return most
}

// Almost no text can hold what is refused below, and this test is far cheaper than a walk through the value.
function needsInspection(text: string): boolean {
  return text.includes('\\u') || text.includes('__proto__') || /\d[eE]|\d{300}/.test(text) || !text.isWellFormed()
}

function inspect(value: unknown): Refusal | undefined {
  if (typeof value === 'string') return value.isWellFormed() ? undefined : loneSurrogate()
  if (typeof value === 'number')
    return Number.isFinite(value)
      ? undefined
      : refuse('invalid_number', 'A number is too large for JSON as computers read it.')
  if (typeof value !== 'object' || value === null) return undefined
  if (Array.isArray(value)) {
    for (const item of value) {
      const refusal = inspect(item)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }
  for (const key of Object.keys(value)) {
    if (key === '__proto__') return forbiddenKey()
    const refusal = inspect(key) ?? inspect((value as Record<string, unknown>)[key])
    if (refusal !== undefined) return refusal
  }
  return undefined
}
