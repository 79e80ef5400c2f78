import { isRole, may, type Reach } from '../commands/permissions.ts'
import type { RightsChange } from './change.ts'
import { type Narrowing, patternsOf } from './narrowing.ts'

export interface Grant extends Narrowing {
  /** Version of the change that gave it. */
  readonly id: number
  readonly principal: string
  readonly role: string
}

export interface HeldToken {
  readonly id: string
  readonly role: string
  readonly expiresAt: number | null
}

/** What is known of one principal. */
export interface Holder {
  /** It was granted something once: from then on its grants decide, also when none is left. */
  readonly wasGranted: boolean
  readonly grants: readonly Grant[]
  /** Those that were not revoked, expired ones included. */
  readonly tokens: readonly HeldToken[]
  /** One of its tokens was revoked. */
  readonly lostToken: boolean
}

const nobody: Holder = { wasGranted: false, grants: [], tokens: [], lostToken: false }

interface TenantRights {
  readonly holders: ReadonlyMap<string, Holder>
  /** Custom roles: their permissions, with how far each reaches. */
  readonly roles: ReadonlyMap<string, ReadonlyMap<string, Reach>>
  /** Somebody's right depends on more than the role he comes with. */
  readonly isInUse: boolean
}

const noRights: TenantRights = { holders: new Map(), roles: new Map(), isInUse: false }

export const groupPrefix = 'group:'
export const isGroup = (name: string): boolean => name.startsWith(groupPrefix)

/** Who may do what, as it stands after some change. Never altered: a change makes another one. */
export class Rights {
  /** Of the newest change; 0 before the first. */
  readonly version: number
  readonly #tenants: ReadonlyMap<string, TenantRights>

  private constructor(version: number, tenants: ReadonlyMap<string, TenantRights>) {
    this.version = version
    this.#tenants = tenants
  }

  static readonly none = new Rights(0, new Map())

  after(changes: readonly RightsChange[]): Rights {
    const last = changes.at(-1)
    if (last === undefined) return this
    const tenants = new Map(this.#tenants)
    const byTenant = Map.groupBy(changes, ({ tenant }) => tenant)
    for (const [tenant, own] of byTenant) tenants.set(tenant, fold(tenants.get(tenant) ?? noRights, own))
    return new Rights(last.version, tenants)
  }

  /** Whether anybody of this tenant has to be asked about at all. */
  isInUse(tenant: string): boolean {
    return this.#tenants.get(tenant)?.isInUse ?? false
  }

  holder(tenant: string, principal: string): Holder {
    return this.#tenants.get(tenant)?.holders.get(principal) ?? nobody
  }

  holders(tenant: string): ReadonlyMap<string, Holder> {
    return this.#tenants.get(tenant)?.holders ?? noRights.holders
  }

  roles(tenant: string): ReadonlyMap<string, ReadonlyMap<string, Reach>> {
    return this.#tenants.get(tenant)?.roles ?? noRights.roles
  }

  /** How far a role reaches. Whatever is not named is denied, unknown roles included. */
  reach(tenant: string, role: string, permission: string): Reach {
    if (isRole(role)) return may(role, permission)
    return this.#tenants.get(tenant)?.roles.get(role)?.get(permission) ?? 'none'
  }

  /** The grants of a principal and of the groups it is in. */
  grantsOf(tenant: string, principal: string): readonly Grant[] {
    return this.holder(tenant, principal).grants.flatMap((grant) =>
      isGroup(grant.role) ? this.holder(tenant, grant.role).grants : [grant],
    )
  }
}

function fold(before: TenantRights, changes: readonly RightsChange[]): TenantRights {
  const holders = new Map(before.holders)
  const roles = new Map(before.roles)
  let { isInUse } = before
  for (const change of changes) {
    if (change.kind === 'role') {
      const permissions = permissionsOf(change.permissions)
      if (permissions.size === 0) roles.delete(change.role)
      else roles.set(change.role, permissions)
    } else if (change.principal !== null) {
      const holder = holderAfter(holders.get(change.principal) ?? nobody, change, change.principal)
      holders.set(change.principal, holder)
      isInUse ||= holder.wasGranted || holder.lostToken
    }
  }
  return { holders, roles, isInUse }
}

function holderAfter(holder: Holder, change: RightsChange, principal: string): Holder {
  const { version, role, ref } = change
  switch (change.kind) {
    case 'grant': {
      const narrowing = {
        actions: patternsOf(change.actions),
        subjects: patternsOf(change.subjects),
        levelMax: change.levelMax,
      }
      return { ...holder, wasGranted: true, grants: [...holder.grants, { id: version, principal, role, ...narrowing }] }
    }
    case 'revoke':
      return { ...holder, grants: holder.grants.filter(({ id }) => String(id) !== ref) }
    case 'token': {
      const others = holder.tokens.filter(({ id }) => id !== ref)
      return { ...holder, tokens: [...others, { id: ref ?? '', role, expiresAt: change.expiresAt }] }
    }
    case 'token_revoked':
      return { ...holder, lostToken: true, tokens: holder.tokens.filter(({ id }) => id !== ref) }
    case 'role':
      return holder
  }
}

const ownSuffix = ':own'

export function permissionsOf(text: string | null): ReadonlyMap<string, Reach> {
  const each = (text ?? '').split(' ').filter((one) => one !== '')
  return new Map(each.map((one) => (one.endsWith(ownSuffix) ? [one.slice(0, -ownSuffix.length), 'own'] : [one, 'any'])))
}
