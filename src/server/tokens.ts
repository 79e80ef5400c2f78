import { timingSafeEqual } from 'node:crypto'
import type { Identity } from '../commands/command.ts'
import type { NewToken, Rotation, TokenAuthority, TokenView } from '../commands/token-authority.ts'
import type { StoreHost } from '../commit/host.ts'
import { isValid } from '../commit/rights/sign-ins.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Random } from '../identity/random.ts'
import type { Token } from '../store/sign-in.ts'
import type { Clock } from '../time/clock.ts'
import { type SessionLimits, Sessions } from './sessions.ts'
import { newTokenText, readTokenText } from './token-text.ts'

export interface TokensOptions {
  readonly host: Pick<StoreHost, 'orders' | 'views'>
  readonly clock: Pick<Clock, 'now'>
  /** Random enough for secrets. */
  readonly random: Random
  readonly sessions?: Partial<SessionLimits> | undefined
}

/** When a token was last used is written so often at most. */
const useMs = 60_000
/** Bounds the memory of what was seen; the oldest goes first. */
const seenMax = 10_000
/** What an unknown token is compared with: it takes as long as one whose secret is wrong. */
const nobody = '0'.repeat(64)

/**
 * Tokens, and the browser sessions that begin with one. Rows hold hashes only, and are read for every request: what any
 * process has revoked is refused by all of them from then on.
 */
export class Tokens implements TokenAuthority {
  readonly sessions: Sessions
  readonly #options: TokensOptions
  /** When a use was last given to the store, by token. */
  readonly #seen = new Map<string, number>()
  readonly #listeners = new Set<() => void>()

