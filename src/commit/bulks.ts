import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Command } from '../execution/command.ts'
import type { Bulk, BulkItem } from '../store/rows.ts'
import type { Admitting } from './admission.ts'
import { loadWholePlans } from './approvals/plans.ts'
import { commandOne } from './commands.ts'
import type { Workers } from './fleet/registry.ts'
import { loadEffects, loadExecutions, loadRequests } from './loading.ts'
import type { Admission, Answer, OrderOf } from './order.ts'
import { type Asking, ask } from './reads.ts'
import { rerunOne } from './rerun.ts'
import type { Workset } from './workset.ts'

/** Commands on many executions, as they stand in this batch: each sees them as the order before left them. */
export class Bulks {
  readonly #rows = new Map<number, Bulk>()
  readonly #items = new Map<string, BulkItem>()
  #next: number | null = null

  save(bulk: Bulk): Bulk {
    this.#rows.set(bulk.key, bulk)
    return bulk
  }

  *find(key: number): Asking<Bulk | null> {
    return this.#rows.get(key) ?? (yield* ask('bulk', key))
  }

  *nextKey(): Asking<number> {
    this.#next ??= yield* ask('nextBulk')
    return this.#next++
  }

  set(item: BulkItem): void {
    this.#items.set(`${item.bulk} ${item.execution}`, item)
  }

  isDone(bulk: number, execution: number): boolean {
    return typeof this.#items.get(`${bulk} ${execution}`)?.outcome === 'string'
  }

  changes(): { readonly bulks: readonly Bulk[]; readonly bulkItems: readonly BulkItem[] } {
    return { bulks: [...this.#rows.values()], bulkItems: [...this.#items.values()] }
  }
}

export function* openBulk(work: Workset, bulks: Bulks, { bulk }: OrderOf<'bulk_open'>): Asking<Bulk> {
  const key = yield* bulks.nextKey()
  const none = { total: 0, done: 0, refused: 0, createdAt: work.now, finishedAt: null }
  return bulks.save({ ...bulk, key, state: 'collecting', ...none })
}

/** The snapshot comes in parts; with the last one the work begins, and nothing is added to it any more. */
export function* fillBulk(
  work: Workset,
  bulks: Bulks,
  { key, executions, isLast }: OrderOf<'bulk_fill'>,
): Asking<Answer<'bulk_fill'>> {
  const bulk = yield* bulks.find(key)
  if (bulk === null) return unknownBulk(key)
  if (bulk.state !== 'collecting') return bulk
  for (const execution of executions) bulks.set({ bulk: key, execution, outcome: null })
  const total = bulk.total + executions.length
  if (!isLast) return bulks.save({ ...bulk, total })
  const isOver = total === 0
  return bulks.save({ ...bulk, total, state: isOver ? 'done' : 'running', finishedAt: isOver ? work.now : null })
}

export function* cancelBulk(
  work: Workset,
  bulks: Bulks,
  { key, tenant }: OrderOf<'bulk_cancel'>,
): Asking<Answer<'bulk_cancel'>> {
  const bulk = yield* bulks.find(key)
  if (bulk === null || bulk.tenant !== tenant) return unknownBulk(key)
  if (bulk.state === 'done' || bulk.state === 'canceled') return bulk
  return bulks.save({ ...bulk, state: 'canceled', finishedAt: work.now })
}

/** Does the next part: each item is decided as if it were commanded alone, and its outcome stands in the same commit. */
export function* workBulk(
  work: Workset,
  bulks: Bulks,
  order: OrderOf<'bulk_work'>,
  admitting: Admitting,
  workers: Workers,
): Asking<Answer<'bulk_work'>> {
  const bulk = yield* bulks.find(order.key)
  if (bulk === null) return unknownBulk(order.key)
  if (bulk.state !== 'running') return bulk
  const stored = yield* ask('bulkItems', order.key, order.limit)
  const open = stored.filter((id) => !bulks.isDone(order.key, id))
  const admissions = new Map(order.admissions)
  yield* loadExecutions(work, open)
  if (bulk.command === 'rerun') yield* loadRequests(work, open)
  yield* loadEffects(
    work,
    open.filter((id) => !work.effects.has(id) && (work.executions.get(id)?.openEffects ?? 0) > 0),
  )
  // A redrive begins the failed targets of a plan anew, and plans first what nobody has planned yet.
  if (bulk.command === 'redrive') yield* loadWholePlans(work, open)
  let done = 0
  let refused = 0
  // Hours may lie behind the command: whoever gave it must still be somebody who may.
  const { tenant, by: principal, command } = bulk
  const barred = work.rights.refuse({ tenant, principal, permission: `execution.${command}`, about: null })
  for (const id of open) {
    const admission = admissions.get(id)
    // What was not asked about when the order was made waits for the next one, and so does what was asked too early.
    if (bulk.command === 'rerun' && (admission === undefined || isOutdated(work, admission))) continue
    const answer =
      barred ?? (isRefusal(admission) ? admission : commandItem(work, bulk, id, admission, admitting, workers))
    if (isRefusal(answer)) refused += 1
    else done += 1
    bulks.set({ bulk: order.key, execution: id, outcome: isRefusal(answer) ? answer.code : 'done' })
  }
  const is = { ...bulk, done: bulk.done + done, refused: bulk.refused + refused }
  const isOver = is.done + is.refused >= is.total
  return bulks.save(isOver ? { ...is, state: 'done', finishedAt: work.now } : is)
}

const isOutdated = (work: Workset, admission: Admission | Refusal): boolean =>
  !isRefusal(admission) && work.policies.refuseReplaced(admission) !== null

function commandItem(
  work: Workset,
  bulk: Bulk,
  id: number,
  admission: Extract<OrderOf<'bulk_work'>['admissions'][number][1], { tenant: string }> | undefined,
  admitting: Admitting,
  workers: Workers,
): object | Refusal {
  const { command, reason, by, tenant } = bulk
  if (admission !== undefined) return rerunOne(work, { kind: 'rerun', id, reason, admission }, admitting)
  const order = { id, tenant, command: commandOf(command, reason) }
  return commandOne(work, order, { principal: by, worker: null }, admitting.refusals, workers)
}

function commandOf(command: Bulk['command'], reason: string | null): Command {
  if (command === 'cancel') return { type: 'cancel', reason }
  return command === 'retry' ? { type: 'retry' } : { type: 'redrive', reason: reason ?? '' }
}

const unknownBulk = (key: number): Refusal => refuse('not_found', `There is no bulk command ${key}.`)
