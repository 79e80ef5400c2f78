import { isRole } from '../commands/permissions.ts'
import { type Refusal, refuse } from '../errors/refusal.ts'
import { mayVote } from '../execution/approval.ts'
import { groupPrefix, type Rights } from '../rights/rights.ts'
import type { ApprovalRule, PolicyDocument } from './document.ts'

/**
 * Whether a document may come into force, as the rights stand in the very commit that would activate it: whoever must
 * agree has to exist, and there have to be enough of them. Null when nothing is in the way.
 */
export function refusePolicy({ approvals = [] }: PolicyDocument, rights: Rights, tenant: string): Refusal | null {
  for (const rule of approvals) {
    const refusal = refuseRule(rule, rights, tenant)
    if (refusal !== null) return refusal
  }
  return null
}

function refuseRule({ name, require }: ApprovalRule, rights: Rights, tenant: string): Refusal | null {
  const { groups = [], quorum = 1 } = require
  const isHeldByRole = (group: string): boolean => isRole(group) || rights.roles(tenant).has(group)
  for (const group of groups) {
    if (isHeldByRole(group) || membersOf(rights, tenant, [group]).size > 0) continue
    const reason = `The rule ${name} names ${JSON.stringify(group)}, which is no role and a group without members.`
    return refuse('unknown_group', reason, { rule: name, group })
  }
  // Who has a role by a token of tomorrow cannot be counted today; who is in a group can.
  if (groups.length === 0 || groups.some(isHeldByRole)) return null
  const members = membersOf(rights, tenant, groups).size
  if (quorum <= members) return null
  const reason = `The rule ${name} wants ${quorum} of ${groups.join(', ')} to agree, who are ${members}.`
  return refuse('impossible_quorum', reason, { rule: name, quorum, members, groups })
}

/** Who is in one of the groups and has a vote. */
function membersOf(rights: Rights, tenant: string, groups: readonly string[]): ReadonlySet<string> {
  const wanted = new Set(groups.map((group) => `${groupPrefix}${group}`))
  const members = [...rights.holders(tenant)].filter(
    ([principal, { grants }]) => mayVote(principal) && grants.some(({ role }) => wanted.has(role)),
  )
  return new Set(members.map(([principal]) => principal))
}
