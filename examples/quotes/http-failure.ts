import {
  AuthError,
  type Failure,
  NetworkError,
  NotApplied,
  neverSent,
  RateLimitError,
  TimeoutError,
  ValidationError,
} from '../../src/errors/failures.ts'

/** What a status above 299 means. `retryAfter` is the header of that name; only its form in seconds is used. */
export function failureOfStatus(who: string, status: number, detail: string, retryAfter?: string | null): Failure {
  const message = `${who} answered ${status}${detail === '' ? '' : `: ${detail.slice(0, 500)}`}`
  if (status === 401 || status === 403) return new AuthError(message)
  if (status === 429) return new RateLimitError(message, retryAfterMs(retryAfter))
  if (status === 408 || status === 504) return new TimeoutError(message)
  // 409 and 425 say "not now" (RFC 9110, RFC 8470), and so does a server that broke: trying again can help.
  if (status >= 500 || status === 409 || status === 425) return new NetworkError(message)
  return new ValidationError(message)
}

/**
 * What a thrown request means. A connection that was never opened is `NotApplied`; whatever came later leaves it open
 * whether the other side acted, and is a `TimeoutError` or `NetworkError`. An abort by the caller throws the caller's reason.
 */
export function failureOfThrown(who: string, thrown: unknown, signal: AbortSignal | undefined): Error {
  if (signal?.aborted && signal.reason instanceof Error) return signal.reason
  if (neverSent(thrown)) {
    const cause = new NetworkError(`${who} cannot be reached`, { cause: thrown })
    return new NotApplied(`${who} cannot be reached: nothing was sent`, { cause })
  }
  if (thrown instanceof Error && thrown.name === 'TimeoutError') {
    return new TimeoutError(`${who} did not answer in time`, { cause: thrown })
  }
  return new NetworkError(`the connection to ${who} broke`, { cause: thrown })
}

/** Wraps a failure that proves the other side refused to act, so that the effect is not taken for one in doubt. */
export function notApplied(failure: Failure): NotApplied {
  return new NotApplied(failure.message, { cause: failure })
}

/** For reads: that a look-up was refused says nothing about the write it looks for, so `NotApplied` gives way to its cause. */
export function failureOfRead(failure: unknown): unknown {
  return failure instanceof NotApplied && failure.cause instanceof Error ? failure.cause : failure
}

function retryAfterMs(header: string | null | undefined): number | undefined {
  if (header === null || header === undefined || header === '') return undefined
  const seconds = Number(header)
  return Number.isFinite(seconds) && seconds >= 0 ? seconds * 1_000 : undefined
}
