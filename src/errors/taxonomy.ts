/** What kind of failure it was; the taxonomy, never the handler, decides whether to try again. */
export type ErrorClass =
  | 'NetworkError'
  | 'TimeoutError'
  | 'ValidationError'
  | 'DatabaseError'
  | 'RateLimitError'
  | 'AuthError'
  | 'NotApplied'
  | 'LeaseLost'
  | 'Canceled'
  | 'UnknownOutcome'
  | 'JournalMismatch'
  | 'Undecodable'
  | 'TerminalError'
  | 'PartialFailure'
  | 'RetryAfter'
  | 'WorkerLost'
  | 'Poison'
  | 'UnknownError'

/** Every class with its one declared outcome. A missing class does not compile; there is no default branch. */
export const taxonomy: Readonly<Record<ErrorClass, { readonly retryable: boolean; readonly meaning: string }>> = {
  NetworkError: {
    retryable: true,
    meaning: 'A connection could not be made or broke.',
  },
  TimeoutError: {
    retryable: true,
    meaning: 'Something did not answer in its time.',
  },
  ValidationError: {
    retryable: false,
    meaning: 'The data is wrong and will be wrong again.',
  },
  DatabaseError: {
    retryable: true,
    meaning: 'A database was busy, restarting or broke a transaction.',
  },
  RateLimitError: {
    retryable: true,
    meaning: 'The other side asked to slow down.',
  },
  AuthError: {
    retryable: false,
    meaning: 'The other side does not accept the credentials.',
  },
  NotApplied: {
    retryable: true,
    meaning: 'The effect certainly did not happen.',
  },
  LeaseLost: {
    retryable: true,
    meaning: 'The execution belongs to another worker now.',
  },
  Canceled: { retryable: false, meaning: 'Somebody asked to stop.' },
  UnknownOutcome: {
    retryable: false,
    meaning: 'An effect may or may not have happened, and nothing could tell.',
  },
  JournalMismatch: {
    retryable: false,
    meaning: 'The handler does not follow the journal of the execution.',
  },
  Undecodable: {
    retryable: false,
    meaning: 'What is stored cannot be read by this code; redrive it once there is code that can.',
  },
  TerminalError: {
    retryable: false,
    meaning: 'The handler says that trying again is useless.',
  },
  PartialFailure: {
    retryable: false,
    meaning: 'Some targets of the plan failed; those that succeeded stay so, and redrive runs only the rest.',
  },
  RetryAfter: {
    retryable: true,
    meaning: 'The handler says when to try again.',
  },
  WorkerLost: {
    retryable: true,
    meaning: 'The worker stopped renewing its lease.',
  },
  Poison: {
    retryable: false,
    meaning: 'It took its process down again and again while nothing else ran there.',
  },
  UnknownError: {
    retryable: true,
    meaning: 'Something that no class describes; tried again within the attempts allowed.',
  },
}

export function isErrorClass(text: string): text is ErrorClass {
  return Object.hasOwn(taxonomy, text)
}
