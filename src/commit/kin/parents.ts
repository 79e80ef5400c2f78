import type { Refusal } from '../../errors/refusal.ts'
import { refuseChild } from '../../execution/decide-child.ts'
import type { Admission } from '../order.ts'
import type { Workset } from '../workset.ts'

/** Whether an admission that names a parent may be its child. */
export function refuseAsChild(work: Workset, { parentId, depth, tenant }: Admission): Refusal | null {
  if (parentId === null) return null
  const parent = work.executions.get(parentId)
  const held = work.quarantine.refusalOf(parentId, tenant)
  if (held !== null) return held
  if (parent === undefined || parent.tenant !== tenant) throw new Error(`the parent ${parentId} was not loaded`)
  return refuseChild(parent, depth, work.kin.childCounts.get(parentId) ?? 0)
}
