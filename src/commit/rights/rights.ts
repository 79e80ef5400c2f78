import { isRefusal, type Refusal, refuse } from '../../errors/refusal.ts'
import { rightsPrincipal } from '../../execution/decide-vote-lost.ts'
import type { RightsChange } from '../../rights/change.ts'
import { grantAt, lockedOut, refuseChange } from '../../rights/decide-change.ts'
import { type Allowed, mayStill, mayStillSubmit, type RightAsked } from '../../rights/decide-right.ts'
import type { Rights } from '../../rights/rights.ts'
import type { Changes } from '../../store/rows.ts'
import type { Token } from '../../store/sign-in.ts'
import type { Answer, OrderOf } from '../order.ts'
import type { Actor } from '../workset.ts'

/** The rights as they stand in one batch: an earlier order of it may have changed some. */
export class RightsBook {
  readonly #now: number
  readonly #changes: RightsChange[] = []
  #rights: Rights

  constructor(before: Rights, now: number) {
    this.#rights = before
    this.#now = now
  }

  get current(): Rights {
    return this.#rights
  }

  /** Whether the requester may have this done as of this batch; null where no right of his was ever changed. */
  mayStillSubmit(asked: Parameters<typeof mayStillSubmit>[1]): Allowed | Refusal | null {
    return mayStillSubmit(this.#rights, asked, this.#now)
  }

  /** Why somebody may not do this any more, as of this batch; null when nothing is in the way. */
  refuse(asked: Omit<RightAsked, 'role' | 'now'>): Refusal | null {
    const right = mayStill(this.#rights, { ...asked, now: this.#now })
    return isRefusal(right) ? right : null
  }

  /** The same of what was asked for before. */
  ofRequester(request: Parameters<typeof mayStillSubmit>[1]): Allowed | Refusal | null {
    const right = this.mayStillSubmit(request)
    return isRefusal(right) ? refuse('right_lost', right.reason, right.details) : right
  }

  change({ wanted, by, reason }: OrderOf<'rights'>): Answer<'rights'> {
    const { tenant, principal } = by
    const refusal = refuseChange(this.#rights, wanted, { ...by, now: this.#now })
    if (refusal !== null) return refusal
    const revoked = wanted.kind === 'revoke' ? grantAt(this.#rights, tenant, wanted.ref) : undefined
    const whose = revoked === undefined ? {} : { principal: revoked.principal, role: revoked.role }
    return this.#add({ ...wanted, ...whose, tenant, expiresAt: null, by: principal, reason })
  }

  /** A token brings its role with it; one that is revoked takes it away, one that expires does not. */
  tokenChanged(token: Token, by?: string): void {
    const change = this.#changeOf(token)
    if (change !== null) this.#add({ ...change, by: by ?? token.principal, reason: '' })
  }

  /** Revoking a token is as good as taking a grant back: somebody must be left who may give one. */
  refuseRevoked(token: Token): Refusal | null {
    const change = this.#changeOf({ ...token, revokedAt: this.#now })
    if (change === null) return null
    const before = this.#rights
    const told = { version: before.version + 1, at: this.#now, by: '', reason: '' }
    return lockedOut(before, before.after([{ ...change, ...told }]), token.tenant, this.#now)
  }

  /** What is new of a token, or null. */
  #changeOf(token: Token): Omit<RightsChange, 'version' | 'at' | 'by' | 'reason'> | null {
    const { id: ref, tenant, principal, role, expiresAt, revokedAt } = token
    const known = this.#rights.holder(tenant, principal).tokens.find(({ id }) => id === ref)
    const said = { ...nothingNarrowed, tenant, principal, role, ref }
    if (revokedAt !== null) return known === undefined ? null : { ...said, kind: 'token_revoked', expiresAt: null }
    return known !== undefined && known.expiresAt === expiresAt ? null : { ...said, kind: 'token', expiresAt }
  }

  changes(): Pick<Changes, 'rights'> {
    return { rights: this.#changes }
  }

  #add(wanted: Omit<RightsChange, 'version' | 'at'>): RightsChange {
    const change = { ...wanted, version: this.#rights.version + 1, at: this.#now }
    this.#rights = this.#rights.after([change])
    this.#changes.push(change)
    return change
  }
}

/** Who records that a right was not there. */
export const rightsActor: Actor = { principal: rightsPrincipal, worker: null }

const nothingNarrowed = { actions: null, subjects: null, levelMax: null, permissions: null } as const

/** What an event tells of the right that was found; nothing where none had to be looked for. */
export const toldOf = (
  right: Allowed | Refusal | null,
): { readonly grant: string; readonly rights: number } | undefined =>
  right === null || isRefusal(right) ? undefined : { grant: right.by, rights: right.version }
