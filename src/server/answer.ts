import { classify } from '../errors/failures.ts'
import { type Refusal, Refused, refuse, toProblem } from '../errors/refusal.ts'

export function json(body: unknown, status = 200, headers: Readonly<Record<string, string>> = {}): Response {
  return new Response(JSON.stringify(body ?? null), {
    status,
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  })
}

/** Problem details of RFC 9457. */
export function problem(refusal: Refusal, traceId: string): Response {
  const body = toProblem(refusal, `urn:pawl:trace:${traceId}`)
  return json(body, body.status, {
    'content-type': 'application/problem+json',
    ...(body.status === 401 ? { 'www-authenticate': 'Bearer realm="pawl"' } : {}),
    ...(body.status === 429 || body.status === 503 ? { 'retry-after': String(secondsOf(refusal)) } : {}),
  })
}

/** When it is worth another try, where the refusal knows. */
function secondsOf({ details }: Refusal): number {
  return typeof details?.retryAfterSeconds === 'number' ? details.retryAfterSeconds : 1
}

/** What to answer when something was thrown: a failure of the store says so, everything else is a bug. */
export function refusalOf(thrown: unknown): Refusal {
  if (thrown instanceof Refused) return thrown.refusal
  const { errorClass, message } = classify(thrown)
  if (errorClass !== 'DatabaseError') return refuse('internal', 'The server made a mistake; see its log.')
  return /clos(ed|ing)/.test(message)
    ? refuse('store_closed', 'The store is closed or closing.')
    : refuse('store_busy', 'The store could not commit this; nothing of it was written.')
}
