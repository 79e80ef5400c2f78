import { type Code, codes, isCode } from './codes.ts'

/** An expected "no": the pure core returns it, public methods throw it as {@link Refused}. */
export interface Refusal {
  readonly refused: true
  readonly code: Code
  readonly reason: string
  readonly next: string
  readonly details?: Record<string, unknown>
}

/** Makes a refusal; what to do next comes from the table of codes unless the caller knows better. */
export function refuse(code: Code, reason: string, details?: Record<string, unknown>, next?: string): Refusal {
  const nextStep = next ?? codes[code].next
  return details === undefined
    ? { refused: true, code, reason, next: nextStep }
    : { refused: true, code, reason, next: nextStep, details }
}

// The code must be of the table, so that user data with a field `refused` is not taken for a refusal.
export function isRefusal(x: unknown): x is Refusal {
  if (typeof x !== 'object' || x === null || (x as { refused?: unknown }).refused !== true) return false
  const { code } = x as { code?: unknown }
  return typeof code === 'string' && isCode(code) && typeof (x as { reason?: unknown }).reason === 'string'
}

/** A refusal on its way through code that throws. */
export class Refused extends Error {
  readonly refusal: Refusal

  constructor(refusal: Refusal) {
    super(`${refusal.reason} ${refusal.next}`)
    this.name = 'Refused'
    this.refusal = refusal
  }

  get code(): Code {
    return this.refusal.code
  }
}

/** Gives the value, or throws the refusal as {@link Refused}. */
export function orThrow<T>(x: T | Refusal): T {
  if (isRefusal(x)) throw new Refused(x)
  return x
}

/** Problem details of RFC 9457, with `code` and `next` as extension members. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly detail: string
  readonly code: Code
  readonly next: string
  readonly instance?: string
  readonly details?: Record<string, unknown>
}

export function toProblem(refusal: Refusal, instance?: string): Problem {
  const { http, why } = codes[refusal.code]
  return {
    type: `urn:pawl:problem:${refusal.code}`,
    title: why,
    status: http,
    detail: refusal.reason,
    code: refusal.code,
    next: refusal.next,
    ...(instance === undefined ? {} : { instance }),
    ...(refusal.details === undefined ? {} : { details: refusal.details }),
  }
}
