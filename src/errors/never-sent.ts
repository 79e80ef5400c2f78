/** System codes that can only occur while the connection is being opened, before the first byte was sent. */
const beforeFirstByte: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])

const nestingMax = 8

/**
 * Tells whether an error proves that nothing was sent: the connection was refused, or its name not found.
 *
 * Looks through `cause` (as fetch wraps it) and AggregateError (as Node does with several addresses), where every
 * branch must prove it: one address that was reached and broke off leaves the effect in doubt.
 */
export function neverSent(thrown: unknown): boolean {
  try {
    return provesIt(thrown, 0)
  } catch {
    // Something whose properties throw when they are read proves nothing.
    return false
  }
}

function provesIt(thrown: unknown, depth: number): boolean {
  if (typeof thrown !== 'object' || thrown === null || depth > nestingMax) return false
  const { errors, code, syscall, cause } = thrown as {
    errors?: unknown
    code?: unknown
    syscall?: unknown
    cause?: unknown
  }
  if (Array.isArray(errors)) return errors.length > 0 && errors.every((each) => provesIt(each, depth + 1))
  if (typeof code === 'string' && beforeFirstByte.has(code)) {
    // Only an error of opening the connection counts; a library may reuse the code for a later state.
    return syscall === undefined || syscall === 'connect' || syscall === 'getaddrinfo'
  }
  return provesIt(cause, depth + 1)
}
