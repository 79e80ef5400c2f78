import { type Candidate, isQueuePaused, type StandingPause, standingOf } from '../../claim/select.ts'
import { isRefusal, type Refusal, refuse } from '../../errors/refusal.ts'
import { decide } from '../../execution/decide.ts'
import { decideRightLost } from '../../execution/decide-right-lost.ts'
import type { Effect, Execution, Request, Signal, Step } from '../../execution/execution.ts'
import { isTerminal } from '../../execution/machine.ts'
import type { Needs } from '../../execution/permit.ts'
import type { Ready, Worker } from '../../store/rows.ts'
import { passesGate } from '../approvals/approvals.ts'
import { loadWholePlans } from '../approvals/plans.ts'
import { isDraining, laneOf, takesWork, type Workers } from '../fleet/registry.ts'
import { type Ahead, loadCandidates, loadEffects } from '../loading.ts'
import type { Memory } from '../memory.ts'
import type { Claimed, OrderOf } from '../order.ts'
import { activePauses } from '../pauses/pauses.ts'
import { needsOf } from '../permits/needs.ts'
import type { Permits } from '../permits/permits.ts'
import { type Asking, ask, type FrontAsk } from '../reads.ts'
import { rightsActor } from '../rights/rights.ts'
import type { Deadlines } from '../timers/deadlines.ts'
import type { Workset } from '../workset.ts'
import { Due } from './due.ts'
import { type Place, standingAt } from './due-news.ts'
import type { Passes } from './line.ts'
import type { Turns } from './turns.ts'

export type ClaimOrder = OrderOf<'claim'>

export interface FilledClaim {
  readonly claimed: readonly Claimed[] | Refusal | null
}

/** Rounds that claim nothing, for what they find is parked or gone; then the rest waits for the next commit. */
const fruitlessMax = 8
/** What one such round looks at: twice as much each time. */
const lookAheadMin = 16
const lookAheadMax = 256

/**
 * Hands due work to waiting workers: pick in index order, let the pure rules select, take what they took.
 * A claim that finds nothing is answered with null and goes on waiting.
 */
export class Claims {
  readonly #work: Workset
  readonly #memory: Memory
  readonly #workers: Workers
  readonly #permits: Permits
  readonly #turns: Turns
  readonly #deadlines: Deadlines
  readonly #due: Due
  readonly #needs = new Map<string, Needs>()
  /** Some claim gave up before it had seen everything: another commit should look at once. */
  isUnfinished = false

  constructor(
    work: Workset,
    memory: Memory,
    workers: Workers,
    permits: Permits,
    turns: Turns,
    passes: Passes,
    deadlines: Deadlines,
  ) {
    this.#work = work
    this.#memory = memory
    this.#workers = workers
    this.#permits = permits
    this.#turns = turns
    this.#deadlines = deadlines
    this.#due = new Due(work, memory, passes)
  }