  constructor(options: TokensOptions) {
    this.#options = options
    this.sessions = new Sessions(options, (id) => this.#valid(id))
  }

  async create(wanted: NewToken, by?: string): Promise<{ token: string; view: TokenView } | Refusal> {
    const { clock, random, host } = this.#options
    const { id, hash, text } = newTokenText(random)
    const times = { createdAt: clock.now(), lastUsedAt: null, revokedAt: null, rotatedAt: null }
    const token: Token = { ...wanted, ...times, scope: wanted.scope ?? null, id, hash, oldHash: null, oldUntil: null }
    const answer = await host.orders.give<'token'>({ kind: 'token', token, by })
    return isRefusal(answer) ? answer : { token: text, view: viewOf(token) }
  }

  async list(tenant: string): Promise<readonly TokenView[]> {
    const tokens = await this.#options.host.views.tokens()
    return tokens.filter((token) => token.tenant === tenant).map(viewOf)
  }

  async find(id: string, tenant: string): Promise<TokenView | Refusal> {
    const token = await this.#options.host.views.token(id)
    return token === null || token.tenant !== tenant
      ? refuse('not_found', 'There is no token with this id.')
      : viewOf(token)
  }

  async rotate(id: string, tenant: string, rotation: Rotation): Promise<{ token: string; view: TokenView } | Refusal> {
    const { random, host } = this.#options
    const { hash, text } = newTokenText(random, id)
    const change = { type: 'rotate', hash, ...rotation } as const
    const answer = await host.orders.give<'token_change'>({ kind: 'token_change', id, tenant, change })
    this.#tell()
    return isRefusal(answer) ? answer : { token: text, view: viewOf(answer) }
  }

  async revoke(id: string, tenant: string, by?: string): Promise<TokenView | Refusal> {
    const order = { kind: 'token_change', id, tenant, change: { type: 'revoke' }, by } as const
    const answer = await this.#options.host.orders.give<'token_change'>(order)
    this.#tell()
    return isRefusal(answer) ? answer : viewOf(answer)
  }

  offer(holder: Pick<Identity, 'principal' | 'tenant' | 'tokenId'>) {
    return this.sessions.offer(holder)
  }

  async signOut(holder: Pick<Identity, 'principal' | 'tenant' | 'session'>, everywhere: boolean) {
    const ended = await this.sessions.end(holder, everywhere)
    this.#tell()
    return ended
  }

  /** Ends a token before its time without taking its holder's right to what was asked with it: another one follows. */
  async retire(id: string, tenant: string): Promise<TokenView | Refusal> {
    const change = { type: 'retire' } as const
    const order = { kind: 'token_change', id, tenant, change, by: 'system:server' } as const
    const answer = await this.#options.host.orders.give<'token_change'>(order)
    this.#tell()
    return isRefusal(answer) ? answer : viewOf(answer)
  }

  /** Who holds this token. */
  async identify(text: string): Promise<Identity | Refusal> {
    const read = readTokenText(text)
    if (read === null) return refuse('invalid_token', 'This is not a token of Pawl.')
    const now = this.#options.clock.now()
    const token = await this.#options.host.views.token(read.id)
    const isPresent = isSame(token?.hash ?? nobody, read.hash)
    const isOld = isSame(token?.oldHash ?? nobody, read.hash) && (token?.oldUntil ?? 0) > now
    if (token === null || !(isPresent || isOld) || !isValid(token, now)) {
      return refuse('invalid_token', 'The token is unknown, expired or revoked.')
    }
    this.#use(token, now)
    return identityOf(token, isPresent ? {} : { isOldText: true })
  }

  async session(secret: string): Promise<Identity | Refusal> {
    const found = await this.sessions.find(secret)
    if (isRefusal(found)) return found
    this.#use(found.token, this.#options.clock.now())
    return identityOf(found.token, { session: found.hash })
  }

  /** Whether a request that came in as this may be answered still. */
  async isGood({ tokenId, session, isOldText }: Identity): Promise<boolean> {
    if (session !== undefined) return this.sessions.isGood(session)
    const token = await this.#valid(tokenId)
    return token !== undefined && (isOldText !== true || (token.oldUntil ?? 0) > this.#options.clock.now())
  }

  /** Whether this process has let it in before; says nothing of now. */
  hasSeen(text: string): boolean {
    const read = readTokenText(text)
    return read !== null && this.#seen.has(read.id)
  }

  /** Calls when something that let somebody in has ended by this process. Returns how to stop it. */
  onEnded(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  async #valid(id: string): Promise<Token | undefined> {
    const token = await this.#options.host.views.token(id)
    return token !== null && isValid(token, this.#options.clock.now()) ? token : undefined
  }

  /** Not waited for: a use that could not be written is written with the next one. */
  #use({ id, tenant, lastUsedAt }: Token, now: number): void {
    if (now - (this.#seen.get(id) ?? lastUsedAt ?? 0) < useMs) {
      if (!this.#seen.has(id)) this.#see(id, lastUsedAt ?? now)
      return
    }
    this.#see(id, now)
    const order = { kind: 'token_change', id, tenant, change: { type: 'use', at: now } } as const
    this.#options.host.orders.give<'token_change'>(order).catch(() => {})
  }

  #see(id: string, at: number): void {
    this.#seen.set(id, at)
    for (const oldest of this.#seen.keys()) {
      if (this.#seen.size <= seenMax) break
      this.#seen.delete(oldest)
    }
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}

const isSame = (hash: string, other: string): boolean =>
  hash.length === other.length && timingSafeEqual(Buffer.from(hash), Buffer.from(other))

const identityOf = (
  { principal, tenant, role, id, scope }: Token,
  how: Pick<Identity, 'session' | 'isOldText'>,
): Identity => ({ principal, tenant, role, tokenId: id, ...(scope === null ? {} : { scope }), ...how })

const timeOrNull = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString())

const viewOf = ({ id, name, principal, tenant, role, scope, ...times }: Token): TokenView => ({
  id,
  name,
  principal,
  tenant,
  role,
  scope,
  createdAt: new Date(times.createdAt).toISOString(),
  expiresAt: timeOrNull(times.expiresAt),
  lastUsedAt: timeOrNull(times.lastUsedAt),
  revokedAt: timeOrNull(times.revokedAt),
  rotatedAt: timeOrNull(times.rotatedAt),
  oldUntil: timeOrNull(times.oldUntil),
})
