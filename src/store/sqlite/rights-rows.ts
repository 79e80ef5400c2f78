import type { RightsChange } from '../../rights/change.ts'
import type { Row } from './rows-of.ts'

export const rightsChangeOf = (row: Row): RightsChange => {
  const [
    version,
    tenant,
    kind,
    principal,
    role,
    actions,
    subjects,
    levelMax,
    permissions,
    ref,
    expiresAt,
    by,
    reason,
    at,
  ] = row
  const narrowing = { actions, subjects, levelMax }
  return {
    version,
    tenant,
    kind,
    principal,
    role,
    ...narrowing,
    permissions,
    ref,
    expiresAt,
    by,
    reason,
    at,
  } as RightsChange
}

/** The cells of a change, in the order of the columns. */
export const rightsCells = (change: RightsChange): (string | number | null)[] => [
  change.version,
  change.tenant,
  change.kind,
  change.principal,
  change.role,
  change.actions,
  change.subjects,
  change.levelMax,
  change.permissions,
  change.ref,
  change.expiresAt,
  change.by,
  change.reason,
  change.at,
]
