import { type Refusal, refuse } from '../errors/refusal.ts'

/**
 * What an execution needs before it may run: permits, each one slot of a named limit, and a share of a rate.
 * A lock is a limit of capacity 1. Permits are rows, never counters, so that none can drift.
 */
export interface Needs {
  /** In the order in which they are taken: one order for all executions, so that no two can wait for each other. */
  readonly permits: readonly PermitNeed[]
  readonly rate: RateNeed | null
  /** Milliseconds for which permits are kept through a wait; 0 gives them back at once. */
  readonly holdMs: number
}

export interface PermitNeed {
  readonly key: string
  /** How many may hold a permit of this key at the same time. */
  readonly capacity: number
  /** Counted over all tenants, not for one. */
  readonly shared: boolean
}

export interface RateNeed {
  readonly key: string
  readonly shared: boolean
  /** Starts that are allowed in each `perMs`. */
  readonly limit: number
  readonly perMs: number
  /** Starts that may come at once after a pause of the same length. */
  readonly burst: number
}

/** One held or reserved slot of one key. */
export interface Permit {
  /** Empty for a key that all tenants share. */
  readonly tenant: string
  readonly key: string
  /** From 0 to below the capacity. */
  readonly slot: number
  readonly execution: number
  /** Fence of the lease it was taken under; 0 while it is reserved for an execution that does not run yet. */
  readonly fence: number
  /** The step that took it; null when the whole run holds it. */
  readonly step: string | null
  readonly takenAt: number
  /** Reserved: handed over in order, or kept through a wait, and not taken up by a run yet. */
  readonly granted: boolean
}

export const keyCharactersMax = 255
export const keysMax = 64
export const capacityMax = 100_000
export const holdMsMax = 86_400_000

/** Keys that the engine itself counts under; no action may name one. */
export const tenantKey = 'tenant'
export const actionKey = (action: string, key?: string): string =>
  key === undefined ? `action:${action}` : `action:${action}/${key}`

/** Whether a key that people write means the lane of an action over all tenants; the lanes within it are a tenant's. */
export const isSharedLane = (key: string): boolean => key.startsWith('action:') && !key.includes('/')

export const scopeOf = (need: Pick<PermitNeed, 'shared'>, tenant: string): string => (need.shared ? '' : tenant)

/** Refuses a key that could not be named, shown or compared. */
export function checkKey(what: string, key: unknown): Refusal | null {
  if (typeof key !== 'string' || key.length === 0 || key.length > keyCharactersMax) {
    const found = typeof key === 'string' ? `${key.length} characters` : typeof key
    return refuse('invalid_permits', `${what} must be text of 1 to ${keyCharactersMax} characters, not ${found}.`)
  }
  return key.isWellFormed() ? null : refuse('invalid_permits', `${what} holds half of a surrogate pair.`)
}

/** Refuses a key that an action may not name because the engine counts under it. */
export function checkOwnKey(what: string, key: unknown): Refusal | null {
  const refusal = checkKey(what, key)
  if (refusal !== null || typeof key !== 'string') return refusal
  return key === tenantKey || key.startsWith('action:')
    ? refuse('invalid_permits', `${what} must not be "${tenantKey}" or begin with "action:"; Pawl counts under those.`)
    : null
}

export function checkCapacity(what: string, capacity: unknown): Refusal | null {
  const fits = typeof capacity === 'number' && Number.isInteger(capacity) && capacity >= 1 && capacity <= capacityMax
  return fits
    ? null
    : refuse('invalid_permits', `${what} must be a whole number from 1 to ${capacityMax}, not ${String(capacity)}.`)
}

/** Checks everything, takes each key once with its least capacity, and brings them into the order of taking. */
export function needsOf(
  permits: readonly PermitNeed[],
  rate: RateNeed | null = null,
  holdMs = 0,
): Needs | Refusal | null {
  const byKey = new Map<string, PermitNeed>()
  for (const permit of permits) {
    const refusal = checkCapacity('A capacity', permit.capacity)
    if (refusal !== null) return refusal
    const known = byKey.get(`${permit.shared} ${permit.key}`)
    if (known === undefined || permit.capacity < known.capacity) byKey.set(`${permit.shared} ${permit.key}`, permit)
  }
  if (byKey.size > keysMax) {
    return refuse('invalid_permits', `An execution may need permits of ${keysMax} keys at most, not ${byKey.size}.`)
  }
  if (!(Number.isInteger(holdMs) && holdMs >= 0 && holdMs <= holdMsMax)) {
    return refuse('invalid_permits', `Permits are kept through a wait for one day at most, not ${holdMs} ms.`)
  }
  if (rate !== null) {
    const refusal = checkCapacity('The limit of a rate', rate.limit) ?? checkCapacity('The burst of a rate', rate.burst)
    if (refusal !== null) return refusal
    if (!(Number.isInteger(rate.perMs) && rate.perMs >= 1 && rate.perMs <= holdMsMax)) {
      return refuse('invalid_permits', `The time of a rate must be from 1 ms to one day, not ${rate.perMs} ms.`)
    }
  }
  if (byKey.size === 0 && rate === null) return null
  return { permits: [...byKey.values()].sort(inOrder), rate, holdMs }
}

/** Shared keys first, then by code unit. */
export function inOrder(a: Pick<PermitNeed, 'key' | 'shared'>, b: Pick<PermitNeed, 'key' | 'shared'>): number {
  if (a.shared !== b.shared) return a.shared ? -1 : 1
  return a.key < b.key ? -1 : a.key > b.key ? 1 : 0
}

/** As a request carries them. Fields in the order of canonical JSON (RFC 8785), so that equal needs are equal texts. */
export function writeNeeds({ permits, rate, holdMs }: Needs): string {
  return JSON.stringify({
    holdMs,
    permits: permits.map(({ key, capacity, shared }) => ({ capacity, key, shared })),
    rate:
      rate === null
        ? null
        : { burst: rate.burst, key: rate.key, limit: rate.limit, perMs: rate.perMs, shared: rate.shared },
  })
}

export const readNeeds = (text: string): Needs => JSON.parse(text) as Needs

/** The lowest slot below the capacity that nobody has; null when all are taken. */
export function freeSlot(taken: readonly Pick<Permit, 'slot'>[], capacity: number): number | null {
  if (taken.length === 0) return 0
  if (taken.length >= capacity) return null
  const slots = new Set(taken.map(({ slot }) => slot))
  for (let slot = 0; slot < capacity; slot++) if (!slots.has(slot)) return slot
  return null
}

/**
 * Whether one more start is allowed now, by the Generic Cell Rate Algorithm (ITU-T I.371): one stored time, when the
 * next start would be due at an even pace. Times inside are microseconds, so that 7 a minute stays 7 a minute; the pace
 * is rounded up, so that a limit is never exceeded.
 *
 * @param dueUs what the last start left; null before the first
 */
export function spend(
  { limit, perMs, burst }: RateNeed,
  dueUs: number | null,
  now: number,
): { readonly allowed: true; readonly dueUs: number } | { readonly allowed: false; readonly at: number } {
  const paceUs = Math.ceil((perMs * 1_000) / limit)
  const nowUs = now * 1_000
  const next = Math.max(dueUs ?? 0, nowUs)
  const earliest = next - paceUs * (burst - 1)
  if (earliest > nowUs) return { allowed: false, at: Math.ceil(earliest / 1_000) }
  return { allowed: true, dueUs: next + paceUs }
}
