import type { AnyAction } from '../action/action.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import {
  actionKey,
  checkKey,
  checkOwnKey,
  needsOf,
  type PermitNeed,
  type RateNeed,
  tenantKey,
  writeNeeds,
} from '../execution/permit.ts'
import { parseDuration } from '../time/duration.ts'

/**
 * What an execution of this action needs before it may run, as its request carries it; null when it needs nothing.
 * Computed once, at admission: a later version of the action does not change what was promised for this one.
 *
 * @param tenantConcurrency how many executions of one tenant may run at the same time; null sets no limit
 */
export function checkNeeds(
  action: AnyAction,
  input: unknown,
  tenantConcurrency: number | null,
): string | null | Refusal {
  if (!action.locks && !action.concurrency && !action.rateLimit && tenantConcurrency === null) return null
  const permits: PermitNeed[] = []
  const keys: unknown = action.locks?.(input) ?? (action.locks ? null : [])
  // A text is a list of its letters to a loop, and nothing at all would let it run without its lock.
  if (!Array.isArray(keys)) {
    const found = keys === null ? 'nothing' : typeof keys
    return refuse('invalid_permits', `\`locks\` must give a list of keys, not ${found}.`)
  }
  for (const key of keys as readonly string[]) {
    const refusal = checkOwnKey('A lock', key)
    if (refusal !== null) return refusal
    permits.push({ key, capacity: 1, shared: false })
  }
  if (action.concurrency !== undefined) {
    const { limit } = action.concurrency
    const key = keyOf('The key of concurrency', action, action.concurrency, input)
    if (isRefusal(key)) return key
    permits.push({ ...key, capacity: limit })
  }
  if (tenantConcurrency !== null) permits.push({ key: tenantKey, capacity: tenantConcurrency, shared: false })
  const rate = rateOf(action, input)
  if (isRefusal(rate)) return rate
  const hold = parseDuration(action.hold?.throughWait ?? 0)
  if (isRefusal(hold)) return hold
  const needs = needsOf(permits, rate, hold)
  return needs === null || isRefusal(needs) ? needs : writeNeeds(needs)
}

function rateOf(action: AnyAction, input: unknown): RateNeed | null | Refusal {
  if (action.rateLimit === undefined) return null
  const { limit, per, burst = 1 } = action.rateLimit
  const key = keyOf('The key of a rate limit', action, action.rateLimit, input)
  if (isRefusal(key)) return key
  const perMs = parseDuration(per)
  return isRefusal(perMs) ? perMs : { ...key, limit, perMs, burst }
}

/** Without a key the whole action is counted, over all tenants; with one, each key of each tenant for itself. */
function keyOf(
  what: string,
  action: AnyAction,
  limit: { key?(input: unknown): string },
  input: unknown,
): { readonly key: string; readonly shared: boolean } | Refusal {
  if (limit.key === undefined) return { key: actionKey(action.name), shared: true }
  const key = limit.key(input)
  return checkKey(what, key) ?? { key: actionKey(action.name, key), shared: false }
}
