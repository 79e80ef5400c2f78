import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Command } from '../execution/command.ts'
import { decide } from '../execution/decide.ts'
import type { Surroundings } from '../execution/decision.ts'
import type { Execution } from '../execution/execution.ts'
import type { PublicIdKey } from '../identity/public-id.ts'
import type { Changes, Timer, Worker } from '../store/rows.ts'
import { admitOne, Keys, keyLookup } from './admission.ts'
import { type ClaimOrder, fillClaims } from './claims.ts'
import { loadEffects, loadForAdmissions, loadForCommands } from './loading.ts'
import type { Answer, Order, OrderOf } from './order.ts'
import { pauseOne } from './pauses.ts'
import { type Asking, ask } from './reads.ts'
import { Refusals } from './refusals.ts'
import { type Actor, Workset } from './workset.ts'

/** What the writer remembers between commits, so that it need not ask. */
export interface Memory {
  readonly idKey: PublicIdKey
  /** Key of each (action, version), by `action@version`. */
  readonly queueKeys: Map<string, number>
  /** Queues that may hold due work; all of them at first. */
  readonly maybeReady: Set<number>
  readonly refusals: Map<string, { startedAt: number; suppressed: number }>
  readonly workers: Map<number, Worker>
  nextTimerAt: number | null
}

export interface BatchResult {
  readonly answers: readonly Answer[]
  /** Filled standing claims, by their place in the list that was given. */
  readonly claims: readonly (Answer<'claim'> | null)[]
  readonly changes: Changes
  readonly changedIds: readonly number[]
  /** Timers were fired: which one is next must be asked anew. */
  readonly timersFired: boolean
  /** Takes over what was learnt, once the commit is durable. */
  readonly committed: () => void
}

/** Timers and lost leases handled in one commit, so that a flood of them does not hold up everything else. */
const dueMax = 500

/**
 * Turns orders into one commit: reads what all of them need, lets the rules decide each in turn, and gathers what they
 * decided. Claims come last, so that work made due by this very commit can start at once.
 *
 * A pure coroutine: it asks for rows and ends with changes; time and memory are arguments.
 */
export function* runBatch(
  orders: readonly Order[],
  claims: readonly ClaimOrder[],
  memory: Memory,
  now: number,
): Asking<BatchResult> {
  const first = yield* ask('counters')
  const work = new Workset(first, now)
  const keys = new Keys()
  const refusals = new Refusals(memory.refusals)
  const queues = new Queues(memory, work, first.queue)
  const workers = new Workers(memory, work, first.worker)

  yield* loadForAdmissions(
    work,
    keys,
    orders.flatMap((order) => (order.kind === 'admit' ? (keyLookup(order.admission) ?? []) : [])),
  )
  yield* loadForCommands(work, orders)

  const answers: Answer[] = []
  for (const order of orders) {
    switch (order.kind) {
      case 'admit':
        answers.push(
          admitOne(
            work,
            order.admission,
            queues.keyOf(order.admission.action, order.admission.version),
            keys,
            refusals,
            memory.idKey,
          ),
        )
        break
      case 'command':
        answers.push(
          commandOne(work, order, { principal: order.principal, worker: null }, refusals, workers, order.ifNumber),
        )
        break
      case 'work':
        answers.push(workOne(work, order, refusals, workers))
        break
      case 'heartbeat':
        answers.push(heartbeatOne(work, order, refusals, workers))
        break
      case 'register':
        for (const { action, version } of order.hello.actions) queues.keyOf(action, version)
        answers.push({ worker: workers.register(order.hello) })
        break
      case 'gone':
        answers.push(yield* goneOne(work, order, workers))
        break
      case 'sweep':
        answers.push(yield* sweep(work, workers, order.now))
        break
      case 'pause':
        answers.push(yield* pauseOne(work, order))
        break
      case 'token':
        work.tokens.push(order.token)
        answers.push({ id: order.token.id })
        break
      case 'claim':
        throw new Error('claims are given apart from the other orders')
    }
  }
  const due = memory.nextTimerAt !== null && memory.nextTimerAt <= now
  if (due) yield* fireTimers(work, workers)
  const filled = claims.length === 0 ? [] : yield* fillClaims(work, claims, memory, workers)
  workers.flush()
  return {
    answers,
    claims: filled.map((answer) => answer.claimed),
    changes: work.changes(),
    changedIds: work.changedIds(),
    timersFired: due,
    committed: () => {
      refusals.committed()
      queues.committed()
      workers.committed()
      for (const queue of work.readyQueues) memory.maybeReady.add(queue)
      for (const { queue, emptied } of filled.flatMap((one) => one.read)) {
        if (emptied && !work.readyQueues.has(queue)) memory.maybeReady.delete(queue)
      }
      const added = work.earliestTimerAt()
      if (added !== null && (memory.nextTimerAt === null || added < memory.nextTimerAt)) memory.nextTimerAt = added
    },
  }
}

