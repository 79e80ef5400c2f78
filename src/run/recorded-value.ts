import { ValidationError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import { canonicalize } from '../json/canonical.ts'

/** 256 KiB for the value of one step or effect. */
export const valueBytesMax = 256 * 1024

/**
 * The canonical JSON of what a step or effect returned; nothing returned is recorded as null.
 *
 * @throws ValidationError for what JSON cannot carry, and for more than 256 KiB.
 */
export function recorded(value: unknown, what: string): string {
  const text = canonicalize(value === undefined ? null : value, { bytesMax: valueBytesMax, depthMax: 64 })
  if (!isRefusal(text)) return text
  throw new ValidationError(
    text.code === 'input_too_large'
      ? `The value of ${what} is larger than ${valueBytesMax} bytes; store it with ctx.artifact and return its address.`
      : `The value of ${what} cannot be recorded: ${text.reason}`,
  )
}

/** What a handler is given of a value just recorded: what a replay would give it, so that both are the same. */
export const replayed = <T>(text: string): T => JSON.parse(text) as T
