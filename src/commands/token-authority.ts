import type { Refusal } from '../errors/refusal.ts'

export interface NewToken {
  readonly name: string
  readonly principal: string
  readonly tenant: string
  readonly role: string
  readonly expiresAt: number | null
}

/** A token as it may be shown: never its secret. Times are RFC 3339. */
export interface TokenView {
  readonly id: string
  readonly name: string
  readonly principal: string
  readonly tenant: string
  readonly role: string
  readonly createdAt: string
  readonly expiresAt: string | null
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
}

/** Gives, lists and takes back tokens. */
export interface TokenAuthority {
  /** The text of the token is in this answer and nowhere else, ever. */
  create(wanted: NewToken): Promise<{ readonly token: string; readonly view: TokenView } | Refusal>
  list(tenant: string): Promise<readonly TokenView[]>
  revoke(id: string, tenant: string): Promise<TokenView | Refusal>
  /** A ticket that signs a browser in once, within ten minutes, as the same principal. */
  ticket(holder: {
    readonly principal: string
    readonly tenant: string
    readonly role: string
    readonly tokenId: string
  }): { readonly ticket: string; readonly expiresAt: string }
}
