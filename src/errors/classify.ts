import { type ErrorClass, isErrorClass, taxonomy } from './taxonomy.ts'

/** What is kept of something thrown. */
export interface Classified {
  readonly errorClass: ErrorClass
  readonly message: string
  readonly retryable: boolean
  readonly retryAfterMs?: number
}

const messageBytesMax = 2048
const nestingMax = 8

const bySystemCode: Readonly<Record<string, ErrorClass>> = {
  ECONNREFUSED: 'NetworkError',
  ECONNRESET: 'NetworkError',
  ECONNABORTED: 'NetworkError',
  ENOTFOUND: 'NetworkError',
  EAI_AGAIN: 'NetworkError',
  EPIPE: 'NetworkError',
  EHOSTUNREACH: 'NetworkError',
  EHOSTDOWN: 'NetworkError',
  ENETUNREACH: 'NetworkError',
  ENETDOWN: 'NetworkError',
  ENETRESET: 'NetworkError',
  EADDRNOTAVAIL: 'NetworkError',
  UND_ERR_SOCKET: 'NetworkError',
  ETIMEDOUT: 'TimeoutError',
  ESOCKETTIMEDOUT: 'TimeoutError',
  UND_ERR_CONNECT_TIMEOUT: 'TimeoutError',
  UND_ERR_HEADERS_TIMEOUT: 'TimeoutError',
  UND_ERR_BODY_TIMEOUT: 'TimeoutError',
  // Node's own SQLite.
  ERR_SQLITE_ERROR: 'DatabaseError',
}

// Class 08 is a broken connection, 40 a rolled back transaction, 53 a lack of resources, 57 an operator's stop, 58 a
// system error; 22 and 23 are wrong data, 28 wrong credentials (PostgreSQL documentation, appendix A).
const bySqlState: Readonly<Record<string, ErrorClass>> = {
  '08': 'DatabaseError',
  '22': 'ValidationError',
  '23': 'ValidationError',
  '25': 'DatabaseError',
  '28': 'AuthError',
  '40': 'DatabaseError',
  '53': 'DatabaseError',
  '55': 'DatabaseError',
  '57': 'DatabaseError',
  '58': 'DatabaseError',
  XX: 'DatabaseError',
}

/** Gives anything that can be thrown, `undefined` included, its class. */
export function classify(thrown: unknown): Classified {
  const errorClass = classOf(thrown, 0)
  const fields = fieldsOf(thrown)
  const retryable =
    typeof fields.retryable === 'boolean' && isErrorClass(String(fields.errorClass))
      ? fields.retryable
      : taxonomy[errorClass].retryable
  const message = truncate(messageOf(thrown))
  // What did not happen keeps the cause's wish: a 429 that was never applied still says how long to wait.
  const after = fields.retryAfterMs ?? (errorClass === 'NotApplied' ? fieldsOf(fields.cause).retryAfterMs : undefined)
  const hasDelay =
    (errorClass === 'RateLimitError' || errorClass === 'RetryAfter' || errorClass === 'NotApplied') &&
    typeof after === 'number' &&
    Number.isFinite(after)
  return hasDelay
    ? {
        errorClass,
        message,
        retryable,
        retryAfterMs: Math.max(0, Math.ceil(after)),
      }
    : { errorClass, message, retryable }
}

interface ThrownFields {
  readonly errorClass?: unknown
  readonly retryable?: unknown
  readonly retryAfterMs?: unknown
  readonly name?: unknown
  readonly message?: unknown
  readonly code?: unknown
  readonly errcode?: unknown
  readonly severity?: unknown
  readonly cause?: unknown
  readonly errors?: unknown
}

// A thrown object may be hostile (a getter that throws, a revoked proxy): every read is guarded at once.
function fieldsOf(thrown: unknown): ThrownFields {
  if (typeof thrown !== 'object' || thrown === null) return {}
  try {
    const { errorClass, retryable, retryAfterMs, name, message, code, errcode, severity, cause, errors } =
      thrown as ThrownFields
    return {
      errorClass,
      retryable,
      retryAfterMs,
      name,
      message,
      code,
      errcode,
      severity,
      cause,
      errors,
    }
  } catch {
    return {}
  }
}

function classOf(thrown: unknown, depth: number): ErrorClass {
  const { errorClass, name, code, errcode, severity, cause, errors } = fieldsOf(thrown)
  if (typeof errorClass === 'string' && isErrorClass(errorClass)) return errorClass
  // SQLITE_CONSTRAINT and SQLITE_MISMATCH, as Node's own SQLite tells them: wrong data, not a broken database.
  if (typeof errcode === 'number' && ((errcode & 0xff) === 19 || errcode === 20)) return 'ValidationError'
  if (typeof code === 'string') {
    const known = Object.hasOwn(bySystemCode, code) ? bySystemCode[code] : undefined
    if (known !== undefined) return known
    if (code.startsWith('SQLITE_'))
      return code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_MISMATCH' ? 'ValidationError' : 'DatabaseError'
    const state = severity !== undefined && code.length === 5 ? code.slice(0, 2) : ''
    if (state !== '') return (Object.hasOwn(bySqlState, state) ? bySqlState[state] : undefined) ?? 'TerminalError'
  }
  if (name === 'TimeoutError') return 'TimeoutError'
  if (name === 'AbortError') return 'Canceled'
  if (depth >= nestingMax) return 'UnknownError'
  if (Array.isArray(errors) && errors.length > 0) return classOf(errors[0], depth + 1)
  return cause === undefined || cause === null ? 'UnknownError' : classOf(cause, depth + 1)
}

function messageOf(thrown: unknown): string {
  if (typeof thrown !== 'object' || thrown === null) {
    return typeof thrown === 'function'
      ? 'A function was thrown.'
      : `${typeof thrown === 'string' ? '' : 'Thrown: '}${String(thrown)}`
  }
  const { message, code, cause, errors } = fieldsOf(thrown)
  if (typeof message !== 'string') return 'An object without a message was thrown.'
  const own = message !== '' ? message : typeof code === 'string' ? code : 'An error without a message was thrown.'
  // fetch says only "fetch failed" and hides the reason in its cause; AggregateError hides it in its errors.
  const inner = fieldsOf(cause ?? (Array.isArray(errors) ? errors[0] : undefined)).message
  return typeof inner === 'string' && inner !== '' && !own.includes(inner) ? `${own}: ${inner}` : own
}

// Cut at 2 KiB of UTF-8 and never inside a character, for the message goes into JSON and into the store.
function truncate(text: string): string {
  const wellFormed = text.slice(0, messageBytesMax).toWellFormed()
  const bytes = Buffer.from(wellFormed, 'utf8')
  if (bytes.length <= messageBytesMax)
    return text.length <= messageBytesMax ? wellFormed : `${cut(bytes, messageBytesMax - 3)}…`
  return `${cut(bytes, messageBytesMax - 3)}…`
}

function cut(bytes: Buffer, length: number): string {
  let end = Math.min(length, bytes.length)
  while (end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.toString('utf8', 0, end)
}
