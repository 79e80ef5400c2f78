import { Undecodable } from '../errors/failures.ts'

/** What to do about it, told wherever something stored cannot be read. */
const next = 'Deploy code that can read it, then redrive the execution.'

export const undecodable = (what: string, why: string, options?: ErrorOptions): Undecodable =>
  new Undecodable(`${what} cannot be read: ${why}. ${next}`, options)

/**
 * Reads what somebody else has left in the store: another version of this code, or a hand that repaired a row. Its text
 * is never repeated in the message.
 *
 * @throws Undecodable for what is no JSON, and for what does not `fit`.
 */
export function decoded<T>(what: string, text: string | null, fits?: (value: T) => boolean): T {
  let value: T
  try {
    value = JSON.parse(text ?? 'null') as T
  } catch {
    // Without its cause, whose message quotes the text.
    throw undecodable(what, 'it is no JSON')
  }
  if (fits !== undefined && (typeof value !== 'object' || value === null || !fits(value))) {
    throw undecodable(what, 'it has another shape')
  }
  return value
}
