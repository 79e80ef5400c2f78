import { type Refusal, refuse } from '../errors/refusal.ts'
import { loadExecutions } from './loading.ts'
import type { Answer, OrderOf } from './order.ts'
import { type Asking, ask } from './reads.ts'
import type { Workset } from './workset.ts'

/** Executions that one commit archives at most, so that a large archive holds up nobody. */
export const archivedAtOnce = 100
/** Executions that one commit looks at to find them. */
const lookedAt = 2_000

/** Archives the next part of what has ended before a time; `next` is where to go on, null when there is no more. */
export function* archivePart(work: Workset, order: OrderOf<'archive'>): Asking<Answer<'archive'>> {
  const { finishedBefore, states, tenant, after, dryRun, principal } = order
  const limit = Math.min(order.limit, archivedAtOnce)
  const { ids, next } = yield* ask('archivable', { finishedBefore, states, tenant, after, limit, lookedAt })
  // Whoever another order of this batch is about stays: it may be about to leave its end.
  const free = ids.filter((id) => !work.executions.has(id))
  if (dryRun || free.length === 0) return { count: free.length, next }
  yield* loadExecutions(work, free)
  for (const id of free) {
    const execution = work.executions.get(id)
    if (execution === undefined) continue
    work.note(execution, 'archived', { principal, worker: null }, {})
    work.archive.push({ id, at: work.now })
  }
  return { count: free.length, next }
}

/** Brings an execution back as it was; its event says who wanted it. */
export function* restoreOne(work: Workset, order: OrderOf<'restore'>): Asking<Answer<'restore'>> {
  const { id, tenant, principal } = order
  const [archived] = work.restore.includes(id) ? [] : yield* ask('archived', [id])
  if (archived === undefined || archived.tenant !== tenant) {
    return refuse('not_found', 'There is no archived execution of this id.')
  }
  if (archived.parts === null) return damaged()
  const { execution, request } = archived.parts
  work.executions.set(id, execution)
  work.requests.set(id, request)
  work.restore.push(id)
  return work.note(execution, 'restored', { principal, worker: null }, {})
}

export const damaged = (): Refusal =>
  refuse('archive_damaged', 'The archived document is not the one that was put away.')
