import type { Request } from '../../execution/execution.ts'
import { type Needs, readNeeds } from '../../execution/permit.ts'
import { UndecodableRows } from '../../store/quarantine.ts'

const none: Needs = { permits: [], rate: null, holdMs: 0 }

/** What every run of a request needs; a text that was read is remembered. @throws UndecodableRows */
export function needsOf({ id, tenant, permits }: Request, known?: Map<string, Needs>): Needs {
  if (permits === null) return none
  const before = known?.get(permits)
  if (before !== undefined) return before
  const needs = readOrNull(permits)
  if (needs === null) {
    const reason = 'its permits are not in the form that this version knows'
    throw new UndecodableRows([{ place: 'requests', row: String(id), execution: id, tenant, reason }])
  }
  known?.set(permits, needs)
  return needs
}

function readOrNull(text: string): Needs | null {
  try {
    const needs = readNeeds(text)
    const isRead = Array.isArray(needs.permits) && typeof needs.holdMs === 'number' && needs.rate !== undefined
    return isRead ? needs : null
  } catch {
    return null
  }
}
