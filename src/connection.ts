import { refusalOf } from './errors/problem.ts'
import { isRefusal, orThrow, type Refusal, refuse } from './errors/refusal.ts'

export interface Address {
  /** Address of the server, without `/v1`. */
  readonly url: string
  readonly token: string
  /** Replaced in tests. */
  readonly fetch?: typeof fetch | undefined
}

/** One call over HTTP, for whoever has a command's method and path. */
export interface Ask {
  readonly method: string
  readonly path: string
  readonly query?: Readonly<Record<string, unknown>> | undefined
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Answered {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

/** Carries calls to a server and brings their answers. */
export class Connection {
  readonly #base: string
  readonly #token: string
  readonly #fetch: typeof fetch

  constructor({ url, token, ...options }: Address) {
    this.#base = url.replace(/\/+$/, '')
    this.#token = token
    this.#fetch = options.fetch ?? fetch
  }

  async tryAsk(ask: Ask): Promise<Answered | Refusal> {
    const response = await this.send(ask)
    if (isRefusal(response)) return response
    const text = await response.text().catch(() => '')
    let body: unknown
    try {
      body = text === '' ? null : JSON.parse(text)
    } catch {
      return refuse(
        'server_unreachable',
        `What answers at ${this.#base} is not Pawl: status ${response.status} and no JSON.`,
      )
    }
    return response.ok ? { status: response.status, headers: response.headers, body } : refusalOf(body, response.status)
  }

  async read<T>(ask: Ask): Promise<T> {
    return orThrow(await this.tryAsk(ask)).body as T
  }

  get<T>(path: string, query?: Ask['query']): Promise<T> {
    return this.read({ method: 'GET', path, query })
  }

  async open(path: string, after: number, signal: AbortSignal | undefined): Promise<Response | Refusal> {
    const response = await this.send({ method: 'GET', path, headers: { 'last-event-id': String(after) }, signal })
    if (isRefusal(response) || response.ok) return response
    return refusalOf(await response.json().catch(() => null), response.status)
  }

  async send({ method, path, query = {}, body, headers = {}, signal }: Ask): Promise<Response | Refusal> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null)
    const search = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)])).toString()
    try {
      return await this.#fetch(`${this.#base}${path}${search === '' ? '' : `?${search}`}`, {
        method,
        redirect: 'error',
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        ...(signal === undefined ? {} : { signal }),
      })
    } catch (thrown) {
      if (signal?.aborted === true) return refuse('interrupted', 'The call was interrupted; the execution goes on.')
      const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause.message : String(thrown)
      return refuse('server_unreachable', `The server at ${this.#base} does not answer: ${cause}.`)
    }
  }
}
