import type { Identity } from '../commands/command.ts'
import { type AccessConfig, accessDefaults } from '../config/access-variables.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Clock } from '../time/clock.ts'
import { readCredentials } from './credentials.ts'
import type { Log } from './log.ts'
import { type OpenAnswer, OpenAnswers } from './open-answers.ts'
import { type Peer, peerOf, TrustedProxies } from './peer.ts'
import { Rates } from './rates.ts'
import type { Tokens } from './tokens.ts'

/** Each as its variable says it. */
export type AccessLimits = Pick<
  AccessConfig,
  'trustedProxies' | 'tokenRequests' | 'tenantRequests' | 'failedSignIns' | 'streamsPerToken'
>

export interface GateOptions {
  readonly tokens: Tokens
  readonly clock: Clock
  readonly limits?: Partial<AccessLimits> | undefined
  readonly closing?: AbortSignal | undefined
}

/** What a request comes in with; the socket is only there where it came over one. */
export interface Arrival {
  readonly request: Request
  readonly remoteAddress: string | undefined
  /** Told whom it is from as soon as that is known. */
  readonly onPrincipal: (principal: string) => void
}

export interface EnterOptions {
  /** Requests of workers follow from their work, and are held by its limits. */
  readonly isUnlimited?: boolean | undefined
  /** A form of a page of ours, which is no JSON. */
  readonly takesForms?: boolean | undefined
}

/** Lets requests in: who they are from, whether from where they may come, and not too many at once. */
export class Gate {
  readonly answers: OpenAnswers
  readonly #tokens: Tokens
  readonly #log: Log
  readonly #proxies: TrustedProxies
  readonly #byToken: Rates
  readonly #byTenant: Rates
  readonly #failures: Rates

  constructor({ tokens, clock, limits, closing }: GateOptions, log: Log) {
    const all = { ...accessDefaults, ...limits }
    const twice = (perSecond: number) => ({ perSecond, burst: Math.max(1, 2 * perSecond) })
    this.#tokens = tokens
    this.#log = log
    this.#proxies = new TrustedProxies(all.trustedProxies)
    this.#byToken = new Rates(clock, twice(all.tokenRequests))
    this.#byTenant = new Rates(clock, twice(all.tenantRequests))
    this.#failures = new Rates(clock, { perSecond: all.failedSignIns / 60, burst: all.failedSignIns })
    this.answers = new OpenAnswers({ tokens, clock, closing, perTokenMax: all.streamsPerToken })
  }

  peer(request: Request, remoteAddress: string | undefined): Peer {
    return peerOf(request, remoteAddress, this.#proxies)
  }

  /** Nobody is anonymous. */
  async enter(
    { request, remoteAddress, onPrincipal }: Arrival,
    options: EnterOptions = {},
  ): Promise<Identity | Refusal> {
    const peer = this.peer(request, remoteAddress)
    const shown = readCredentials(request, peer.isSecure)
    if (isRefusal(shown)) return shown.code === 'invalid_token' ? this.#failed(peer, shown) : shown
    if (shown.kind === 'session') {
      const foreign = foreignTo(request, peer, options)
      if (foreign !== null) return foreign
    }
    const tooMany = this.#tooManyFailures(peer)
    // A neighbour behind the same address who fails on purpose keeps nobody out who was let in before.
    if (tooMany !== null && shown.kind === 'token' && !this.#tokens.hasSeen(shown.text)) return tooMany
    const caller =
      shown.kind === 'token' ? await this.#tokens.identify(shown.text) : await this.#tokens.session(shown.secret)
    if (isRefusal(caller)) return caller.code === 'invalid_token' ? (tooMany ?? this.#failed(peer, caller)) : caller
    onPrincipal(caller.principal)
    return options.isUnlimited === true ? caller : (this.#overRate(caller) ?? caller)
  }

  /** A place for an answer that may take long; a refusal where the token has too many. */
  open(caller: Identity, isLong: boolean): OpenAnswer | Refusal {
    const full = 'The token has as many streams and long polls open as it may.'
    return this.answers.open(caller, isLong) ?? limited(full, 1_000)
  }

  /** Turns a link into a session; one that is no link counts as a failed sign-in. */
  async signIn({ request, remoteAddress }: Omit<Arrival, 'onPrincipal'>, ticket: string) {
    const peer = this.peer(request, remoteAddress)
    const tooMany = this.#tooManyFailures(peer)
    const signedIn = await this.#tokens.sessions.signIn(ticket)
    return isRefusal(signedIn) ? (tooMany ?? this.#failed(peer, signedIn)) : signedIn
  }

  /** Whether a page of ours has caused the request. */
  isOwn(request: Request, remoteAddress: string | undefined): boolean {
    return isOwnOrigin(request, this.peer(request, remoteAddress))
  }

  #failed({ address }: Peer, refusal: Refusal): Refusal {
    this.#log.warn({ event: 'sign_in_failed', address, code: refusal.code }, 'not let in')
    if (address !== null) this.#failures.take(address)
    return refusal
  }

  #tooManyFailures({ address }: Peer): Refusal | null {
    const waitMs = address === null ? 0 : this.#failures.waitMs(address)
    return waitMs === 0 ? null : limited('Too many sign-ins from this address have failed.', waitMs)
  }

  #overRate({ tokenId, tenant }: Identity): Refusal | null {
    const tokenMs = this.#byToken.take(tokenId)
    if (tokenMs > 0) return limited('The token sends more requests than it may.', tokenMs)
    const tenantMs = this.#byTenant.take(tenant)
    return tenantMs > 0 ? limited('The tenant sends more requests than it may.', tenantMs) : null
  }
}

const limited = (reason: string, waitMs: number): Refusal =>
  refuse('rate_limited', reason, { retryAfterSeconds: Math.max(1, Math.ceil(waitMs / 1000)) })

/**
 * A cookie is sent by the browser whoever caused the request. So what changes something must come from a page of ours,
 * and with a content type that a foreign form cannot send.
 */
function foreignTo(request: Request, peer: Peer, { takesForms }: EnterOptions): Refusal | null {
  if (request.method === 'GET' || request.method === 'HEAD') return null
  if (!isOwnOrigin(request, peer)) {
    return refuse('not_permitted', 'A request with a session must come from a page of this server.')
  }
  const type = request.headers.get('content-type')?.split(';', 1)[0]?.trim().toLowerCase()
  const isFitting = type === 'application/json' || (takesForms === true && type === 'application/x-www-form-urlencoded')
  return isFitting || (type === undefined && request.method === 'DELETE')
    ? null
    : refuse('unsupported_media_type', 'A request with a session must be `application/json`.')
}

function isOwnOrigin(request: Request, { isSecure }: Peer): boolean {
  const site = request.headers.get('sec-fetch-site')
  if (site !== null && site !== 'same-origin') return false
  const origin = request.headers.get('origin')
  if (origin === null) return site === 'same-origin'
  if (!URL.canParse(origin)) return false
  const { host, protocol } = new URL(origin)
  return host === new URL(request.url).host && (!isSecure || protocol === 'https:')
}