/** Keys of queues, taking a new one for an action that was never seen. */
class Queues {
  readonly #memory: Memory
  readonly #work: Workset
  readonly #new = new Map<string, number>()
  #next: number

  constructor(memory: Memory, work: Workset, next: number) {
    this.#memory = memory
    this.#work = work
    this.#next = next
  }

  keyOf(action: string, version: number): number {
    const name = `${action}@${version}`
    const known = this.#memory.queueKeys.get(name) ?? this.#new.get(name)
    if (known !== undefined) return known
    const key = this.#next++
    this.#new.set(name, key)
    this.#work.queues.push({ key, action, version })
    return key
  }

  committed(): void {
    for (const [name, key] of this.#new) this.#memory.queueKeys.set(name, key)
  }
}

export class Workers {
  readonly #memory: Memory
  readonly #work: Workset
  readonly #changed = new Map<number, Worker>()
  #next: number

  constructor(memory: Memory, work: Workset, next: number) {
    this.#memory = memory
    this.#work = work
    this.#next = next
  }

  get(key: number): Worker | undefined {
    return this.#changed.get(key) ?? this.#memory.workers.get(key)
  }

  actor(key: number): Actor {
    return { principal: `worker:${this.get(key)?.identity ?? key}`, worker: key }
  }

  /** An incarnation nobody remembers any more was proven gone long ago. */
  isGone = (key: number): boolean => {
    const worker = this.get(key)
    return worker === undefined || worker.goneAt !== null
  }

