import { isRefusal, refuse } from '../../errors/refusal.ts'
import type { Command } from '../../execution/command.ts'
import { decide } from '../../execution/decide.ts'
import { isDueWork } from '../../execution/execution.ts'
import type { Timer } from '../../store/rows.ts'
import { resumeByPolicy } from '../approvals/approvals.ts'
import { around } from '../commands.ts'
import { fireCascade } from '../kin/children.ts'
import { loadEffects, loadExecutions } from '../loading.ts'
import { type Answer, type OrderOf, unknownWorker } from '../order.ts'
import type { Unpausing } from '../pauses/unpausing.ts'
import type { Permits } from '../permits/permits.ts'
import { type Asking, ask } from '../reads.ts'
import type { Refusals } from '../refusals.ts'
import type { Deadlines } from '../timers/deadlines.ts'
import type { Actor, Workset } from '../workset.ts'
import { isCellOf, type Workers } from './registry.ts'

/** Timers and lost leases handled in one commit, so that a flood of them does not hold up everything else. */
const dueMax = 500

const system = (name: string): Actor => ({ principal: `system:${name}`, worker: null })

interface Loss {
  readonly cause: 'sweep' | 'exit' | 'restart'
  readonly poisonLosses?: number | undefined
}

function loseLease(work: Workset, id: number, { cause, poisonLosses }: Loss, workers: Workers): boolean {
  const execution = work.executions.get(id)
  if (execution === undefined) return false
  const isApart = execution.worker !== null && workers.get(execution.worker)?.isolates === true
  const command = { type: 'lease_expired' as const, cause, isApart, poisonLosses }
  const actor = system('recovery')
  const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
  return !isRefusal(decision) && work.apply(execution, decision, actor) !== execution
}

/** The process behind a worker is proven dead: whatever it held is lost now. */
export function* goneOne(work: Workset, order: OrderOf<'gone'>, workers: Workers): Asking<Answer<'gone'>> {
  const worker = workers.get(order.worker)
  if (worker === undefined) return unknownWorker(order.worker)
  if (order.by !== undefined && !isCellOf(worker, workers.get(order.by))) {
    return refuse('not_permitted', `Worker ${order.by} did not start the process of worker ${order.worker}.`)
  }
  if (worker.goneAt === null) workers.change({ ...worker, goneAt: work.now, goneProof: order.proof })
  const recovered: number[] = []
  for (let after = 0; ; ) {
    const ids = yield* ask('heldBy', order.worker, after, dueMax)
    yield* loadWithLedger(work, ids)
    for (const id of ids) if (loseLease(work, id, order, workers)) recovered.push(id)
    const last = ids.at(-1)
    if (last === undefined || ids.length < dueMax) break
    after = last
  }
  yield* wakeDoubting(work, order.worker, workers)
  return { recovered }
}

/** Executions that wait for a person only because this process was not proven dead yet. */
function* wakeDoubting(work: Workset, worker: number, workers: Workers): Asking<void> {
  for (let after = 0; ; ) {
    const ids = yield* ask('doubtedBy', worker, after, dueMax)
    yield* loadWithLedger(work, ids)
    for (const id of ids) {
      const execution = work.executions.get(id)
      if (execution === undefined) continue
      const command = { type: 'process_gone' as const }
      const actor = system('recovery')
      const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
      if (!isRefusal(decision)) work.apply(execution, decision, actor)
    }
    const last = ids.at(-1)
    if (last === undefined || ids.length < dueMax) return
    after = last
  }
}

export function* sweep(work: Workset, workers: Workers, order: OrderOf<'sweep'>): Asking<Answer<'sweep'>> {
  const ids = yield* expired(work, Math.min(order.now ?? work.now, work.now))
  yield* loadWithLedger(work, ids)
  return {
    recovered: ids.filter((id) => loseLease(work, id, { cause: 'sweep', poisonLosses: order.poisonLosses }, workers)),
    more: ids.length === dueMax,
  }
}

/** The next to be ended. A page of nothing but what is held back must not hide those behind it. */
function* expired(work: Workset, now: number): Asking<readonly number[]> {
  for (let after = 0; ; ) {
    const ids = yield* ask('expiredLeases', now, after, dueMax)
    const last = ids.at(-1)
    if (last === undefined || ids.length < dueMax || !ids.every((id) => work.quarantine.holds(id))) return ids
    after = last
  }
}

function* loadWithLedger(work: Workset, ids: readonly number[]): Asking<void> {
  yield* loadExecutions(work, ids)
  const ledger = ids.filter((id) => !work.effects.has(id) && (work.executions.get(id)?.openEffects ?? 0) > 0)
  yield* loadEffects(work, ledger)
}

/** Rings what is due. What a release holds is no execution. */
export function* fireTimers(
  work: Workset,
  workers: Workers,
  permits: Permits,
  deadlines: Deadlines,
  unpausing: Unpausing,
  refusals: Refusals,
): Asking<void> {
  const timers = yield* ask('dueTimers', work.now, dueMax)
  yield* loadWithLedger(
    work,
    timers.flatMap(({ kind, id }) => (kind === 'release' ? [] : [id])),
  )
  for (const timer of timers) {
    work.removeTimer(timer)
    if (timer.kind === 'cascade') fireCascade(work, timer.id)
    else if (timer.kind === 'hold') yield* permits.holdOver(timer.id, timer.at)
    else if (timer.kind === 'release') yield* unpausing.goOn(timer.id)
    else if (timer.kind === 'available' || timer.kind === 'wake') fire(work, timer, workers)
  }
  const woken = timers.filter(({ kind, id, at }) => kind === 'wake' && work.executions.get(id)?.availableAt === at)
  const gated = woken.map(({ id }) => id)
  if (gated.length > 0) yield* resumeByPolicy(work, gated, refusals, workers)
  if (timers.some(({ kind }) => kind === 'rate')) yield* permits.wakeRates()
  yield* deadlines.fire(timers.filter(({ kind }) => kind === 'deadline'))
}

function fire(work: Workset, timer: Timer, workers: Workers): void {
  const execution = work.executions.get(timer.id)
  if (execution === undefined) return
  if (timer.kind === 'available') {
    if (isDueWork(execution) && execution.availableAt === timer.at) work.addReady(execution)
    return
  }
  if (execution.availableAt !== timer.at) return
  const command: Command = { type: 'wake', reason: 'timer' }
  const actor = system('timer')
  const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
  if (!isRefusal(decision)) work.apply(execution, decision, actor)
}
