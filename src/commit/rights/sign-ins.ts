import { type Refusal, refuse } from '../../errors/refusal.ts'
import type { Changes } from '../../store/rows.ts'
import type { SignIn, Token } from '../../store/sign-in.ts'
import type { Answer, OrderOf } from '../order.ts'
import { type Asking, ask } from '../reads.ts'
import type { RightsBook } from './rights.ts'

/** So many that have ended are cleared away whenever somebody signs in. */
const clearedAtOnce = 100
/** Links and sessions of one principal; the oldest ends when there is one more. */
export const heldMax = 100

/** Tokens, and the links and sessions of browsers, as they stand in this batch. */
export class SignIns {
  readonly #now: number
  readonly #tokens = new Map<string, Token>()
  /** By hash; null is over. */
  readonly #signIns = new Map<string, SignIn | null>()

  readonly #rights: RightsBook

  constructor(now: number, rights: RightsBook) {
    this.#now = now
    this.#rights = rights
  }

  /** The role that it carries is a right of its principal: what becomes of it is on record there. */
  save(token: Token, by?: string): Token {
    this.#rights.tokenChanged(token, by)
    this.#tokens.set(token.id, token)
    return token
  }

  refuseRevoked(token: Token): Refusal | null {
    return this.#rights.refuseRevoked(token)
  }

  *token(id: string): Asking<Token | null> {
    return this.#tokens.get(id) ?? (yield* ask('token', id))
  }

  *find(hash: string): Asking<SignIn | null> {
    const known = this.#signIns.get(hash)
    const found = known === undefined ? yield* ask('signIn', hash) : known
    return found !== null && found.expiresAt > this.#now ? found : null
  }

  keep(signIn: SignIn): void {
    this.#signIns.set(signIn.hash, signIn)
  }

  end(hash: string): void {
    this.#signIns.set(hash, null)
  }

  /** Those of a principal that are stored or that this batch has begun, oldest first. */
  *of(tenant: string, principal: string): Asking<readonly string[]> {
    const begun = [...this.#signIns.values()].filter(
      (signIn) => signIn !== null && signIn.tenant === tenant && signIn.principal === principal,
    )
    const stored = yield* ask('signInsOf', tenant, principal)
    const hashes = [...stored, ...begun].flatMap((signIn) => (signIn === null ? [] : [signIn.hash]))
    return [...new Set(hashes)].filter((hash) => this.#signIns.get(hash) !== null)
  }

  *clear(): Asking<void> {
    for (const { hash } of yield* ask('expiredSignIns', this.#now, clearedAtOnce)) {
      if (!this.#signIns.has(hash)) this.end(hash)
    }
  }

  changes(): Pick<Changes, 'tokens' | 'signIns'> {
    const rows = [...this.#signIns]
    return {
      tokens: [...this.#tokens.values()],
      signIns: {
        save: rows.flatMap(([, row]) => row ?? []),
        remove: rows.flatMap(([hash, row]) => (row === null ? [hash] : [])),
      },
    }
  }
}

export const isValid = ({ revokedAt, expiresAt }: Token, now: number): boolean =>
  revokedAt === null && (expiresAt === null || expiresAt > now)

/** A secret that was changed takes the sessions along that began with it, once its overlap is over. */
export const mayGoOn = ({ begunAt }: SignIn, { rotatedAt, oldUntil }: Token, now: number): boolean =>
  rotatedAt === null || begunAt > rotatedAt || (oldUntil !== null && oldUntil > now)

/** Changes a token as it stands, so that no change undoes another: what is revoked stays so. */
export function* changeToken(
  signIns: SignIns,
  { id, tenant, change, by }: OrderOf<'token_change'>,
  now: number,
): Asking<Answer<'token_change'>> {
  const token = yield* signIns.token(id)
  if (token === null || token.tenant !== tenant) return refuse('not_found', 'There is no token with this id.')
  switch (change.type) {
    case 'revoke': {
      const refusal = signIns.refuseRevoked(token)
      return refusal ?? signIns.save({ ...token, revokedAt: token.revokedAt ?? now }, by)
    }
    case 'retire':
      return signIns.save({ ...token, expiresAt: Math.min(token.expiresAt ?? now, now) }, by)
    case 'use':
      return signIns.save({ ...token, lastUsedAt: Math.max(token.lastUsedAt ?? 0, change.at) })
    case 'rotate': {
      if (!isValid(token, now)) {
        return refuse('invalid_token', 'A token that is expired or revoked gets no new text.', { id })
      }
      const { hash, overlapMs, expiresAt } = change
      const oldUntil = overlapMs > 0 ? now + overlapMs : null
      const old = { oldHash: oldUntil === null ? null : token.hash, oldUntil }
      return signIns.save({ ...token, ...old, hash, rotatedAt: now, expiresAt: expiresAt ?? token.expiresAt }, by)
    }
  }
}

export function* signInOne(signIns: SignIns, { change }: OrderOf<'sign_in'>, now: number): Asking<Answer<'sign_in'>> {
  switch (change.type) {
    case 'offer':
      yield* signIns.clear()
      // Whoever signs in again and again, and never out, fills nothing.
      for (const hash of (yield* signIns.of(change.link.tenant, change.link.principal)).slice(0, 1 - heldMax)) {
        signIns.end(hash)
      }
      signIns.keep({ ...change.link, kind: 'link', begunAt: now, usedAt: now, expiresAt: now + change.forMs })
      return { ended: [] }
    case 'begin': {
      const link = yield* signIns.find(change.link)
      if (link === null || link.kind !== 'link') return usedLink()
      const token = yield* signIns.token(link.token)
      signIns.end(link.hash)
      if (token === null || !isValid(token, now) || !mayGoOn(link, token, now)) return usedLink()
      signIns.keep({ ...link, hash: change.session, kind: 'session', usedAt: now, expiresAt: now + change.forMs })
      return { ended: [link.hash] }
    }
    case 'use': {
      const session = yield* signIns.find(change.session)
      if (session !== null) signIns.keep({ ...session, usedAt: Math.max(session.usedAt, change.at) })
      return { ended: [] }
    }
    case 'end': {
      const ended = change.everywhere ? yield* signIns.of(change.tenant, change.principal) : change.sessions
      for (const hash of ended) signIns.end(hash)
      return { ended }
    }
  }
}

const usedLink = (): Refusal =>
  refuse(
    'invalid_token',
    'The sign-in link was used already or is older than ten minutes.',
    undefined,
    'Get a new one with: pawl sign-in',
  )
