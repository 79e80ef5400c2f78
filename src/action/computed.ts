import { type Refusal, refuse } from '../errors/refusal.ts'
import type { AnyAction } from './definition.ts'

/**
 * What Pawl finds out about every execution by itself, from declared functions and from the sign-in: who must approve it at
 * which level, by which policy, and who asks. Nobody submits it.
 */
export const computedOfRequest: readonly string[] = [
  'approval',
  'approvalLevel',
  'approvers',
  'quorum',
  'planHash',
  'policyVersion',
  'requestedBy',
  'route',
]

/** Refuses a request that says for itself what Pawl computes, whoever sends it and by whichever way. */
export function refuseSaid(request: object): Refusal | undefined {
  const fields = computedOfRequest.filter((name) => Object.hasOwn(request, name))
  return fields.length === 0 ? undefined : refuseFields(fields, 'Pawl')
}

/**
 * Refuses a submitted input that carries a field the action computes by itself, whoever sends it.
 *
 * Presence decides, not the value: a submitted `null` or the right total is refused as well.
 */
export function refuseComputed(action: Pick<AnyAction, 'name' | 'computed'>, submitted: unknown): Refusal | undefined {
  const fields = action.computed?.filter((path) => isPresent(submitted, path.split('.'))) ?? []
  if (fields.length === 0) return undefined
  return refuseFields(fields, action.name)
}

const refuseFields = (fields: readonly string[], by: string): Refusal =>
  refuse('computed_field_submitted', `${fields.join(', ')}: computed by ${by}, not submitted.`, { fields })

function isPresent(value: unknown, path: readonly string[]): boolean {
  const [name, ...rest] = path
  if (name === undefined) return true
  if (typeof value !== 'object' || value === null) return false
  if (name === '*') return Object.values(value).some((item) => isPresent(item, rest))
  return Object.hasOwn(value, name) && isPresent((value as Record<string, unknown>)[name], rest)
}
