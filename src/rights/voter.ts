import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { decideRight, type RightAsked, touches } from './decide-right.ts'
import { groupPrefix, isGroup, type Rights } from './rights.ts'

export type Voting = Pick<RightAsked, 'tenant' | 'principal' | 'about' | 'level' | 'isOwn' | 'now'>

/**
 * Whether somebody may agree to this, and as a member of what, as the rights stand in the very commit that records it. What
 * he was granted decides, whatever his command says; where nothing of his rights was ever changed, the command does.
 */
export function asVoter(rights: Rights, voting: Voting, said: readonly string[]): readonly string[] | Refusal {
  const { wasGranted, lostToken } = rights.holder(voting.tenant, voting.principal)
  if (!wasGranted && !lostToken) return said
  const decided = decideRight(rights, { ...voting, role: null, permission: 'execution.approve' })
  if (isRefusal(decided)) return decided
  return groupsHeld(rights, voting) ?? said
}

/**
 * Whether somebody who has agreed may agree still, and as a member of one of `groups` where that is asked: whoever has lost
 * the right, the group or the level since then stands behind nothing any more.
 */
export function stillVotes(
  rights: Rights,
  voting: Voting,
  vote: { readonly groups: readonly string[] },
  groups: readonly string[],
): boolean {
  const held = asVoter(rights, voting, vote.groups)
  return !isRefusal(held) && (groups.length === 0 || groups.some((group) => held.includes(group)))
}

/** The groups that somebody is in, and the roles that he holds for this; null for whoever was never granted anything. */
export function groupsHeld(
  rights: Rights,
  { tenant, principal, about, level }: Pick<Voting, 'tenant' | 'principal' | 'about' | 'level'>,
): readonly string[] | null {
  const { wasGranted, grants } = rights.holder(tenant, principal)
  if (!wasGranted) return null
  const groups = grants.filter(({ role }) => isGroup(role)).map(({ role }) => role.slice(groupPrefix.length))
  const roles = rights.grantsOf(tenant, principal).filter((grant) => touches(grant, about, level))
  return [...new Set([...groups, ...roles.map(({ role }) => role)])]
}
