import { type Classified, classify } from './classify.ts'
import { type ErrorClass, isErrorClass, taxonomy } from './taxonomy.ts'

export { type Classified, classify } from './classify.ts'
export { neverSent } from './never-sent.ts'
export { type ErrorClass, isErrorClass, taxonomy } from './taxonomy.ts'

/** The world broke: an error whose class decides whether the execution is tried again. */
export class Failure extends Error {
  readonly errorClass: ErrorClass
  readonly retryable: boolean

  constructor(errorClass: ErrorClass, message: string, options?: ErrorOptions & { retryable?: boolean }) {
    super(message, options)
    this.name = errorClass
    this.errorClass = errorClass
    this.retryable = options?.retryable ?? taxonomy[errorClass].retryable
  }
}

export class NetworkError extends Failure {
  constructor(message = 'The network failed.', options?: ErrorOptions) {
    super('NetworkError', message, options)
  }
}

export class TimeoutError extends Failure {
  constructor(message = 'It took too long.', options?: ErrorOptions) {
    super('TimeoutError', message, options)
  }
}

export class ValidationError extends Failure {
  constructor(message = 'The data is not valid.', options?: ErrorOptions) {
    super('ValidationError', message, options)
  }
}

export class DatabaseError extends Failure {
  constructor(message = 'The database failed.', options?: ErrorOptions) {
    super('DatabaseError', message, options)
  }
}

export class RateLimitError extends Failure {
  readonly retryAfterMs: number | undefined

  constructor(message = 'The other side asked to slow down.', retryAfterMs?: number, options?: ErrorOptions) {
    super('RateLimitError', message, options)
    this.retryAfterMs = retryAfterMs
  }
}

export class AuthError extends Failure {
  constructor(message = 'The credentials were not accepted.', options?: ErrorOptions) {
    super('AuthError', message, options)
  }
}

/** Thrown inside an effect to state that it certainly did not happen; retryable as its cause is. */
export class NotApplied extends Failure {
  readonly causeClass: ErrorClass | undefined

  constructor(message = 'The effect did not happen.', options?: ErrorOptions) {
    const cause: Classified | undefined = options?.cause === undefined ? undefined : classify(options.cause)
    super('NotApplied', message, {
      ...options,
      retryable: cause?.retryable ?? taxonomy.NotApplied.retryable,
    })
    this.causeClass = cause?.errorClass
  }
}

export class LeaseLost extends Failure {
  constructor(message = 'The lease is lost: another worker may run this execution.', options?: ErrorOptions) {
    super('LeaseLost', message, options)
  }
}

export class Canceled extends Failure {
  constructor(message = 'The execution was canceled.', options?: ErrorOptions) {
    super('Canceled', message, options)
  }
}

export class UnknownOutcome extends Failure {
  constructor(message = 'Nothing can tell whether the effect happened.', options?: ErrorOptions) {
    super('UnknownOutcome', message, options)
  }
}

export class JournalMismatch extends Failure {
  constructor(message = 'The handler does not follow the journal.', options?: ErrorOptions) {
    super('JournalMismatch', message, options)
  }
}

/** What is stored about an execution is there, and this code cannot read it. Redrive it once there is code that can. */
export class Undecodable extends Failure {
  constructor(message = 'What is stored cannot be read by this code.', options?: ErrorOptions) {
    super('Undecodable', message, options)
  }
}

/** Thrown by a handler to end the execution as failed, whatever attempts are left. */
export class TerminalError extends Failure {
  constructor(message = 'Trying again is useless.', options?: ErrorOptions) {
    super('TerminalError', message, options)
  }
}

/** Ends a plan of which some targets failed. */
export class PartialFailure extends Failure {
  constructor(message = 'Some targets of the plan failed.', options?: ErrorOptions) {
    super('PartialFailure', message, options)
  }
}

/** A child ended, but not as succeeded. */
export class ChildFailed extends TerminalError {
  readonly child: string
  readonly state: string
  readonly childErrorClass: string | null

  constructor(child: string, state: string, childErrorClass: string | null, error: string | null) {
    // Of a chain of children only this one and the one at fault are named: the chain can be 16 long.
    const fault = error?.replace(/^(?:The child \S{1,64} is \w{1,20}(?:, and below it)?: )+(?=The child )/, '')
    const below = fault?.startsWith('The child ') ? ', and below it' : ''
    super(`The child ${child} is ${state}${below}${fault === undefined ? '' : `: ${fault}`}`)
    this.child = child
    this.state = state
    this.childErrorClass = childErrorClass
  }
}

/** Thrown by a handler to be tried again after `ms` milliseconds instead of the policy's backoff. */
export class RetryAfter extends Failure {
  readonly retryAfterMs: number

  constructor(ms: number, message = `Try again in ${ms} ms.`, options?: ErrorOptions) {
    super('RetryAfter', message, options)
    this.retryAfterMs = ms
  }
}

/** Makes the failure that a stored class and message describe, for instance from a worker's report. */
export function failureOf(errorClass: string, message: string): Failure {
  return new Failure(isErrorClass(errorClass) ? errorClass : 'UnknownError', message)
}
