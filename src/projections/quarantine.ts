import type { Quarantined } from '../store/quarantine.ts'
import { type Naming, timeText } from './view.ts'

/** Rows of a tenant, and those of none, that nobody could read. */
export const ofTenant = (rows: readonly Quarantined[], tenant: string): readonly Quarantined[] =>
  rows.filter((row) => row.tenant === null || row.tenant === tenant)

export type QuarantinedView = ReturnType<typeof quarantinedView>

export const quarantinedView = ({ key, place, row, execution, reason, at }: Quarantined, naming: Naming) => ({
  key,
  table: place,
  row,
  executionId: execution === null ? null : naming.idOf(execution),
  reason,
  at: timeText(at),
})