  *fill(claims: readonly ClaimOrder[]): Asking<FilledClaim[]> {
    const pauses = yield* activePauses(this.#work)
    const filled: FilledClaim[] = []
    for (const claim of claims) filled.push(yield* this.#fillOne(claim, pauses))
    return filled
  }

  /** The queues that were read, and whether nothing due was left in them. */
  read(): ReturnType<Due['read']> {
    return this.#due.read()
  }

  /** What claims read first if nothing keeps them from it, so that it can be asked beside what orders need. */
  *#wantedBy(claims: readonly ClaimOrder[]): Iterable<FrontAsk> {
    const wanted = new Map<number, number>()
    for (const claim of claims) {
      const worker = this.#workers.get(claim.worker)
      if (claim.only !== undefined || worker === undefined || !takesWork(worker) || isDraining(worker)) continue
      for (const queue of this.#queuesOf(worker)) wanted.set(queue, (wanted.get(queue) ?? 0) + claim.limit)
    }
    for (const [queue, count] of wanted) yield* this.#due.unread([queue], count)
  }

  ahead(claims: readonly ClaimOrder[]): Ahead {
    return { fronts: [...this.#wantedBy(claims)], take: (fronts, found) => this.#due.take(fronts, found) }
  }

  #queuesOf(worker: Worker, pauses: readonly StandingPause[] = []): number[] {
    return worker.actions
      .filter(({ action }) => !isQueuePaused(pauses, action))
      .flatMap(
        ({ action, version }) =>
          this.#memory.queueKeys.get(`${action}@${version}`) ?? newQueue(this.#work, action, version),
      )
  }

  *#fillOne(claim: ClaimOrder, pauses: readonly StandingPause[]): Asking<FilledClaim> {
    const worker = this.#workers.get(claim.worker)
    if (worker === undefined || !takesWork(worker)) {
      const reason = `No living worker is registered under the key ${claim.worker}.`
      return { claimed: refuse('worker_unknown', reason, { worker: claim.worker }) }
    }
    if (isDraining(worker)) return { claimed: null }
    const queues = this.#queuesOf(worker, pauses)
    // Suspects first: they have waited for whoever can run them alone.
    const alone = Math.min(claim.limit, claim.alone ?? 0, worker.isolates ? claim.limit : 1)
    const suspects = alone === 0 ? [] : yield* this.#takeFrom(queues.map(laneOf), alone, claim, pauses)
    const isFull = suspects.length > 0 && !worker.isolates
    const left = isFull ? 0 : claim.limit - suspects.length
    const others =
      claim.only === undefined
        ? yield* this.#takeFrom(queues, left, claim, pauses)
        : yield* this.#takeNamed(claim.only, queues, left, claim, pauses)
    const taken = [...suspects, ...others]
    const stays = taken.length === 0 && claim.only === undefined
    return { claimed: stays ? null : yield* handOver(this.#work, taken) }
  }

  *#takeFrom(
    queues: readonly number[],
    limit: number,
    claim: ClaimOrder,
    pauses: readonly StandingPause[],
  ): Asking<Execution[]> {
    const taken: Execution[] = []
    let fruitless = 0
    while (taken.length < limit) {
      if (fruitless === fruitlessMax) {
        this.isUnfinished = true
        break
      }
      const wanted = limit - taken.length
      const ahead = fruitless === 0 ? wanted : Math.max(wanted, Math.min(lookAheadMax, lookAheadMin << fruitless))
      const offer = yield* this.#due.next(queues, ahead)
      const candidates = yield* loadCandidates(this.#work, offer.entries)
      if (candidates.length === 0) break
      const before = taken.length
      for (const candidate of candidates) {
        if (taken.length === limit || taken.length - before === offer.most) break
        const execution = yield* this.#admit(candidate, pauses)
        if (execution === null) continue
        this.#due.claimed(queues)
        taken.push(yield* this.#takeOne(execution, candidate.ready, claim))
      }
      if (taken.length === before) fruitless += 1
    }
    return taken
  }

  /** Whatever does not stand where it was named, or may not run, is somebody else's or comes again by itself. */
  *#takeNamed(
    only: readonly Place[],
    queues: readonly number[],
    limit: number,
    claim: ClaimOrder,
    pauses: readonly StandingPause[],
  ): Asking<Execution[]> {
    const named = only.filter(({ queue }) => queues.includes(queue))
    const candidates = yield* loadCandidates(this.#work, yield* standingAt(this.#work, named))
    const taken: Execution[] = []
    for (const candidate of candidates) {
      if (taken.length === limit) break
      const execution = yield* this.#admit(candidate, pauses)
      if (execution !== null) taken.push(yield* this.#takeOne(execution, candidate.ready, claim))
    }
    return taken
  }

  /** The execution if it may run now. Otherwise its entry is parked or dropped. */
  *#admit(candidate: Candidate, pauses: readonly StandingPause[]): Asking<Execution | null> {
    const { ready, request } = candidate
    // As it is now: another entry of it may have been claimed since this one was read.
    const execution = this.#work.executions.get(ready.id) ?? null
    const standing = standingOf({ ready, execution, request }, pauses)
    if (standing.kind === 'stale' || execution === null || request === null) {
      this.#work.removeReady(ready)
      // What cannot be read may have been granted what others wait for.
      if (execution === null && this.#permits.isHolder(ready.id)) yield* this.#permits.release(ready.id)
      return null
    }
    if (standing.kind === 'paused') {
      this.#work.park(ready, standing.key)
      // What is paused must not keep a permit from whoever may run.
      if (this.#permits.isHolder(execution.id)) yield* this.#permits.release(execution.id)
      return null
    }
    const entitled = this.#entitled(execution, request)
    const inTime = entitled === null ? null : yield* this.#deadlines.inTime(entitled, request)
    if (inTime === null) {
      this.#work.removeReady(ready)
      if (this.#permits.isHolder(execution.id)) yield* this.#permits.release(execution.id)
      return null
    }
    const passed = inTime.gate === null ? inTime : yield* passesGate(this.#work, inTime, this.#workers)
    if (passed === null) {
      this.#work.removeReady(ready)
      if (this.#permits.isHolder(execution.id)) yield* this.#permits.release(execution.id)
      return null
    }
    // Planning only reads: it keeps no permit from whoever runs.
    if (request.permits === null || passed.state === 'requested') return passed
    const blocked = yield* this.#permits.admit(passed, ready, needsOf(request, this.#needs))
    if (blocked === null) return passed
    this.#work.park({ ...ready, paid: blocked.paid }, blocked.key)
    return null
  }

  /** As it may run in the name of whoever asked for it, or null when it ended because they may not any more. */
  #entitled(execution: Execution, request: Request): Execution | null {
    const right = this.#work.rights.ofRequester(request)
    if (!isRefusal(right)) return execution
    const decision = decideRightLost(execution, right, this.#work.now)
    const decided = this.#work.apply(execution, decision, rightsActor)
    return isTerminal(decided.state) ? null : decided
  }

  *#takeOne(execution: Execution, ready: Ready, claim: ClaimOrder): Asking<Execution> {
    const actor = this.#workers.actor(claim.worker)
    const around = {
      now: this.#work.now,
      principal: actor.principal,
      effects: [],
      stepRecorded: false,
      fingerprint: null,
      isGone: this.#workers.isGone,
      request: null,
      plan: null,
      targets: new Map(),
    }
    const decision = decide(execution, { type: 'claim', worker: claim.worker, leaseMs: claim.leaseMs }, around)
    if (isRefusal(decision)) throw new Error(`claimable execution ${execution.id} was refused: ${decision.reason}`)
    this.#work.removeReady(ready)
    this.#turns.claimed(ready)
    const taken = this.#work.apply(execution, decision, actor)
    if (this.#permits.isHolder(taken.id)) yield* this.#permits.take(taken)
    return taken
  }
}

const newQueue = (work: Workset, action: string, version: number): number[] =>
  work.queues.filter((queue) => queue.action === action && queue.version === version).map(({ key }) => key)

/** Joins what a worker needs: the request, and for whoever has been there before the journal and the ledger. */
function* handOver(work: Workset, taken: readonly Execution[]): Asking<Claimed[]> {
  const resumed = taken.filter(({ journal }) => journal > 0).map(({ id }) => id)
  const steps = new Map<number, Step[]>()
  const effects = new Map<number, readonly Effect[]>()
  const signals = new Map<number, Signal[]>()
  if (resumed.length > 0) {
    const stored = yield* ask('steps', resumed)
    const fresh = resumed.flatMap((id) => work.steps.get(id) ?? [])
    const all = new Map([...stored, ...fresh].map((step) => [`${step.id} ${step.ordinal} ${step.name}`, step]))
    for (const step of all.values()) steps.set(step.id, [...(steps.get(step.id) ?? []), step])
    yield* loadEffects(
      work,
      resumed.filter((id) => !work.effects.has(id)),
    )
    for (const id of resumed) effects.set(id, work.effectsOf(id))
    yield* loadWholePlans(work, resumed)
    const unread = [...(yield* ask('unreadSignals', resumed)), ...work.signals.added]
    const taken = new Set(work.signals.taken.map(signalKey))
    for (const signal of unread) {
      if (!taken.has(signalKey(signal)))
        signals.set(signal.execution, [...(signals.get(signal.execution) ?? []), signal])
    }
  }
  return taken.map((execution) => {
    const request = work.requests.get(execution.id)
    if (request === undefined) throw new Error(`the request of execution ${execution.id} was not loaded`)
    const attemptMs = work.timeouts.of(request.slaClass, request.actionClass)?.attemptMs ?? null
    const [journaled, ledger] = [steps.get(execution.id) ?? [], effects.get(execution.id) ?? []]
    const unread = signals.get(execution.id) ?? []
    const claimed = { execution, request, steps: journaled, effects: ledger, signals: unread, attemptMs }
    const plan = work.plans.plans.get(execution.id)
    // The one step of an action without plan() is its run.
    const isPlanned = plan !== undefined && plan.hash !== null && execution.gate?.effects === undefined
    if (execution.state !== 'running' || !isPlanned) return claimed
    const targets = [...work.plans.stepsOf(execution.id).values()].sort((a, b) => a.idx - b.idx)
    return { ...claimed, plan, targets }
  })
}

const signalKey = ({ execution, name, seq }: Pick<Signal, 'execution' | 'name' | 'seq'>): string =>
  `${execution} ${seq} ${name}`
