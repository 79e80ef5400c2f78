import type { Refusal } from '../errors/refusal.ts'
import type { TokenScope } from '../store/sign-in.ts'
import type { Identity } from './command.ts'

export interface NewToken {
  readonly name: string
  readonly principal: string
  readonly tenant: string
  readonly role: string
  readonly scope?: TokenScope | null | undefined
  readonly expiresAt: number | null
}

/** A token as it may be shown: never its secret. Times are RFC 3339. */
export interface TokenView {
  readonly id: string
  readonly name: string
  readonly principal: string
  readonly tenant: string
  readonly role: string
  /** Null narrows nothing. */
  readonly scope: TokenScope | null
  readonly createdAt: string
  readonly expiresAt: string | null
  /** Within a minute. */
  readonly lastUsedAt: string | null
  readonly revokedAt: string | null
  readonly rotatedAt: string | null
  /** Until when the text before is good, too. */
  readonly oldUntil: string | null
}

export interface Rotation {
  /** How long the old text is good beside the new one; 0 ends it at once. */
  readonly overlapMs: number
  /** Null leaves the end as it is. */
  readonly expiresAt: number | null
}

/** Gives, lists and takes back tokens, and the sessions of browsers that begin with them. */
export interface TokenAuthority {
  /** The text of the token is in this answer and nowhere else, ever. */
  create(wanted: NewToken, by?: string): Promise<{ readonly token: string; readonly view: TokenView } | Refusal>
  list(tenant: string): Promise<readonly TokenView[]>
  find(id: string, tenant: string): Promise<TokenView | Refusal>
  rotate(
    id: string,
    tenant: string,
    rotation: Rotation,
  ): Promise<{ readonly token: string; readonly view: TokenView } | Refusal>
  /** Refused when nobody could grant a role any more. */
  revoke(id: string, tenant: string, by?: string): Promise<TokenView | Refusal>
  /** A ticket that signs a browser in once, within ten minutes, as the same principal. */
  offer(
    holder: Pick<Identity, 'principal' | 'tenant' | 'tokenId'>,
  ): Promise<{ readonly ticket: string; readonly expiresAt: string } | Refusal>
  /** Ends the session that the caller came with, or all sessions and links of the principal; tells how many. */
  signOut(holder: Pick<Identity, 'principal' | 'tenant' | 'session'>, everywhere: boolean): Promise<number | Refusal>
}
