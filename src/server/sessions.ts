import type { Identity } from '../commands/command.ts'
import type { StoreHost } from '../commit/host.ts'
import { mayGoOn } from '../commit/rights/sign-ins.ts'
import { accessDefaults } from '../config/access-variables.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Random } from '../identity/random.ts'
import { sha256 } from '../json/hash.ts'
import type { SignIn, Token } from '../store/sign-in.ts'
import type { Clock } from '../time/clock.ts'

export interface SessionLimits {
  /** How long a session lasts that nobody uses. */
  readonly idleMs: number
  /** How long it lasts at most. */
  readonly maxMs: number
}

export interface SessionsOptions {
  readonly host: Pick<StoreHost, 'orders' | 'views'>
  readonly clock: Pick<Clock, 'now'>
  readonly random: Random
  readonly sessions?: Partial<SessionLimits> | undefined
}

const defaults: SessionLimits = { idleMs: accessDefaults.sessionIdleMs, maxMs: accessDefaults.sessionMs }
const linkMs = 10 * 60_000
/** A use is written so often at most; an idle session may end this much earlier than its limit says. */
const useMs = 60_000

/** Sessions of browsers: rows of hashes, so that they outlive a process and are the same in all of them. */
export class Sessions {
  readonly #options: SessionsOptions
  readonly #limits: SessionLimits
  readonly #validToken: (id: string) => Promise<Token | undefined>

  constructor(options: SessionsOptions, validToken: (id: string) => Promise<Token | undefined>) {
    this.#options = options
    this.#limits = { ...defaults, ...options.sessions }
    this.#validToken = validToken
  }

  async offer({ principal, tenant, tokenId }: Pick<Identity, 'principal' | 'tenant' | 'tokenId'>) {
    const { host, clock } = this.#options
    const ticket = this.#secret('pawll')
    const link = { hash: sha256(ticket), token: tokenId, tenant, principal }
    const expiresAt = new Date(clock.now() + linkMs).toISOString()
    const answer = await host.orders.give<'sign_in'>({
      kind: 'sign_in',
      change: { type: 'offer', link, forMs: linkMs },
    })
    return isRefusal(answer) ? answer : { ticket, expiresAt }
  }

  /**
   * Turns a ticket into a session, once. Its secret is made here and now: whatever the browser held before is worth
   * nothing, so nobody can make it use a session that he knows.
   */
  async signIn(ticket: string): Promise<{ session: string; maxAgeSeconds: number } | Refusal> {
    const session = this.#secret('pawls')
    const { maxMs } = this.#limits
    const change = { type: 'begin', link: sha256(ticket), session: sha256(session), forMs: maxMs } as const
    const answer = await this.#options.host.orders.give<'sign_in'>({ kind: 'sign_in', change })
    return isRefusal(answer) ? answer : { session, maxAgeSeconds: Math.floor(maxMs / 1000) }
  }

  async find(secret: string): Promise<{ hash: string; token: Token } | Refusal> {
    const hash = sha256(secret)
    const found = await this.#good(hash)
    if (found === undefined) {
      return refuse('not_signed_in', 'The session has ended.', undefined, 'Get a new link with: pawl sign-in')
    }
    const now = this.#options.clock.now()
    if (now - found.session.usedAt >= Math.min(useMs, this.#limits.idleMs / 4)) {
      const change = { type: 'use', session: hash, at: now } as const
      this.#options.host.orders.give<'sign_in'>({ kind: 'sign_in', change }).catch(() => {})
    }
    return { hash, token: found.token }
  }

  async isGood(hash: string): Promise<boolean> {
    return (await this.#good(hash)) !== undefined
  }

  async end({ principal, tenant, session }: Pick<Identity, 'principal' | 'tenant' | 'session'>, everywhere: boolean) {
    const change = everywhere
      ? ({ type: 'end', everywhere, tenant, principal } as const)
      : ({ type: 'end', everywhere, sessions: session === undefined ? [] : [session] } as const)
    const answer = await this.#options.host.orders.give<'sign_in'>({ kind: 'sign_in', change })
    return isRefusal(answer) ? answer : answer.ended.length
  }

  async #good(hash: string): Promise<{ session: SignIn; token: Token } | undefined> {
    const now = this.#options.clock.now()
    const session = await this.#options.host.views.signIn(hash)
    if (session?.kind !== 'session') return undefined
    if (session.expiresAt <= now || session.usedAt + this.#limits.idleMs <= now) return undefined
    const token = await this.#validToken(session.token)
    return token !== undefined && mayGoOn(session, token, now) ? { session, token } : undefined
  }

  /** Told by its beginning, so that a log hides it and a scanner finds it. */
  #secret(beginning: string): string {
    const secret = Buffer.from(this.#options.random.bytes(32)).toString('base64url')
    return `${beginning}_${secret}`
  }
}
