import { isPermission, isRole, may, permissionsOfRole, type Reach } from '../commands/permissions.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import type { RightsChange } from './change.ts'
import { decideRight, kindOf, mayHandOn } from './decide-right.ts'
import { everything, isNarrowed, isPattern, type Narrowing, patternsOf } from './narrowing.ts'
import { type Grant, isGroup, permissionsOf, type Rights } from './rights.ts'

/** Who changes a right, and with the role of which token. */
export interface ChangedBy {
  readonly tenant: string
  readonly principal: string
  readonly role: string
  readonly now: number
}

export type WantedChange = Pick<
  RightsChange,
  'kind' | 'principal' | 'role' | 'actions' | 'subjects' | 'levelMax' | 'permissions' | 'ref'
>

const principalShape = /^(?:human|service|agent|worker|group):[\w.@-]{1,100}$/
const roleShape = /^[a-z][a-z0-9_-]{1,39}$/
const grantsMax = 100

/** Whether a right may be changed so, by whom: null when nothing is in the way. */
export function refuseChange(rights: Rights, wanted: WantedChange, by: ChangedBy): Refusal | null {
  const refusal =
    wanted.kind === 'grant'
      ? refuseGrant(rights, wanted, by)
      : wanted.kind === 'revoke'
        ? refuseRevoke(rights, wanted, by)
        : refuseRole(wanted, rights, by)
  return refusal ?? refuseLockOut(rights, wanted, by)
}

function refuseGrant(rights: Rights, wanted: WantedChange, by: ChangedBy): Refusal | null {
  const { principal, role } = wanted
  if (principal === null || !principalShape.test(principal)) {
    return refuse('invalid_input', 'A grant names human:, service:, agent:, worker: or group: and a name.', {
      principal,
    })
  }
  const narrowing = narrowingOf(wanted)
  const pattern = [...(narrowing.actions ?? []), ...(narrowing.subjects ?? [])].find((each) => !isPattern(each))
  if (pattern !== undefined) return refuse('invalid_pattern', `${JSON.stringify(pattern)} is no pattern.`, { pattern })
  if (rights.holder(by.tenant, principal).grants.length >= grantsMax) {
    return refuse('invalid_input', `One principal holds ${grantsMax} grants at most.`, { principal })
  }
  return isGroup(role)
    ? refuseMember(rights, principal, role, narrowing, by)
    : refuseHolder(rights, wanted, narrowing, by)
}

function refuseMember(
  rights: Rights,
  principal: string,
  group: string,
  narrowing: Narrowing,
  by: ChangedBy,
): Refusal | null {
  if (!principalShape.test(group)) return refuse('unknown_role', `${group} is no name of a group.`)
  const kind = kindOf(principal)
  if (kind === 'group') return refuse('invalid_input', 'A group is no member of another.', { principal, group })
  if (kind === 'agent' || kind === 'worker') {
    return refuse('grant_exceeds_kind', `${principal} joins no group: what groups hold is for people and services.`)
  }
  if (isNarrowed(narrowing)) return refuse('invalid_input', 'Membership is not narrowed; narrow what the group holds.')
  return refuseMore(rights, rights.holder(by.tenant, group).grants, by)
}

function refuseHolder(
  rights: Rights,
  { principal, role }: WantedChange,
  narrowing: Narrowing,
  by: ChangedBy,
): Refusal | null {
  const held = heldBy(rights, by.tenant, role)
  if (held === undefined) return refuse('unknown_role', `There is no role ${role}.`, { role })
  const kind = kindOf(principal ?? '')
  if (kind === 'agent' || kind === 'worker') {
    const beyond = [...held].find(([permission, reach]) => !isWithin(reach, may(kind, permission)))
    if (beyond !== undefined) {
      return refuse('grant_exceeds_kind', `The role ${role} holds ${beyond[0]}, which is beyond every ${kind}.`, {
        principal,
        role,
        permission: beyond[0],
      })
    }
  }
  return refuseMore(rights, [{ id: 0, principal: principal ?? '', role, ...narrowing }], by)
}

function refuseRevoke(rights: Rights, { ref }: WantedChange, by: ChangedBy): Refusal | null {
  const grant = grantAt(rights, by.tenant, ref)
  if (grant === undefined) return refuse('not_found', `There is no grant ${ref} in force.`)
  return refuseMore(rights, isGroup(grant.role) ? rights.holder(by.tenant, grant.role).grants : [grant], by)
}