  /** The same incarnation registers once, however often it says so. */
  register(hello: OrderOf<'register'>['hello']): number {
    for (const worker of [...this.#changed.values(), ...this.#memory.workers.values()]) {
      if (worker.incarnation === hello.incarnation && worker.goneAt === null) return worker.key
    }
    const key = this.#next++
    const at = this.#work.now
    this.change({ key, ...hello, registeredAt: at, seenAt: at, goneAt: null, goneProof: null })
    return key
  }

  change(worker: Worker): void {
    this.#changed.set(worker.key, worker)
  }

  flush(): void {
    this.#work.workers.push(...this.#changed.values())
  }

  committed(): void {
    for (const [key, worker] of this.#changed) this.#memory.workers.set(key, worker)
  }
}

function around(
  work: Workset,
  execution: Execution,
  command: Command,
  principal: string,
  workers: Workers,
): Surroundings {
  return {
    now: work.now,
    principal,
    effects: work.effectsOf(execution.id),
    stepRecorded:
      command.type === 'record_step' &&
      (work.steps
        .get(execution.id)
        ?.some(({ name, ordinal }) => name === command.name && ordinal === command.ordinal) ??
        false),
    fingerprint: work.fingerprints.get(execution.id) ?? null,
    isGone: workers.isGone,
  }
}

function commandOne(
  work: Workset,
  order: { readonly id: number; readonly tenant: string | null; readonly command: Command },
  actor: Actor,
  refusals: Refusals,
  workers: Workers,
  ifNumber?: number,
): Execution | Refusal {
  const execution = work.executions.get(order.id)
  if (execution === undefined || (order.tenant !== null && execution.tenant !== order.tenant)) {
    return refuse('not_found', 'there is no such execution')
  }
  const answer =
    ifNumber !== undefined && ifNumber !== execution.n
      ? refuse('state_changed', `the execution has moved on to version ${execution.n}`, { stateVersion: execution.n })
      : decide(execution, order.command, around(work, execution, order.command, actor.principal, workers))
  if (!isRefusal(answer)) return work.apply(execution, answer, actor)
  const recorded = answer.code === 'lease_lost' ? 'write_fenced' : 'transition_refused'
  refusals.record(work, execution, recorded, actor, { code: answer.code, command: order.command.type })
  return answer
}

function workOne(work: Workset, order: OrderOf<'work'>, refusals: Refusals, workers: Workers): Execution | Refusal {
  if (workers.get(order.worker) === undefined) return unknownWorker(order.worker)
  const { id, command } = order
  return commandOne(work, { id, tenant: null, command }, workers.actor(order.worker), refusals, workers)
}

const unknownWorker = (key: number): Refusal =>
  refuse('worker_unknown', `no worker is registered under the key ${key}`, { worker: key })

function heartbeatOne(
  work: Workset,
  order: OrderOf<'heartbeat'>,
  refusals: Refusals,
  workers: Workers,
): Answer<'heartbeat'> {
  const worker = workers.get(order.worker)
  if (worker === undefined || worker.goneAt !== null) return unknownWorker(order.worker)
  workers.change({ ...worker, seenAt: work.now })
  const actor = workers.actor(order.worker)
  const lost: number[] = []
  const cancel: number[] = []
  for (const { id, fence, cancelChecks } of order.held) {
    const execution = work.executions.get(id)
    if (execution === undefined || execution.state !== 'running' || execution.fence !== fence) {
      lost.push(id)
      continue
    }
    if (order.stalledMs === null) {
      const command = { type: 'renew' as const, fence, leaseMs: order.leaseMs, cancelChecks }
      const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
      if (!isRefusal(decision)) work.apply(execution, decision, actor)
    } else {
      refusals.record(work, execution, 'worker_stalled', actor, { stalledMs: order.stalledMs })
    }
    if (execution.cancelledAt !== null) cancel.push(id)
  }
  return { lost, cancel }
}

const system = (name: string): Actor => ({ principal: `system:${name}`, worker: null })

function loseLease(work: Workset, id: number, cause: 'sweep' | 'exit' | 'restart', workers: Workers): boolean {
  const execution = work.executions.get(id)
  if (execution === undefined) return false
  const command = { type: 'lease_expired' as const, cause }
  const actor = system('recovery')
  const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
  return !isRefusal(decision) && work.apply(execution, decision, actor) !== execution
}

function* goneOne(work: Workset, order: OrderOf<'gone'>, workers: Workers): Asking<Answer<'gone'>> {
  const worker = workers.get(order.worker)
  if (worker === undefined) return unknownWorker(order.worker)
  if (worker.goneAt === null) workers.change({ ...worker, goneAt: work.now, goneProof: order.proof })
  const recovered: number[] = []
  for (let after = 0; ; ) {
    const ids = yield* ask('heldBy', order.worker, after, dueMax)
    yield* loadMissing(work, ids)
    for (const id of ids) if (loseLease(work, id, order.cause, workers)) recovered.push(id)
    const last = ids.at(-1)
    if (last === undefined || ids.length < dueMax) return { recovered }
    after = last
  }
}

function* sweep(work: Workset, workers: Workers, now = work.now): Asking<Answer<'sweep'>> {
  const ids = yield* ask('expiredLeases', Math.min(now, work.now), 0, dueMax)
  yield* loadMissing(work, ids)
  return { recovered: ids.filter((id) => loseLease(work, id, 'sweep', workers)), more: ids.length === dueMax }
}

export function* loadMissing(work: Workset, ids: readonly number[]): Asking<void> {
  const missing = ids.filter((id) => !work.executions.has(id))
  if (missing.length > 0) {
    for (const execution of yield* ask('executions', missing)) work.executions.set(execution.id, execution)
  }
  const ledger = ids.filter((id) => !work.effects.has(id) && (work.executions.get(id)?.openEffects ?? 0) > 0)
  yield* loadEffects(work, ledger)
}

function* fireTimers(work: Workset, workers: Workers): Asking<void> {
  const timers = yield* ask('dueTimers', work.now, dueMax)
  yield* loadMissing(
    work,
    timers.map(({ id }) => id),
  )
  for (const timer of timers) fire(work, timer, workers)
}

function fire(work: Workset, timer: Timer, workers: Workers): void {
  work.removeTimer(timer)
  const execution = work.executions.get(timer.id)
  if (execution === undefined) return
  if (timer.kind === 'available') {
    const isDue = execution.state === 'queued' || execution.state === 'retryable_failed'
    if (isDue && execution.availableAt === timer.at) work.addReady(execution)
    return
  }
  const command: Command = timer.kind === 'wake' ? { type: 'wake', reason: 'timer' } : { type: 'expire' }
  const actor = system('timer')
  const decision = decide(execution, command, around(work, execution, command, actor.principal, workers))
  if (!isRefusal(decision)) work.apply(execution, decision, actor)
}
