/** A request as the two models see it: parsed address, lower-case header names, the body as text. */
export type SandboxRequest = {
  method: string
  path: string
  query: URLSearchParams
  headers: Readonly<Record<string, string>>
  body: string
}

/** What a model answers, and whether the request changed it. */
export type Answer = { status: number; body: unknown; headers?: Record<string, string>; applied: boolean }

export function answer(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return { status, body, headers, applied: false }
}

export function bearer(headers: Readonly<Record<string, string>>): string | undefined {
  return /^Bearer +(\S+)$/i.exec(headers.authorization ?? '')?.[1]
}

/** The JSON value of a body, or undefined when it is not JSON. */
export function parseJson(body: string): unknown {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}
