import { type Refusal, refuse } from '../errors/refusal.ts'
import type { AnyAction } from './definition.ts'

/**
 * Refuses a submitted input that carries a field the action computes by itself, whoever sends it.
 *
 * Presence decides, not the value: a submitted `null` or the right total is refused as well.
 */
export function refuseComputed(action: Pick<AnyAction, 'name' | 'computed'>, submitted: unknown): Refusal | undefined {
  const fields = action.computed?.filter((path) => isPresent(submitted, path.split('.'))) ?? []
  if (fields.length === 0) return undefined
  return refuse('computed_field_submitted', `${fields.join(', ')}: computed by ${action.name}, not submitted.`, {
    fields,
  })
}

function isPresent(value: unknown, path: readonly string[]): boolean {
  const [name, ...rest] = path
  if (name === undefined) return true
  if (typeof value !== 'object' || value === null) return false
  if (name === '*') return Object.values(value).some((item) => isPresent(item, rest))
  return Object.hasOwn(value, name) && isPresent((value as Record<string, unknown>)[name], rest)
}
