import { type Code, isCode } from '../errors/codes.ts'
import { classify, DatabaseError, NetworkError, TimeoutError } from '../errors/failures.ts'
import { refuse } from '../errors/refusal.ts'
import type { WorkerProtocol } from './protocol.ts'
import { type Call, remoteProtocol, waitMsOf } from './remote.ts'

export interface HttpProtocolOptions {
  /** Address of the server, without `/v1`. */
  readonly url: string
  readonly token: string
  /** Milliseconds beyond which an answer is given up, the waiting that the call asks for not counted. */
  readonly timeoutMs?: number | undefined
  /** Replaced in tests. */
  readonly fetch?: typeof fetch | undefined
}

/** The worker protocol over HTTP: `POST /v1/worker/…` with a bearer token. */
export function httpProtocol({ url, token, timeoutMs = 15_000, ...options }: HttpProtocolOptions): WorkerProtocol {
  const send = options.fetch ?? fetch
  const base = url.replace(/\/+$/, '')
  const call: Call = async (route, body) => {
    const waitMs = waitMsOf(body)
    let response: Response
    let text: string
    try {
      response = await send(`${base}/v1/worker/${route}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.timeout(timeoutMs + waitMs),
      })
      text = await response.text()
    } catch (thrown) {
      const { errorClass, message } = classify(thrown)
      if (errorClass === 'TimeoutError') throw new TimeoutError(`${route}: no answer in ${timeoutMs + waitMs} ms`)
      throw new NetworkError(`${route}: ${message}`, { cause: thrown })
    }
    return readAnswer(route, response.status, text)
  }
  return remoteProtocol(call)
}

function readAnswer(route: string, status: number, text: string): unknown {
  let content: unknown
  try {
    content = text === '' ? {} : JSON.parse(text)
  } catch {
    throw new NetworkError(`${route} was answered with status ${status} and something that is not JSON`)
  }
  if (status >= 200 && status < 300) return content
  const problem = content as { code?: unknown; detail?: unknown; next?: unknown; details?: unknown } | null
  const code = problem?.code
  if (typeof code !== 'string' || !isCode(code)) throw new NetworkError(`${route} was answered with status ${status}`)
  if (code === 'internal') throw new DatabaseError(`${route} failed on the other side`)
  return refusalOf(code, problem)
}

function refusalOf(code: Code, problem: { detail?: unknown; next?: unknown; details?: unknown } | null): unknown {
  const details = problem?.details
  return refuse(
    code,
    typeof problem?.detail === 'string' ? problem.detail : 'no reason given',
    typeof details === 'object' && details !== null ? (details as Record<string, unknown>) : undefined,
    typeof problem?.next === 'string' ? problem.next : undefined,
  )
}
