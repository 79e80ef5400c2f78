/** Codes of the one table in `codes.ts`: what tenants have laid down, and how that is changed. */
export const policyCodes = {
  invalid_policy: {
    http: 422,
    exit: 2,
    why: 'The document is no policy: something in it cannot be meant.',
    next: 'Correct the named place; docs/explain/policy.md lists what a policy may say.',
  },
  unknown_group: {
    http: 422,
    exit: 2,
    why: 'A rule asks for the votes of a group that has no members, or of a role that does not exist.',
    next: 'Put somebody into the group with `pawl role grant <principal> group:<name>`, or correct the name.',
  },
  impossible_quorum: {
    http: 422,
    exit: 2,
    why: 'A rule asks for more votes than its groups have members who can vote.',
    next: 'Lower the quorum, name a further group, or put more people into the groups.',
  },
  policy_conflict: {
    http: 409,
    exit: 6,
    why: 'Rules that fit the same execution, or a rule and the action, name groups that have nobody in common.',
    next: 'Narrow one of the rules with `when`, or let them share a group: `pawl policy get` shows them.',
  },
  policy_moved: {
    http: 412,
    exit: 5,
    why: 'Another version of the policy is in force than the one that was read.',
    next: 'Read it again with `pawl policy get`, compare with `pawl policy diff`, and decide anew.',
  },
  policy_replaced: {
    http: 409,
    exit: 5,
    why: 'The policy was replaced while the request was on its way, so that it was not admitted under the old one.',
    next: 'Submit it again: it is checked under the policy that is in force now.',
  },
} as const
