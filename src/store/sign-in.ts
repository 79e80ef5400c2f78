/** What a token may do at most, whatever its role grants; a part that is left out narrows nothing. */
export interface TokenScope {
  readonly permissions?: readonly string[] | undefined
  readonly actions?: readonly string[] | undefined
}

export interface Token {
  readonly id: string
  /** SHA-256 of the secret part; the secret itself is shown once and kept nowhere. */
  readonly hash: string
  readonly name: string
  readonly principal: string
  readonly tenant: string
  readonly role: string
  readonly scope: TokenScope | null
  readonly createdAt: number
  readonly expiresAt: number | null
  /** Within a minute; less would cost a write for each request. */
  readonly lastUsedAt: number | null
  readonly revokedAt: number | null
  /** When it got its present secret, unless that is the first. */
  readonly rotatedAt: number | null
  /** Of the secret before, which is good until `oldUntil`. */
  readonly oldHash: string | null
  readonly oldUntil: number | null
}

export const signInKinds = ['link', 'session'] as const

/** A link that signs a browser in once, or the session that such a link began. */
export interface SignIn {
  /** SHA-256 of what the browser holds. */
  readonly hash: string
  readonly kind: (typeof signInKinds)[number]
  /** Id of the token that it has its rights from. */
  readonly token: string
  readonly tenant: string
  readonly principal: string
  readonly begunAt: number
  readonly usedAt: number
  readonly expiresAt: number
}
