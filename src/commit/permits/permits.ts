import { pauseKey, pauseLine, pauseOver, type StandingPause } from '../../claim/select.ts'
import type { Execution, Request } from '../../execution/execution.ts'
import { freeSlot, type Needs, type Permit, scopeOf, spend } from '../../execution/permit.ts'
import { lockKey, rateKey, readLockKey } from '../../store/place.ts'
import type { Limit, Parked, Ready } from '../../store/rows.ts'
import { Lines, type Passes } from '../due/line.ts'
import { loadExecutions, loadRequests } from '../loading.ts'
import type { Memory } from '../memory.ts'
import type { Grant } from '../order.ts'
import { activePauses } from '../pauses/pauses.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'
import { needsOf } from './needs.ts'
import { PermitRows } from './permit-rows.ts'

/** Who asks for a permit: the whole run, or one step of it. */
export interface Asker {
  readonly execution: number
  readonly step: string | null
}

/** Rates that are looked after in one commit. */
const ratesMax = 500

/**
 * Who holds which permit, and who gets the next one. A slot that becomes free is handed on in the same transaction to the
 * first in line, so a free slot means that nobody waits for it, and work that comes later can never overtake.
 */
export class Permits {
  readonly rows: PermitRows
  /** Whose steps were given what they stood in line for: to be told once the commit is durable. */
  readonly granted: (Grant & { readonly worker: number })[] = []
  readonly #memory: Memory
  readonly #work: Workset
  readonly #lines: Lines
  readonly #limits = new Map<string, Limit | null>()
  /** Keys with slots that were freed and not handed on yet. */
  readonly #freed = new Map<string, { readonly tenant: string; readonly key: string }>()

  constructor(memory: Memory, work: Workset, passes: Passes) {
    this.#memory = memory
    this.#work = work
    this.rows = new PermitRows(work)
    this.#lines = new Lines(work, passes)
  }

  /** Whether an execution may have permits, or stand in line for one. */
  isHolder(id: number): boolean {
    return this.#memory.holders.has(id) || this.rows.touched.has(id)
  }

