import { isCode } from './codes.ts'
import { type Refusal, refuse } from './refusal.ts'

/** The refusal that a problem document (RFC 9457) tells of, or that there was none. */
export function refusalOf(body: unknown, status = 500): Refusal {
  const { code, detail, next, details } = (typeof body === 'object' && body !== null ? body : {}) as Record<
    string,
    unknown
  >
  if (typeof code !== 'string' || !isCode(code)) {
    return refuse('server_unreachable', `The server answered with status ${status} and no code.`)
  }
  const more = typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : undefined
  return refuse(code, typeof detail === 'string' ? detail : '', more, typeof next === 'string' ? next : undefined)
}
