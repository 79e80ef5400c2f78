/** One change of who may do what, as it is kept for ever. What is in force follows from all of them, in their order. */
export interface RightsChange {
  /** Counts all changes of all tenants, from 1. */
  readonly version: number
  readonly tenant: string
  /**
   * `grant` gives a role, `revoke` takes a grant back, `role` says what a role holds from now on, `token` tells of a new
   * token and the role it carries, `token_revoked` of its end before its time.
   */
  readonly kind: (typeof changeKinds)[number]
  /** Whose right it is; null where a role is defined. */
  readonly principal: string | null
  readonly role: string
  /** Of a grant: the patterns of actions and of subjects it is narrowed to, joined by a blank; null is every one. */
  readonly actions: string | null
  readonly subjects: string | null
  /** Of a grant: the highest approval level it may approve; null is every one. */
  readonly levelMax: number | null
  /** Of a role: its permissions joined by a blank, `:own` behind those that reach only one's own; none takes it away. */
  readonly permissions: string | null
  /** What is taken back: the version of the grant, or the id of the token. */
  readonly ref: string | null
  /** Of a token. */
  readonly expiresAt: number | null
  readonly by: string
  readonly reason: string
  readonly at: number
}

export const changeKinds = ['grant', 'revoke', 'role', 'token', 'token_revoked'] as const
