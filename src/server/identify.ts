import type { Identity } from '../commands/command.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import type { Tokens } from './tokens.ts'

export const sessionCookie = 'pawl_session'

/** Who sent a request: by its bearer token, or by the session of a browser. Nobody is anonymous. */
export async function identify(request: Request, tokens: Tokens): Promise<Identity | Refusal> {
  const authorization = request.headers.get('authorization')
  if (authorization !== null) {
    const text = /^Bearer +(\S+)$/i.exec(authorization.trim())?.[1]
    return text === undefined
      ? refuse('invalid_token', 'Authorization must be `Bearer` and a token.')
      : tokens.identify(text)
  }
  const session = cookieOf(request)
  if (session === undefined) return refuse('not_signed_in', 'The request carries no token.')
  // A cookie is sent by the browser whoever caused the request, so it must have come from a page of ours.
  if (request.method !== 'GET' && request.method !== 'HEAD' && !isOwnOrigin(request)) {
    return refuse('not_permitted', 'A request with a session must come from a page of this server.')
  }
  return tokens.session(session)
}

function cookieOf(request: Request): string | undefined {
  for (const part of (request.headers.get('cookie') ?? '').split(';')) {
    const [name, value] = part.trim().split('=', 2)
    if (name === sessionCookie && value !== undefined && /^[\w-]{20,100}$/.test(value)) return value
  }
  return undefined
}

function isOwnOrigin(request: Request): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null) return site === 'same-origin'
  const origin = request.headers.get('origin')
  return origin !== null && URL.canParse(origin) && new URL(origin).host === new URL(request.url).host
}