export function grantAt(rights: Rights, tenant: string, ref: string | null): Grant | undefined {
  for (const { grants } of rights.holders(tenant).values()) {
    const found = grants.find(({ id }) => String(id) === ref)
    if (found !== undefined) return found
  }
  return undefined
}

function refuseRole({ role, permissions }: WantedChange, rights: Rights, by: ChangedBy): Refusal | null {
  if (!roleShape.test(role) || isRole(role)) {
    return refuse(
      'invalid_input',
      `${role} cannot be defined: a name has 2 to 40 of a-z, 0-9, _ and -, and is not built in.`,
    )
  }
  const wanted = permissionsOf(permissions)
  const unknown = [...wanted.keys()].find((name) => !isPermission(name))
  if (unknown !== undefined)
    return refuse('unknown_permission', `There is no permission ${unknown}.`, { role, unknown })
  if (wanted.size === 0 && !rights.roles(by.tenant).has(role))
    return refuse('unknown_role', `There is no role ${role}.`)
  const lacking = lackingOf(rights, wanted, everything, by)
  return lacking === undefined ? null : exceeds(lacking, by)
}

/** Nobody hands on, or takes away, what he does not hold. */
function refuseMore(rights: Rights, grants: readonly Grant[], by: ChangedBy): Refusal | null {
  for (const grant of grants) {
    const held = heldBy(rights, by.tenant, grant.role)
    const lacking = held === undefined ? undefined : lackingOf(rights, held, grant, by)
    if (lacking !== undefined) return exceeds(lacking, by)
  }
  return null
}

const lackingOf = (
  rights: Rights,
  held: ReadonlyMap<string, Reach>,
  narrowing: Narrowing,
  by: ChangedBy,
): string | undefined =>
  [...held].find(([permission, reach]) => !mayHandOn(rights, by, { permission, reach, narrowing }))?.[0]

const exceeds = (permission: string, { principal }: ChangedBy): Refusal =>
  refuse(
    'grant_exceeds_own',
    `${principal} does not hold ${permission} that far, so it is not theirs to give or take.`,
    {
      permission,
    },
  )

function heldBy(rights: Rights, tenant: string, role: string): ReadonlyMap<string, Reach> | undefined {
  return isRole(role) ? permissionsOfRole(role) : rights.roles(tenant).get(role)
}

function refuseLockOut(rights: Rights, wanted: WantedChange, by: ChangedBy): Refusal | null {
  const told = { ...unsaid, tenant: by.tenant, by: by.principal, at: by.now, version: rights.version + 1 }
  const principal = wanted.principal ?? grantAt(rights, by.tenant, wanted.ref)?.principal ?? null
  return lockedOut(rights, rights.after([{ ...told, ...wanted, principal }]), by.tenant, by.now)
}

const unsaid = { expiresAt: null, reason: '' } as const

/** Refuses what would leave nobody who may grant a role, where somebody could until then. */
export function lockedOut(before: Rights, after: Rights, tenant: string, now: number): Refusal | null {
  return hasAdmin(before, tenant, now) && !hasAdmin(after, tenant, now)
    ? refuse('last_admin', `Nobody in ${tenant} could grant a role any more.`, { tenant })
    : null
}

/** Somebody who may grant everything that there is, and who can sign in where people do that by tokens. */
function hasAdmin(rights: Rights, tenant: string, now: number): boolean {
  const permission = 'role.grant'
  for (const [principal, { tokens }] of rights.holders(tenant)) {
    const kind = kindOf(principal)
    if (kind !== 'human' && kind !== 'service') continue
    for (const { role, expiresAt } of tokens) {
      if (expiresAt !== null && expiresAt <= now) continue
      const allowed = decideRight(rights, { tenant, principal, role, permission, about: null, now })
      if ('reach' in allowed && allowed.reach === 'any' && !allowed.isNarrowed) return true
    }
  }
  return false
}

const isWithin = (reach: Reach, most: Reach): boolean => most === 'any' || reach === 'none' || reach === most

function narrowingOf({ actions, subjects, levelMax }: WantedChange): Narrowing {
  return { actions: patternsOf(actions), subjects: patternsOf(subjects), levelMax }
}
