import type { Code } from '../../errors/codes.ts'
import { DatabaseError } from '../../errors/failures.ts'
import { type Refusal, Refused, refuse } from '../../errors/refusal.ts'
import { Passing } from '../failures.ts'

/** Conditions of PostgreSQL (its appendix A) for which there is a plain sentence. */
const plain: Readonly<Record<string, { readonly code: Code; readonly reason: string }>> = {
  '28000': { code: 'store_denied', reason: 'PostgreSQL does not accept the user.' },
  '28P01': { code: 'store_denied', reason: 'PostgreSQL does not accept the password.' },
  '3D000': { code: 'store_unreachable', reason: 'PostgreSQL has no database of that name.' },
  '42501': { code: 'store_denied', reason: 'The user of the database may not do that.' },
  // A pooler hands out connections by transaction and does not know of statements that stay.
  '26000': {
    code: 'bad_configuration',
    reason: 'A pooler stands before PostgreSQL that keeps no prepared statements.',
  },
  '42P05': {
    code: 'bad_configuration',
    reason: 'A pooler stands before PostgreSQL that keeps no prepared statements.',
  },
  '53100': { code: 'store_full', reason: 'There is no space left for the database.' },
  XX001: { code: 'store_corrupt', reason: 'PostgreSQL found damaged data.' },
  XX002: { code: 'store_corrupt', reason: 'PostgreSQL found a damaged index.' },
}

/** Serialization failures, deadlocks, locks not had in time, too many connections, a server that stops or starts. */
const passing = /^(40001|40P01|55P03|57014|57P0[1-5]|53300|25P0[23]|25P04|08\w{3})$/
const unreachable = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EACCES',
  'ENOENT',
])
const uniqueViolation = '23505'
const idleInTransaction = '25P03'
const readOnlyTransaction = '25006'
const deadlock = '40P01'

const codeOf = (thrown: unknown): string =>
  thrown instanceof Error && 'code' in thrown && typeof thrown.code === 'string' ? thrown.code : ''

/** A transaction was ended because nothing was asked in it for too long. */
export const isOfStandingStill = (thrown: unknown): boolean => codeOf(cause(thrown)) === idleInTransaction

/** Two transactions waited for each other and this one was ended: nothing of it was kept, and it goes when tried again. */
export const isDeadlock = (thrown: unknown): boolean => codeOf(cause(thrown)) === deadlock

/** The server itself said no: nothing was kept. One that goes away may say so behind a commit, too. */
export const isDecided = (thrown: unknown): boolean => /^(?!57P|08)[0-9A-Z]{5}$/.test(codeOf(cause(thrown)))

export const refuseReadOnly = (reason: string, details: Record<string, unknown> = {}): Refusal =>
  refuse('store_read_only', reason, details, 'Lead PAWL_STORE to the server that takes writes, or have one promoted.')

export const takesNoWrites = (thrown: unknown): boolean => codeOf(cause(thrown)) === readOnlyTransaction

const cause = (thrown: unknown): unknown =>
  thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown

/** Node names failures of sockets by words, the driver its own by sentences. */
const isOfTheWay = (code: string, message: string): boolean =>
  /^E[A-Z]+$/.test(code) || (code === '' && /connection|terminated|timeout|not queryable/i.test(message))

/** A refusal where the failure has a plain cause that somebody can remove, `Passing` where trying again is the cure. */
export function inPlainWords(thrown: unknown): unknown {
  if (thrown instanceof Refused || thrown instanceof DatabaseError) return thrown
  const code = codeOf(thrown)
  const message = thrown instanceof Error ? thrown.message : String(thrown)
  if (code === readOnlyTransaction) {
    // During a failover a replica is met before it is promoted. Whoever gives up says what it was.
    const reason = 'PostgreSQL takes no writes: it is a replica, or set to read only.'
    return new Passing(message, { cause: new Refused(refuseReadOnly(reason, { message })) })
  }
  const known = plain[code]
  if (known !== undefined || unreachable.has(code)) {
    const { code: refusal, reason } = known ?? {
      code: 'store_unreachable' as const,
      reason: 'PostgreSQL does not answer at this address.',
    }
    const refused = new Refused(refuse(refusal, reason, { message }))
    refused.cause = thrown
    return refused
  }
  if (passing.test(code)) return new Passing(message, { cause: thrown })
  if (code === uniqueViolation) return new DatabaseError(`row_exists: ${message}`, { cause: thrown })
  if (isOfTheWay(code, message))
    return new Passing(`the connection to PostgreSQL failed: ${message}`, { cause: thrown })
  return thrown
}
