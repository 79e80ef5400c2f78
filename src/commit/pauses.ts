import { pauseKey } from '../claim/select.ts'
import type { Pause } from '../store/rows.ts'
import type { Answer, OrderOf } from './order.ts'
import { type Asking, ask } from './reads.ts'
import type { Workset } from './workset.ts'

/** The pauses as they stand in this batch: earlier orders of it may have set or lifted some. */
export function* activePauses(work: Workset): Asking<readonly Pause[]> {
  const { add, remove } = work.pauses
  const stored = yield* ask('pauses')
  if (add.length + remove.length === 0) return stored
  // By what they pause: a store makes its rows anew for every question.
  const lifted = new Set(remove.map(pauseKey))
  return [...stored.filter((pause) => !lifted.has(pauseKey(pause))), ...add]
}

export function* pauseOne(work: Workset, order: OrderOf<'pause'>): Asking<Answer<'pause'>> {
  const key = pauseKey(order.pause)
  const existing = (yield* activePauses(work)).find((pause) => pauseKey(pause) === key)
  if (order.on) {
    if (existing === undefined) work.pauses.add.push({ ...order.pause, at: work.now })
    return { changed: existing === undefined }
  }
  if (existing === undefined) return { changed: false }
  const added = work.pauses.add.indexOf(existing)
  if (added >= 0) work.pauses.add.splice(added, 1)
  else work.pauses.remove.push(existing)
  for (const parked of yield* ask('parked', key, Number.MAX_SAFE_INTEGER)) {
    // What an earlier order of this batch has ended or moved stands elsewhere already.
    if (!work.parkedRemove.has(parked.id)) work.unpark(parked)
  }
  for (const parked of work.parkedAdd.values()) if (parked.key === key) work.unpark(parked)
  return { changed: true }
}