  capacityOf(tenant: string, key: string, declared: number): number {
    const name = lockKey(tenant, key)
    const set = this.#limits.get(name)
    return (set === undefined ? this.#memory.limits.get(name) : set)?.capacity ?? declared
  }

  /** Sets or lifts an operator's capacity; null for the declared one. What became free goes to whoever waits. */
  *limit(tenant: string, key: string, limit: Limit | null): Asking<Limit | null> {
    const name = lockKey(tenant, key)
    const stored = this.#memory.limits.get(name) ?? null
    const known = this.#limits.get(name)
    const before = known === undefined ? stored : known
    this.#limits.set(name, limit)
    const { add, remove } = this.#work.limits
    for (const changes of [add, remove]) {
      const same = changes.findIndex((one) => one.tenant === tenant && one.key === key)
      if (same >= 0) changes.splice(same, 1)
    }
    if (limit !== null) add.push(limit)
    // What is stored goes, whatever an earlier order of this batch has lifted already.
    else if (stored !== null) remove.push(stored)
    this.#freed.set(name, { tenant, key })
    yield* this.handOn()
    return before
  }

  /**
   * Takes what an execution needs, as far as it is free. Null when it has everything; otherwise the key to park it on,
   * with the lower keys reserved for it.
   */
  *admit(
    execution: Execution,
    ready: Ready,
    needs: Needs,
  ): Asking<{ readonly key: string; readonly paid: boolean } | null> {
    const { tenant, id } = execution
    const paid = ready.paid || (yield* this.#pay(needs, tenant))
    if (!paid && needs.rate !== null) return { key: rateKey(scopeOf(needs.rate, tenant), needs.rate.key), paid }
    const mine = this.isHolder(id) ? yield* this.rows.ofExecution(id) : []
    for (const need of needs.permits) {
      const scope = scopeOf(need, tenant)
      if (mine.some(({ key, tenant: of, step }) => key === need.key && of === scope && step === null)) continue
      const held = yield* this.rows.ofKey(scope, need.key)
      const slot = freeSlot(held, this.capacityOf(scope, need.key, need.capacity))
      if (slot === null) {
        if (yield* this.waitsForItself({ execution: id, step: null }, scope, need.key)) yield* this.release(id)
        return { key: lockKey(scope, need.key), paid }
      }
      this.#reserve(scope, need.key, slot, id, null)
    }
    return null
  }

  /** What was reserved is held by this run from now on. */
  *take({ id, fence }: Execution): Asking<void> {
    for (const permit of yield* this.rows.ofExecution(id)) {
      this.rows.put({ ...permit, fence, granted: false, takenAt: this.#work.now })
    }
  }

  /** Gives everything back that executions no longer need which stopped running in this batch. */
  *giveBack(): Asking<void> {
    for (const id of this.#work.left) {
      if (!this.isHolder(id)) continue
      const execution = this.#work.executions.get(id)
      if (execution === undefined || execution.state === 'running') continue
      if (yield* this.#keepsThroughWait(execution)) continue
      yield* this.#dropAll(id)
    }
    this.#work.left.clear()
    yield* this.handOn()
  }

  /** Gives everything back that one execution has, and hands it on. */
  *release(id: number): Asking<void> {
    yield* this.#dropAll(id)
    yield* this.handOn()
  }

  drop(permit: Permit): void {
    this.rows.drop(permit)
    this.#freed.set(lockKey(permit.tenant, permit.key), permit)
  }

  /** Gives each freed slot to the first in line. */
  *handOn(): Asking<void> {
    while (this.#freed.size > 0) {
      const freed = [...this.#freed.values()]
      this.#freed.clear()
      for (const { tenant, key } of freed) yield* this.#handOnKey(tenant, key)
    }
  }

  /** The time for which permits were kept through a wait is over. */
  *holdOver(id: number, at: number): Asking<void> {
    const execution = this.#work.executions.get(id)
    if (execution?.state !== 'waiting' || execution.holdUntil !== at) return
    this.#work.apply(execution, { facts: [], quiet: { holdUntil: null } }, engine)
    yield* this.release(id)
  }

  /** Rates that have a share again: wakes as many as there are shares, in order, and pays for them. */
  *wakeRates(): Asking<void> {
    for (const { tenant, key } of yield* ask('dueRates', this.#work.now, ratesMax)) yield* this.#wakeRate(tenant, key)
  }

  flush(): void {
    this.rows.flush()
  }

  *remember(): Asking<() => void> {
    const holders = new Map<number, boolean>()
    for (const id of this.rows.touched) holders.set(id, yield* this.rows.has(id))
    return () => {
      for (const [id, has] of holders) {
        if (has) this.#memory.holders.add(id)
        else this.#memory.holders.delete(id)
      }
      for (const [name, limit] of this.#limits) {
        if (limit === null) this.#memory.limits.delete(name)
        else this.#memory.limits.set(name, limit)
      }
    }
  }

  /**
   * Whether waiting for a key would be waiting for itself: everybody who has a slot of it waits, in the end, for whoever
   * asks. Reservations of work that does not run count as well; another step of the same run is somebody else.
   */
  *waitsForItself(asker: Asker, tenant: string, key: string, seen = new Set<string>([])): Asking<boolean> {
    const name = lockKey(tenant, key)
    if (seen.has(name)) return true
    seen.add(name)
    for (const holder of yield* this.rows.ofKey(tenant, key)) {
      if (isHeldFor(asker, holder)) continue
      let isBlocked = false
      for (const wait of yield* this.#waitsOf(holder)) {
        if (yield* this.waitsForItself(asker, wait.tenant, wait.key, seen)) isBlocked = true
      }
      if (!isBlocked) return false
    }
    return true
  }

  /** The keys that keep a holder from giving it back: those its step or its run waits for, or the one it is parked on. */
  *#waitsOf({
    execution,
    step,
    granted,
  }: Permit): Asking<readonly { readonly tenant: string; readonly key: string }[]> {
    const waits = (yield* this.rows.waitsOf(execution)).filter((wait) => step === null || wait.step === step)
    if (waits.length > 0 || !granted) return waits
    const stored = this.#work.parkedRemove.has(execution) ? null : yield* ask('parkedAt', execution)
    const parked = this.#work.parkedAdd.get(execution) ?? stored
    const key = parked === null ? null : readLockKey(parked.key)
    return key === null ? [] : [key]
  }

  #reserve(tenant: string, key: string, slot: number, execution: number, step: string | null): void {
    this.rows.put({ tenant, key, slot, execution, fence: 0, step, takenAt: this.#work.now, granted: true })
  }

  *#pay({ rate }: Needs, tenant: string): Asking<boolean> {
    if (rate === null) return true
    const scope = scopeOf(rate, tenant)
    const state = yield* this.rows.rate(scope, rate.key)
    // Somebody stands in line already: nobody passes, not even at the moment at which a share is free again.
    if (state !== null && state.wakeAt !== null) return false
    const answer = spend(rate, state?.dueUs ?? null, this.#work.now)
    if (answer.allowed) {
      this.rows.setRate({ tenant: scope, key: rate.key, dueUs: answer.dueUs, wakeAt: null })
      return true
    }
    this.#wakeAt(scope, rate.key, state?.dueUs ?? 0, answer.at)
    return false
  }

  #wakeAt(tenant: string, key: string, dueUs: number, at: number): void {
    this.rows.setRate({ tenant, key, dueUs, wakeAt: at })
    this.#work.addTimer({ at, kind: 'rate', id: 0 })
  }

  *#wakeRate(tenant: string, key: string): Asking<void> {
    const name = rateKey(tenant, key)
    let dueUs = (yield* this.rows.rate(tenant, key))?.dueUs ?? 0
    for (;;) {
      const parked = yield* this.#lines.first(name)
      if (parked === null) return this.rows.setRate({ tenant, key, dueUs, wakeAt: null })
      const rate = (yield* this.#needsOf(parked))?.needs.rate ?? null
      if (rate === null) {
        this.#work.unpark(parked)
        continue
      }
      const answer = spend(rate, dueUs, this.#work.now)
      if (!answer.allowed) return this.#wakeAt(tenant, key, dueUs, answer.at)
      dueUs = answer.dueUs
      this.#lines.passed(name)
      this.#work.unpark({ ...parked, paid: true })
    }
  }

  *#handOnKey(tenant: string, key: string): Asking<void> {
    for (;;) {
      const next = yield* this.#lines.next(tenant, key, this.rows)
      if (next === null) return
      const held = yield* this.rows.ofKey(tenant, key)
      if (next.kind === 'step') {
        const slot = freeSlot(held, this.capacityOf(tenant, key, 1))
        if (slot === null) return
        const { execution: id, step, fence } = next.waiter
        this.rows.unline(next.waiter)
        this.#reserve(tenant, key, slot, id, step)
        yield* loadExecutions(this.#work, [id])
        const worker = this.#work.executions.get(id)?.worker ?? null
        if (worker !== null) this.granted.push({ worker, id, fence, step })
        this.#lines.passed(lockKey(tenant, key))
        continue
      }
      const { parked } = next
      const found = yield* this.#needsOf(parked)
      const need = found?.needs.permits.find(
        (one) => one.key === key && scopeOf(one, found.execution.tenant) === tenant,
      )
      if (found === null || need === undefined) {
        this.#work.unpark(parked)
        continue
      }
      const pause = pauseOver(yield* this.#pauses(), found.request, parked.availableAt)
      if (pause !== undefined) {
        // What is paused must not keep a permit from whoever may run.
        this.#work.forgetParked(parked.id)
        this.#work.parkedAdd.set(parked.id, { ...parked, key: pauseLine(pauseKey(pause), parked.queue) })
        yield* this.#dropAll(parked.id)
        continue
      }
      const slot = freeSlot(held, this.capacityOf(tenant, key, need.capacity))
      if (slot === null) return
      this.#reserve(tenant, key, slot, parked.id, null)
      this.#lines.passed(lockKey(tenant, key))
      this.#work.unpark(parked)
    }
  }

  *#needsOf(parked: Parked): Asking<{ execution: Execution; request: Request; needs: Needs } | null> {
    yield* loadExecutions(this.#work, [parked.id])
    yield* loadRequests(this.#work, [parked.id])
    const execution = this.#work.executions.get(parked.id)
    const request = this.#work.requests.get(parked.id)
    if (execution === undefined || request === undefined || request.permits === null) return null
    return { execution, request, needs: needsOf(request) }
  }

  *#pauses(): Asking<readonly StandingPause[]> {
    return yield* activePauses(this.#work)
  }

  /** A wait for a time or a signal keeps them as long as the action says; they are reserved meanwhile. */
  *#keepsThroughWait(execution: Execution): Asking<boolean> {
    const { id, state, holdUntil, waitingFor } = execution
    if (state === 'queued') return holdUntil !== null && holdUntil > this.#work.now
    if (state !== 'waiting' || (waitingFor !== 'timer' && waitingFor !== 'signal')) return false
    if (holdUntil !== null) return holdUntil > this.#work.now
    yield* loadRequests(this.#work, [id])
    const request = this.#work.requests.get(id)
    const holdMs = request === undefined ? 0 : needsOf(request).holdMs
    if (holdMs === 0) return false
    const until = this.#work.now + holdMs
    this.#work.apply(execution, { facts: [], quiet: { holdUntil: until } }, engine)
    this.#work.addTimer({ at: until, kind: 'hold', id })
    for (const permit of yield* this.rows.ofExecution(id)) {
      if (permit.step === null) this.rows.put({ ...permit, granted: true, fence: 0 })
      else this.drop(permit)
    }
    for (const waiter of yield* this.rows.waitsOf(id)) this.rows.unline(waiter)
    return true
  }

  *#dropAll(id: number): Asking<void> {
    for (const permit of yield* this.rows.ofExecution(id)) this.drop(permit)
    for (const waiter of yield* this.rows.waitsOf(id)) this.rows.unline(waiter)
  }
}

/** What the whole run holds is held for each of its steps; what one step holds, for that one only. */
export const isHeldFor = ({ execution, step }: Asker, permit: Pick<Permit, 'execution' | 'step'>): boolean =>
  permit.execution === execution && (permit.step === null || permit.step === step)

const engine = { principal: 'system:engine', worker: null }
