import type { Policy, PolicyAsk } from '../../policy/policy.ts'
import type { Row } from './rows-of.ts'

export const policyOf = (row: Row): Policy => {
  const [id, tenant, version, document, hash, kind, restored, by, reason, at, position] = row
  return { id, tenant, version, document, hash, kind, restored, by, reason, at, position } as Policy
}

/** The cells of a version, in the order of the columns. */
export const policyCells = (policy: Policy): (string | number | null)[] => [
  policy.id,
  policy.tenant,
  policy.version,
  policy.document,
  policy.hash,
  policy.kind,
  policy.restored,
  policy.by,
  policy.reason,
  policy.at,
  policy.position,
]

/** The statement that answers, with what it is asked. */
export function askPolicies(
  ask: PolicyAsk,
): ['newestPolicies' | 'policyAt' | 'policiesBelow', ...values: (string | number)[]] {
  if ('newestBehind' in ask) return ['newestPolicies', ask.newestBehind]
  return 'version' in ask ? ['policyAt', ask.tenant, ask.version] : ['policiesBelow', ask.tenant, ask.below, ask.limit]
}
