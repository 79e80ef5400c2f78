import { timingSafeEqual } from 'node:crypto'
import type { Identity } from '../commands/command.ts'
import type { NewToken, TokenAuthority, TokenView } from '../commands/token-authority.ts'
import type { StoreHost } from '../commit/host.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Random } from '../identity/random.ts'
import { sha256 } from '../json/hash.ts'
import type { Token } from '../store/rows.ts'
import type { Clock } from '../time/clock.ts'
import { newTokenText, readTokenText } from './token-text.ts'

export interface TokensOptions {
  readonly host: Pick<StoreHost, 'orders' | 'views'>
  readonly clock: Pick<Clock, 'now'>
  /** Random enough for secrets. */
  readonly random: Random
}

interface Ticket {
  readonly identity: Identity
  readonly expiresAt: number
}

const ticketMs = 10 * 60_000
const sessionMs = 12 * 60 * 60_000
/** Bounds the memory; the oldest goes first. */
const heldMax = 10_000

/**
 * Tokens, and the browser sessions that begin with one. Rows hold hashes only; when a token was last used, and sessions,
 * are kept in memory: losing them costs a sign-in.
 */
export class Tokens implements TokenAuthority {
  readonly #options: TokensOptions
  readonly #lastUsedAt = new Map<string, number>()
  readonly #tickets = new Map<string, Ticket>()
  readonly #sessions = new Map<string, Ticket>()

  constructor(options: TokensOptions) {
    this.#options = options
  }

  async create(wanted: NewToken): Promise<{ token: string; view: TokenView } | Refusal> {
    const { clock, random, host } = this.#options
    const { id, hash, text } = newTokenText(random)
    const token: Token = { ...wanted, id, hash, createdAt: clock.now(), lastUsedAt: null, revokedAt: null }
    const answer = await host.orders.give<'token'>({ kind: 'token', token })
    return isRefusal(answer) ? answer : { token: text, view: this.#view(token) }
  }

  async list(tenant: string): Promise<readonly TokenView[]> {
    const tokens = await this.#options.host.views.tokens()
    return tokens.filter((token) => token.tenant === tenant).map((token) => this.#view(token))
  }

  async revoke(id: string, tenant: string): Promise<TokenView | Refusal> {
    const { host, clock } = this.#options
    const found = (await host.views.tokens()).find((token) => token.id === id && token.tenant === tenant)
    if (found === undefined) return refuse('not_found', 'There is no token with this id.')
    const revoked: Token = { ...found, revokedAt: found.revokedAt ?? clock.now() }
    const answer = await host.orders.give<'token'>({ kind: 'token', token: revoked })
    return isRefusal(answer) ? answer : this.#view(revoked)
  }

  /** Who holds this token. Rows are read each time, so that a revoked token ends at once. */
  async identify(text: string): Promise<Identity | Refusal> {
    const read = readTokenText(text)
    if (read === null) return refuse('invalid_token', 'This is not a token of Pawl.')
    const token = await this.#valid(read.id)
    if (token === undefined || !timingSafeEqual(Buffer.from(token.hash), Buffer.from(read.hash))) {
      return refuse('invalid_token', 'The token is unknown, expired or revoked.')
    }
    return identityOf(token)
  }

  ticket({ principal, tenant, role, tokenId }: Identity): { ticket: string; expiresAt: string } {
    const expiresAt = this.#options.clock.now() + ticketMs
    const ticket = this.#secret()
    hold(this.#tickets, sha256(ticket), { identity: { principal, tenant, role, tokenId }, expiresAt })
    return { ticket, expiresAt: new Date(expiresAt).toISOString() }
  }

  /** Turns a ticket into a session, once. */
  async signIn(ticket: string): Promise<{ session: string; maxAgeSeconds: number } | Refusal> {
    const now = this.#options.clock.now()
    const key = sha256(ticket)
    const found = this.#tickets.get(key)
    this.#tickets.delete(key)
    if (found === undefined || found.expiresAt < now || (await this.#valid(found.identity.tokenId)) === undefined) {
      return refuse(
        'invalid_token',
        'The sign-in link was used already or is older than ten minutes.',
        undefined,
        'Get a new one with: pawl sign-in',
      )
    }
    const session = this.#secret()
    hold(this.#sessions, sha256(session), { identity: found.identity, expiresAt: now + sessionMs })
    return { session, maxAgeSeconds: sessionMs / 1000 }
  }

  async session(session: string): Promise<Identity | Refusal> {
    const found = this.#sessions.get(sha256(session))
    if (found !== undefined && found.expiresAt >= this.#options.clock.now()) {
      const token = await this.#valid(found.identity.tokenId)
      if (token !== undefined) return identityOf(token)
    }
    return refuse('not_signed_in', 'The session has ended.', undefined, 'Get a new link with: pawl sign-in')
  }

  async #valid(id: string): Promise<Token | undefined> {
    const now = this.#options.clock.now()
    const token = (await this.#options.host.views.tokens()).find((each) => each.id === id)
    if (token === undefined || token.revokedAt !== null || (token.expiresAt ?? now) < now) return undefined
    this.#lastUsedAt.set(id, now)
    return token
  }

  #secret(): string {
    return Buffer.from(this.#options.random.bytes(32)).toString('base64url')
  }

  #view({ id, name, principal, tenant, role, ...times }: Token): TokenView {
    return {
      id,
      name,
      principal,
      tenant,
      role,
      createdAt: new Date(times.createdAt).toISOString(),
      expiresAt: timeOrNull(times.expiresAt),
      lastUsedAt: timeOrNull(this.#lastUsedAt.get(id) ?? times.lastUsedAt),
      revokedAt: timeOrNull(times.revokedAt),
    }
  }
}

const timeOrNull = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

const identityOf = ({ principal, tenant, role, id }: Token): Identity => ({ principal, tenant, role, tokenId: id })

function hold(map: Map<string, Ticket>, key: string, ticket: Ticket): void {
  map.set(key, ticket)
  for (const oldest of map.keys()) {
    if (map.size <= heldMax) break
    map.delete(oldest)
  }
}
