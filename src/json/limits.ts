import { type Refusal, refuse } from '../errors/refusal.ts'

/** Bounds of a JSON document: bytes of UTF-8 and levels of nesting. */
export interface JsonLimits {
  readonly bytesMax: number
  readonly depthMax: number
}

/** 256 KiB and 64 levels. */
export const defaultJsonLimits: JsonLimits = { bytesMax: 256 * 1024, depthMax: 64 }

export function tooLarge(bytesMax: number): Refusal {
  return refuse('input_too_large', `The JSON document is larger than ${bytesMax} bytes.`, { bytesMax })
}

export function tooDeep(depthMax: number): Refusal {
  return refuse('input_too_deep', `The JSON document is nested deeper than ${depthMax} levels, or contains itself.`, {
    depthMax,
  })
}

export function forbiddenKey(): Refusal {
  return refuse('forbidden_key', 'An object has the key `__proto__`.')
}

export function loneSurrogate(): Refusal {
  return refuse('invalid_string', 'A string holds half of a surrogate pair.')
}
