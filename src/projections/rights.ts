import { permissionsOfRole, type Reach, roles } from '../commands/permissions.ts'
import type { RightsChange } from '../rights/change.ts'
import { patternsOf } from '../rights/narrowing.ts'
import type { Rights } from '../rights/rights.ts'

export interface RoleView {
  readonly name: string
  readonly builtIn: boolean
  /** `:own` behind those that reach only what one asked for. */
  readonly permissions: readonly string[]
}

export interface GrantView {
  /** What `role revoke` takes. */
  readonly grant: number
  readonly principal: string
  readonly role: string
  readonly actions: readonly string[] | null
  readonly subjects: readonly string[] | null
  readonly levelMax: number | null
}

export interface RightsChangeView extends Omit<GrantView, 'grant' | 'principal'> {
  readonly version: number
  readonly kind: RightsChange['kind']
  readonly principal: string | null
  readonly permissions: readonly string[] | null
  readonly ref: string | null
  readonly by: string
  readonly reason: string
  readonly at: string
}

export function roleViews(rights: Rights, tenant: string): readonly RoleView[] {
  const builtIn = roles.map((name) => ({ name, builtIn: true, permissions: textsOf(permissionsOfRole(name)) }))
  const defined = [...rights.roles(tenant)].map(([name, held]) => ({
    name,
    builtIn: false,
    permissions: textsOf(held),
  }))
  return [...builtIn, ...defined]
}

export const grantViews = (rights: Rights, tenant: string): readonly GrantView[] =>
  [...rights.holders(tenant).values()]
    .flatMap(({ grants }) => grants)
    .map(({ id, principal, role, actions, subjects, levelMax }) => ({
      grant: id,
      principal,
      role,
      actions,
      subjects,
      levelMax,
    }))
    .sort((a, b) => a.grant - b.grant)

export function changeView(change: RightsChange): RightsChangeView {
  const { version, kind, principal, role, levelMax, ref, by, reason, at } = change
  return {
    version,
    kind,
    principal,
    role,
    actions: patternsOf(change.actions),
    subjects: patternsOf(change.subjects),
    levelMax,
    permissions: change.permissions === null ? null : change.permissions.split(' ').filter((name) => name !== ''),
    ref,
    by,
    reason,
    at: new Date(at).toISOString(),
  }
}

const textsOf = (held: ReadonlyMap<string, Reach>): string[] =>
  [...held].map(([name, reach]) => (reach === 'own' ? `${name}:own` : name))
