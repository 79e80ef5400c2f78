import type { SignIn } from '../../store/sign-in.ts'

/** `use`: it was used at that time · `rotate`: a new secret, beside which the old one is good for `overlapMs`. */
export type TokenChange =
  | { readonly type: 'revoke' }
  /** It ends before its time, and takes no right: another one follows. */
  | { readonly type: 'retire' }
  | { readonly type: 'use'; readonly at: number }
  | {
      readonly type: 'rotate'
      readonly hash: string
      readonly overlapMs: number
      /** Null leaves the end as it is. */
      readonly expiresAt: number | null
    }

/** Links and sessions by the hash of what the browser holds. */
export type SignInChange =
  | {
      readonly type: 'offer'
      readonly link: Pick<SignIn, 'hash' | 'token' | 'tenant' | 'principal'>
      readonly forMs: number
    }
  /** A link begins a session, once. */
  | { readonly type: 'begin'; readonly link: string; readonly session: string; readonly forMs: number }
  | { readonly type: 'use'; readonly session: string; readonly at: number }
  /** The named ones, or all of a principal, links that nobody has used yet included. */
  | { readonly type: 'end'; readonly everywhere: false; readonly sessions: readonly string[] }
  | { readonly type: 'end'; readonly everywhere: true; readonly tenant: string; readonly principal: string }
