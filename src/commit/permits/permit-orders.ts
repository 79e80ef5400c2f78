import { refuse } from '../../errors/refusal.ts'
import { leaseLost, owns } from '../../execution/decide-run.ts'
import type { Execution } from '../../execution/execution.ts'
import { checkCapacity, checkOwnKey, freeSlot, keysMax } from '../../execution/permit.ts'
import type { Workers } from '../fleet/registry.ts'
import { loadExecutions } from '../loading.ts'
import { type Answer, type OrderOf, unknownWorker, type WorkAnswer } from '../order.ts'
import type { Asking } from '../reads.ts'
import type { Refusals } from '../refusals.ts'
import type { Workset } from '../workset.ts'
import { isHeldFor, type Permits } from './permits.ts'

/** A step takes or gives its permits. Asking again is how a step learns that its turn has come. */
export function* permitOne(
  work: Workset,
  order: OrderOf<'permit'>,
  permits: Permits,
  refusals: Refusals,
  workers: Workers,
): Asking<Answer<'permit'>> {
  if (workers.get(order.worker) === undefined) return unknownWorker(order.worker)
  const { id, command } = order
  yield* loadExecutions(work, [id])
  const execution = work.executions.get(id)
  if (execution === undefined) return refuse('not_found', 'There is no such execution.')
  if (!owns(execution, command.fence)) {
    const lost = leaseLost(execution, command.fence)
    refusals.record(work, execution, 'write_fenced', workers.actor(order.worker), {
      code: lost.code,
      command: command.type,
    })
    return lost
  }
  if (command.type === 'take_permits') return yield* takeForStep(work, execution, command, permits)
  for (const permit of yield* permits.rows.ofExecution(id)) if (permit.step === command.step) permits.drop(permit)
  for (const waiter of yield* permits.rows.waitsOf(id)) {
    if (waiter.step === command.step) permits.rows.unline(waiter)
  }
  yield* permits.handOn()
  return answerOf(execution)
}

/** In the one order of all keys. What is free is taken; at the first that is not, the step stands in line. */
function* takeForStep(
  work: Workset,
  execution: Execution,
  { fence, step, keys }: Extract<OrderOf<'permit'>['command'], { type: 'take_permits' }>,
  permits: Permits,
): Asking<Answer<'permit'>> {
  const { id, tenant, rank } = execution
  const asker = { execution: id, step }
  if (keys.length > keysMax) {
    return refuse('invalid_permits', `A step may need permits of ${keysMax} keys at most, not ${keys.length}.`)
  }
  for (const key of keys) {
    const refusal = checkOwnKey('A key', key)
    if (refusal !== null) return refusal
  }
  for (const key of [...new Set(keys)].sort(byCodeUnit)) {
    const held = yield* permits.rows.ofKey(tenant, key)
    const mine = held.find((one) => isHeldFor(asker, one))
    if (mine !== undefined) {
      if (mine.granted && mine.step === step) permits.rows.put({ ...mine, fence, granted: false, takenAt: work.now })
      continue
    }
    const slot = freeSlot(held, permits.capacityOf(tenant, key, 1))
    if (slot !== null) {
      permits.rows.put({ tenant, key, slot, execution: id, fence, step, takenAt: work.now, granted: false })
      continue
    }
    if (yield* permits.waitsForItself(asker, tenant, key)) {
      return refuse('permit_deadlock', `Whoever holds "${key}" waits, in the end, for this execution.`, { key })
    }
    const isInLine = (yield* permits.rows.waitsOf(id)).some((one) => one.key === key && one.step === step)
    if (!isInLine) yield* permits.rows.line({ tenant, key, rank, since: work.now, execution: id, fence, step })
    const before = (yield* permits.rows.waitersOf(tenant, key)).findIndex(
      (one) => one.execution === id && one.step === step,
    )
    return refuse(
      'permit_busy',
      `"${key}" is held by another step or execution; this step is number ${before + 1} in line.`,
      {
        key,
        place: before + 1,
      },
    )
  }
  return answerOf(execution)
}

const byCodeUnit = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

const answerOf = ({ state, n, attempt, availableAt, cancelledAt }: Execution): WorkAnswer => ({
  state,
  n,
  attempt,
  availableAt,
  cancelledAt,
})

export function* limitOne(work: Workset, order: OrderOf<'limit'>, permits: Permits): Asking<Answer<'limit'>> {
  const { tenant, key, capacity, by, reason } = order
  const refusal = capacity === null ? null : checkCapacity('A capacity', capacity)
  if (refusal !== null) return refusal
  const limit = capacity === null ? null : { tenant, key, capacity, by, reason, at: work.now }
  const before = yield* permits.limit(tenant, key, limit)
  return { changed: before?.capacity !== limit?.capacity }
}

/** Whoever held it keeps running, and is not told: an operator breaks a lock whose holder he knows to be stuck. */
export function* breakOne(work: Workset, order: OrderOf<'break'>, permits: Permits): Asking<Answer<'break'>> {
  const { tenant, key, principal, reason } = order
  const held = yield* permits.rows.ofKey(tenant, key)
  const broken = held.filter(({ execution }) => order.execution === null || execution === order.execution)
  if (broken.length === 0) return refuse('not_found', `Nobody holds a permit of "${key}".`)
  yield* loadExecutions(
    work,
    broken.map(({ execution }) => execution),
  )
  for (const permit of broken) {
    yield* permits.rows.ofExecution(permit.execution)
    permits.drop(permit)
    const execution = work.executions.get(permit.execution)
    const data = { key, slot: permit.slot, reason }
    if (execution !== undefined) work.note(execution, 'permit_broken', { principal, worker: null }, data)
  }
  yield* permits.handOn()
  return { broken: broken.map(({ execution }) => execution) }
}
