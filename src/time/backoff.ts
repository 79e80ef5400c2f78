import { type Refusal, refuse } from '../errors/refusal.ts'

/** How often an execution is tried, and how long it rests between two attempts. */
export interface RetryPolicy {
  /** Attempts in all, the first one included. */
  readonly maxAttempts: number
  readonly baseMs: number
  readonly multiplier: number
  readonly capMs: number
  readonly jitter: 'full' | 'none'
}

/** Three attempts in all, 5 s, doubled each time, at most 15 minutes. */
export const defaultRetryPolicy: RetryPolicy = {
  maxAttempts: 3,
  baseMs: 5000,
  multiplier: 2,
  capMs: 15 * 60_000,
  jitter: 'full',
}

/** Full jitter never falls below this part of the computed delay, so that no failure is retried at once. */
const floorShare = 0.1

/**
 * Milliseconds to rest after `failedAttempts` failed attempts, an integer above 0.
 *
 * With full jitter the delay lies evenly between a tenth of the computed one and all of it; `random01` is in [0, 1).
 * Source: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
 */
export function backoffMs(policy: RetryPolicy, failedAttempts: number, random01: number): number {
  const exponent = Math.max(0, failedAttempts - 1)
  // The power may overflow to Infinity, and 0 × Infinity is NaN; min and the floor turn both into bounds.
  const grown = policy.baseMs * policy.multiplier ** exponent
  const wholeMs = Math.min(policy.capMs, Number.isNaN(grown) ? policy.capMs : grown)
  const restMs = policy.jitter === 'full' ? wholeMs * (floorShare + (1 - floorShare) * random01) : wholeMs
  return Math.max(1, Math.round(restMs))
}

const tenYearsMs = 10 * 366 * 86_400_000

/** Gives the policy back, or says what in it cannot be meant. */
export function checkRetryPolicy(policy: RetryPolicy): RetryPolicy | Refusal {
  const { maxAttempts, baseMs, multiplier, capMs, jitter } = policy
  if (!Number.isSafeInteger(maxAttempts) || maxAttempts < 1 || maxAttempts > 1_000_000)
    return bad(`maxAttempts must be a whole number from 1 to 1000000, not ${maxAttempts}.`)
  if (!Number.isFinite(baseMs) || baseMs <= 0) return bad(`baseMs must be above 0, not ${baseMs}.`)
  if (!Number.isFinite(multiplier) || multiplier < 1) return bad(`multiplier must be at least 1, not ${multiplier}.`)
  if (!Number.isFinite(capMs) || capMs < baseMs || capMs > tenYearsMs)
    return bad(`capMs must lie between baseMs (${baseMs}) and 10 years, not ${capMs}.`)
  if (jitter !== 'full' && jitter !== 'none') return bad(`jitter must be 'full' or 'none', not ${String(jitter)}.`)
  return policy
}

function bad(reason: string): Refusal {
  return refuse('bad_configuration', `Retry policy: ${reason}`)
}
