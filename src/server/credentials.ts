import { type Refusal, refuse } from '../errors/refusal.ts'

export type Credentials =
  | { readonly kind: 'token'; readonly text: string }
  | { readonly kind: 'session'; readonly secret: string }

const plainName = 'pawl_session'
/** A browser takes such a cookie only over https, for this host alone and from no subdomain of it. */
const hostName = `__Host-${plainName}`

export const cookieName = (isSecure: boolean): string => (isSecure ? hostName : plainName)

/** The header that gives a browser its session, or takes it away with an empty secret. */
export function sessionCookie(secret: string, maxAgeSeconds: number, isSecure: boolean): string {
  const secure = isSecure ? '; Secure' : ''
  return `${cookieName(isSecure)}=${secret}; HttpOnly; SameSite=Strict; Path=/; Max-Age=${maxAgeSeconds}${secure}`
}

const tokenShape = /pawl_[0-9a-z]{12}_[0-9A-Za-z]+|pawls_[\w-]{43}/
const tokenFields = new Set(['token', 'access_token', 'authorization', 'api_key', 'bearer'])

/**
 * What a request shows to be let in: exactly one thing, in its place. Two of them would leave open which one counts, and
 * an address is written down by every proxy on the way.
 */
export function readCredentials(request: Request, isSecure: boolean): Credentials | Refusal {
  const { headers, url } = request
  if (isTokenInAddress(url)) return refuse('token_in_address', 'A token stands in the address of the request.')
  const authorization = headers.get('authorization')
  const sessions = sessionsIn(headers.get('cookie') ?? '', cookieName(isSecure))
  if (authorization !== null && sessions.length > 0) {
    return refuse('ambiguous_credentials', 'The request carries a token and the session of a browser.')
  }
  if (sessions.length > 1) return refuse('ambiguous_credentials', 'The request carries more than one session.')
  if (authorization !== null) return tokenIn(authorization.trim())
  const [secret] = sessions
  return secret === undefined ? refuse('not_signed_in', 'The request carries no token.') : { kind: 'session', secret }
}

function tokenIn(authorization: string): Credentials | Refusal {
  // Several headers of one name arrive as one, with commas between.
  if (authorization.includes(',')) return refuse('ambiguous_credentials', 'There is more than one Authorization.')
  const [, scheme = '', text] = /^(\S+)(?: +(\S+))?$/.exec(authorization) ?? []
  if (scheme.toLowerCase() === 'bearer' && text !== undefined) return { kind: 'token', text }
  return refuse('invalid_token', 'Authorization must be `Bearer` and a token.')
}

function sessionsIn(cookies: string, wanted: string): readonly string[] {
  if (!cookies.includes(wanted)) return []
  return cookies.split(';').flatMap((part) => {
    const [name, value] = part.trim().split('=', 2)
    return name === wanted && value !== undefined && value !== '' ? [value.slice(0, 200)] : []
  })
}

function isTokenInAddress(url: string): boolean {
  const start = url.indexOf('?')
  if (start === -1) return false
  for (const [name, value] of new URLSearchParams(url.slice(start))) {
    if (tokenFields.has(name.toLowerCase()) || tokenShape.test(value) || tokenShape.test(name)) return true
  }
  return false
}
