import { may, type Reach } from '../commands/permissions.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import { covers, everything, isNarrowed, matches, type Narrowing } from './narrowing.ts'
import type { Rights } from './rights.ts'

/** What a command would touch. */
export interface About {
  readonly action: string | null
  readonly subject: string | null
}

export interface RightAsked {
  readonly tenant: string
  readonly principal: string
  /** The role of the token it came with, or the one that the program around it names; null for one who asked before. */
  readonly role: string | null
  readonly permission: string
  /** `later` when that is not known yet; null for all of a tenant. */
  readonly about: About | 'later' | null
  /** The level of what would be approved. */
  readonly level?: number | undefined
  /** Whether it is the principal's own; not given while that is not known. */
  readonly isOwn?: boolean | undefined
  readonly now: number
}

export interface Allowed {
  readonly reach: 'any' | 'own'
  /** It holds for some actions, subjects or levels only. */
  readonly isNarrowed: boolean
  /** What gave the right, for the record: `grant 12 (operator)`, `role viewer`. */
  readonly by: string
  /** Of the rights that were looked at. */
  readonly version: number
}

interface Source extends Narrowing {
  readonly reach: Reach
  readonly by: string
}

/**
 * The one decision of who may do what: for commands over any channel, and for the worker in the name of whoever asked.
 * Deny by default. What a principal was granted decides; the role of its token narrows that and never widens it. Who was
 * never granted anything has the role of its token. Agents and workers keep to what their kind may, whatever they hold.
 */
export function decideRight(rights: Rights, asked: RightAsked): Allowed | Refusal {
  const { principal, role, permission, isOwn } = asked
  const ceiling = lesser(kindReach(principal, permission), role === null ? 'any' : may(role, permission))
  const [best] = sourcesOf(rights, asked)
    .flatMap((source): (Source & Pick<Allowed, 'reach'>)[] => {
      const reach = lesser(source.reach, ceiling)
      return reach === 'none' || (reach === 'own' && isOwn === false) ? [] : [{ ...source, reach }]
    })
    .sort((a, b) => width(b) - width(a))
  if (best === undefined) return deny(rights, asked)
  return { reach: best.reach, isNarrowed: isNarrowed(best), by: best.by, version: rights.version }
}

function sourcesOf(rights: Rights, { tenant, principal, role, permission, about, level, now }: RightAsked): Source[] {
  const holder = rights.holder(tenant, principal)
  if (holder.wasGranted) {
    return rights
      .grantsOf(tenant, principal)
      .filter((grant) => touches(grant, about, level))
      .map((grant) => ({
        ...grant,
        reach: rights.reach(tenant, grant.role, permission),
        by: `grant ${grant.id} (${grant.role})`,
      }))
  }
  if (role !== null) return [{ ...everything, reach: may(role, permission), by: `role ${role}` }]
  if (!holder.lostToken) return [{ ...everything, reach: 'any', by: 'as submitted' }]
  // It is cut off unless another token of it is good: expiry alone takes nothing back that was asked before.
  return holder.tokens
    .filter(({ expiresAt }) => expiresAt === null || expiresAt > now)
    .map((token) => ({ ...everything, reach: may(token.role, permission), by: `role ${token.role}` }))
}

/** Whether a grant is for this at all. */
export function touches(
  { actions, subjects, levelMax }: Narrowing,
  about: RightAsked['about'],
  level: number | undefined,
): boolean {
  if (level !== undefined && level > (levelMax ?? level)) return false
  if (about === 'later') return true
  return matches(actions, about?.action ?? null) && matches(subjects, about?.subject ?? null)
}

/** What a kind of principal may at most, whatever it holds. */
function kindReach(principal: string, permission: string): Reach {
  const kind = kindOf(principal)
  return kind === 'agent' || kind === 'worker' ? may(kind, permission) : 'any'
}

/** `human` of `human:alice`. */
export const kindOf = (principal: string): string => principal.slice(0, Math.max(0, principal.indexOf(':')))

const lesser = (a: Reach, b: Reach): Reach =>
  a === 'none' || b === 'none' ? 'none' : a === 'own' || b === 'own' ? 'own' : 'any'

/** Whatever needs no further look goes first. */
const width = (source: Source): number => (source.reach === 'any' ? 2 : 0) + (isNarrowed(source) ? 0 : 1)

function deny(rights: Rights, { tenant, principal, role, permission, about, level }: RightAsked): Refusal {
  const holder = rights.holder(tenant, principal)
  const held = holder.wasGranted
    ? rights.grantsOf(tenant, principal).map((grant) => `${grant.role}${isNarrowed(grant) ? ' (narrowed)' : ''}`)
    : role === null
      ? []
      : [role]
  const what =
    about === null || about === 'later' ? '' : ` for ${about.action ?? 'no action'} on ${about.subject ?? 'no subject'}`
  const holds = held.length === 0 ? 'nothing' : [...new Set(held)].join(', ')
  const by = holder.wasGranted && role !== null ? `, with a token of the role ${role}` : ''
  return refuse('not_permitted', `${principal} lacks ${permission}${what}: it holds ${holds} in ${tenant}${by}.`, {
    permission,
    principal,
    tenant,
    role,
    ...(about === null || about === 'later' ? {} : about),
    ...(level === undefined ? {} : { level }),
    rightsVersion: rights.version,
  })
}

/** Whether somebody may give this right to others: with at least this reach and all of this narrowing. */
export function mayHandOn(
  rights: Rights,
  by: Pick<RightAsked, 'tenant' | 'principal' | 'role' | 'now'>,
  right: { readonly permission: string; readonly reach: Reach; readonly narrowing: Narrowing },
): boolean {
  const { permission, reach, narrowing } = right
  const ceiling = lesser(kindReach(by.principal, permission), by.role === null ? 'any' : may(by.role, permission))
  return sourcesOf(rights, { ...by, permission, about: 'later' }).some(
    (source) => covers(source, narrowing) && lesser(lesser(source.reach, ceiling), reach) === reach,
  )
}

/**
 * Whether somebody who is not here may still do this, by what he was granted or by the tokens he has left. Null where no
 * right of his was ever changed: what he was let in with stands.
 */
export function mayStill(rights: Rights, asked: Omit<RightAsked, 'role'>): Allowed | Refusal | null {
  if (!rights.isInUse(asked.tenant)) return null
  const { wasGranted, lostToken } = rights.holder(asked.tenant, asked.principal)
  return wasGranted || lostToken ? decideRight(rights, { ...asked, role: null }) : null
}

/** What commits and workers ask: whether the requester still may have this done. Null where no right was ever changed. */
export function mayStillSubmit(
  rights: Rights,
  { tenant, requestedBy, action, subject }: { readonly tenant: string; readonly requestedBy: string } & About,
  now: number,
): Allowed | Refusal | null {
  const about = { action, subject }
  return mayStill(rights, { tenant, principal: requestedBy, permission: 'execution.submit', about, now })
}
