import type { Decision, EventData, Fact } from '../execution/decision.ts'
import type { Effect, Execution, LogLine, Outcome, Request, Step } from '../execution/execution.ts'
import { type EventType, isTerminal } from '../execution/machine.ts'
import type { Permit } from '../execution/permit.ts'
import type { TimeoutPolicy } from '../execution/timeout-policy.ts'
import type {
  Admitted,
  Artifact,
  Changes,
  Limit,
  Parked,
  Pause,
  PauseInterval,
  Queue,
  RateState,
  Ready,
  Release,
  Schedule,
  Timer,
  Turn,
  Update,
  Waiter,
  Worker,
} from '../store/rows.ts'
import { PlanBook } from './approvals/plans.ts'
import { VoteBook } from './approvals/votes.ts'
import { DepthChanges } from './due/depths.ts'
import { Kin } from './kin/kin.ts'
import { CommitLog } from './log.ts'
import type { Memory } from './memory.ts'
import type { Quarantine } from './quarantine.ts'
import { PolicyBook } from './rights/policies.ts'
import { RightsBook } from './rights/rights.ts'
import type { RowCache } from './row-cache.ts'
import { SignalBook } from './signals.ts'
import { asLeft, idleSince, isSameEntry, standing } from './standing.ts'
import type { TimeoutPolicies } from './timers/timeouts.ts'
import { TimerBook } from './timers/timer-book.ts'

export interface Actor {
  readonly principal: string
  /** Incarnation key when a worker acts. */
  readonly worker: number | null
}

/** Everything one transaction knows and will write. Each decision on an execution sees the row as the one before left it. */
export class Workset {
  readonly now: number
  /** What the commits before left; looked at before the store is asked. */
  readonly rows: RowCache
  /** How long what is admitted and claimed may take. */
  readonly timeouts: TimeoutPolicies
  readonly quarantine: Quarantine
  readonly executions = new Map<number, Execution>()
  readonly requests = new Map<number, Request>()
  readonly effects = new Map<number, Map<string, Effect>>()
  readonly steps = new Map<number, Step[]>()
  readonly signals = new SignalBook()
  readonly fingerprints = new Map<number, string>()
  readonly plans = new PlanBook()
  readonly votes = new VoteBook()
  /** The newest line of each log that this commit adds to. */
  readonly newestLogs = new Map<number, LogLine>()
  /** Due work that this commit adds: claimable in the same commit. */
  readonly readyAdd = new Map<number, Ready>()
  /** Due work that this commit adds and that has no turn yet. */
  readonly unplaced = new Map<number, Execution>()
  /** Of those, who has paid a share of a rate before. */
  readonly paid = new Set<number>()
  readonly readyRemove: Ready[] = []
  /** Executions that stopped running, ended or were put off: what they held must be looked at. */
  readonly left = new Set<number>()
  readonly queues: Queue[] = []
  readonly workers: Worker[] = []
  readonly pauses: { add: Pause[]; remove: Pause[] } = { add: [], remove: [] }
  readonly parkedAdd = new Map<number, Parked>()
  readonly parkedRemove = new Set<number>()
  readonly turns: Turn[] = []
  readonly permits: { add: Permit[]; remove: Permit[] } = { add: [], remove: [] }
  readonly waiters: { add: Waiter[]; remove: Waiter[] } = { add: [], remove: [] }
  readonly limits: { add: Limit[]; remove: Limit[] } = { add: [], remove: [] }
  readonly rates: RateState[] = []
  /** Who may do what. */
  readonly rights: RightsBook
  readonly policies: PolicyBook
  readonly depth = new DepthChanges()
  readonly restore: number[] = []
  readonly archive: { readonly id: number; readonly at: number }[] = []
  /** As this commit leaves them, by id; null is deleted. */
  readonly schedules = new Map<string, Schedule | null>()
  readonly pauseIntervals: { open: PauseInterval[]; close: PauseInterval[] } = { open: [], close: [] }
  /** As this commit leaves them, by key; null is over. */
  readonly releases = new Map<string, Release | null>()
  readonly timeoutPolicies: Omit<TimeoutPolicy, 'fromPosition'>[] = []
  readonly kin = new Kin()
  /** Stored entries among the due that this commit has dealt with, by execution. */
  readonly #readyGone = new Map<number, Ready[]>()
  readonly #log: CommitLog
  readonly #admitted = new Map<number, Admitted>()
  readonly #updates: Update[] = []
  readonly #outcomes: Outcome[] = []
  readonly #newSteps: Step[] = []
  readonly #newEffects = new Map<string, Effect>()
  readonly #artifacts: Artifact[] = []
  readonly #logs: LogLine[] = []
  readonly #timers = new TimerBook()
  #nextExecution: number

  constructor(first: { execution: number; position: number }, now: number, memory: Memory) {
    this.now = now
    this.rows = memory.rows
    this.timeouts = memory.timeouts
    this.quarantine = memory.quarantine
    this.rights = new RightsBook(memory.rights, now)
    this.#nextExecution = first.execution
    this.#log = new CommitLog(first.position, now)
    this.policies = new PolicyBook(memory.policies, this.#log, now)
  }

  nextId(): number {
    return this.#nextExecution++
  }

  /** Queues whose work this commit made due. */
  get readyQueues(): ReadonlySet<number> {
    const queues = new Set<number>()
    for (const ready of this.readyAdd.values()) queues.add(ready.queue)
    return queues
  }

  earliestTimerAt(): number | null {
    return this.#timers.earliestAt()
  }

  /** The executions that this commit changes, as it leaves them. */
  changed(): Execution[] {
    const ids = new Set<number>(this.#admitted.keys())
    for (const { is } of this.#updates) ids.add(is.id)
    return [...ids].flatMap((id) => this.executions.get(id) ?? [])
  }

  admit(
    request: Omit<Request, 'position' | 'at'>,
    born: Omit<Execution, 'head' | 'updatedAt'>,
    type: EventType,
    data: EventData | null = null,
  ): Admitted {
    const position = this.#log.append({
      execution: born.id,
      tenant: born.tenant,
      n: born.n,
      previous: 0,
      type,
      from: null,
      to: born.state,
      principal: request.requestedBy,
      worker: null,
      data,
    })
    const execution: Execution = { ...born, head: position, updatedAt: this.now }
    const admitted = { request: { ...request, position, at: this.now }, execution }
    this.#admitted.set(born.id, admitted)
    this.executions.set(born.id, execution)
    this.requests.set(born.id, admitted.request)
    this.#place(null, execution)
    return admitted
  }

  /** Applies a decision to the execution as it is now, and returns it as it is then. */
  apply(before: Execution, decision: Decision, actor: Actor): Execution {
    let execution = before
    for (const fact of decision.facts) execution = this.#take(execution, fact, actor)
    if (decision.quiet !== undefined) {
      const is = { ...execution, ...decision.quiet }
      this.#updates.push({ was: execution, is })
      execution = is
    }
    if (execution !== before) {
      this.executions.set(execution.id, execution)
      this.#place(before, execution)
      if (execution.state !== before.state && execution.state !== 'running') this.left.add(execution.id)
      if (isTerminal(execution.state) && !isTerminal(before.state)) this.#end(execution, decision)
    }
    for (const step of decision.steps ?? []) this.#record(step)
    for (const effect of decision.effects ?? []) this.#enter(effect)
    if (decision.plan !== undefined) this.plans.add(decision.plan)
    if (decision.votes !== undefined) this.votes.enter(decision.votes)
    if (decision.planSteps !== undefined) this.plans.enter(decision.planSteps, decision.plan !== undefined)
    for (const artifact of decision.artifacts ?? [])
      this.#artifacts.push({ execution: execution.id, ...artifact, at: this.now })
    for (const line of decision.logs ?? []) {
      this.#logs.push(line)
      this.newestLogs.set(line.id, line)
    }
    this.signals.enter(execution.id, decision, this.now)
    return execution
  }

  /** Records something that happened to an execution without changing it. */
  note(execution: Execution, type: EventType, actor: Actor, data: EventData): Execution {
    return this.apply(execution, { facts: [{ type, to: execution.state, set: {}, data }] }, actor)
  }

  /** Children that this very commit admits and that end with their parent. */
  bornChildren(parent: number): number[] {
    return [...this.#admitted.values()].flatMap(({ request }) =>
      request.parentId === parent && request.onParentCancel === 'cancel' ? [request.id] : [],
    )
  }

  effectsOf(id: number): readonly Effect[] {
    return [...(this.effects.get(id)?.values() ?? [])]
  }

  /** Takes an entry out of the claim's way, whether it is stored or of this commit. */
  removeReady(ready: Ready): void {
    const added = this.readyAdd.get(ready.id)
    if (added !== undefined && isSameEntry(added, ready)) {
      this.readyAdd.delete(ready.id)
      return
    }
    this.readyRemove.push(ready)
    const gone = this.#readyGone.get(ready.id)
    if (gone === undefined) this.#readyGone.set(ready.id, [ready])
    else gone.push(ready)
  }

  /** Of this entry alone: an execution may have another, which a cancel left behind when it was redriven. */
  isGone(ready: Ready): boolean {
    return this.#readyGone.get(ready.id)?.some((gone) => isSameEntry(gone, ready)) ?? false
  }

  /** Out of the claim's way until the key is freed; the turn is kept. */
  park(ready: Ready, key: string): void {
    this.removeReady(ready)
    this.parkedAdd.set(ready.id, { ...ready, key })
  }

  /** Back among the due, at the place it had. */
  unpark({ queue, rank, turn, id, availableAt, paid }: Parked): void {
    this.forgetParked(id)
    this.readyAdd.set(id, { queue, rank, turn, id, availableAt, paid })
  }

  forgetParked(id: number): void {
    this.parkedAdd.delete(id)
    this.parkedRemove.add(id)
  }

  changes(): Omit<
    Changes,
    'depth' | 'bulks' | 'bulkItems' | 'quarantine' | 'tokens' | 'signIns' | 'leaders' | 'processes' | 'inbox'
  > {
    return {
      queues: this.queues,
      workers: this.workers,
      log: this.#log.rows,
      admitted: [...this.#admitted.values()],
      updates: this.#updates,
      outcomes: this.#outcomes,
      steps: this.#newSteps,
      effects: [...this.#newEffects.values()],
      artifacts: this.#artifacts,
      ...this.plans.changes(),
      votes: this.votes.changes(),
      signals: this.signals.changes(),
      ready: { add: [...this.readyAdd.values()], remove: this.readyRemove },
      logs: this.#logs,
      timers: this.#timers.changes(),
      parked: { add: [...this.parkedAdd.values()], remove: [...this.parkedRemove] },
      pauses: this.pauses,
      ...this.rights.changes(),
      ...this.policies.changes(),
      restore: this.restore,
      archive: this.archive,
      schedules: asLeft(this.schedules),
      turns: this.turns,
      permits: this.permits,
      waiters: this.waiters,
      limits: this.limits,
      rates: this.rates,
      pauseIntervals: this.pauseIntervals,
      releases: asLeft(this.releases),
      timeoutPolicies: this.setPolicies(),
    }
  }

  /** Behind everything of this commit: all of it is decided by the policies of before. */
  setPolicies(): TimeoutPolicy[] {
    return this.timeoutPolicies.map((policy) => ({ ...policy, fromPosition: this.#log.next }))
  }

  removeTimer(timer: Timer): void {
    this.#timers.remove(timer)
  }

  addTimer(timer: Timer): void {
    this.#timers.add(timer)
  }

  /** Due now: it gets its turn before the claims are filled. */
  addReady(execution: Execution): void {
    this.unplaced.set(execution.id, execution)
  }

  #take(was: Execution, fact: Fact, { principal, worker }: Actor): Execution {
    const n = was.n + 1
    const position = this.#log.append({
      execution: was.id,
      tenant: was.tenant,
      n,
      previous: was.head,
      type: fact.type,
      from: was.state,
      to: fact.to,
      principal: fact.by ?? principal,
      worker: fact.by === undefined ? worker : null,
      data: fact.data ?? null,
    })
    const is: Execution = {
      ...was,
      ...fact.set,
      state: fact.to,
      n,
      head: position,
      // The claim's own position, unless the store's positions fell behind: a fence never falls.
      fence: fact.type === 'claim' || fact.type === 'planning_started' ? Math.max(was.fence + 1, position) : was.fence,
      updatedAt: this.now,
      idleSince: idleSince(was, fact, this.now),
    }
    this.kin.saw(was, is, fact)
    const admitted = this.#admitted.get(was.id)
    // Claimed by the commit that admits it: one row, written once. Its two events are in the log all the same.
    if (fact.type === 'claim' && admitted?.execution === was) this.#admitted.set(was.id, { ...admitted, execution: is })
    else this.#updates.push({ was, is })
    return is
  }

  /** Keeps the indexes of due and future work in step with the row. */
  #place(before: Execution | null, after: Execution): void {
    this.depth.note(before, after)
    const was = before === null ? null : standing(before)
    const is = standing(after)
    if (was !== null && (is === null || is.kind !== was.kind || is.at !== was.at)) {
      if (was.kind === 'available') {
        // A claim takes its entry away itself. Otherwise it may stand in any of three places; which one is not on the
        // row, so that parking costs the row nothing. An entry among the due stays until a claim meets it.
        if (after.leaseUntil === null) {
          this.readyAdd.delete(after.id)
          this.unplaced.delete(after.id)
          this.removeTimer({ at: was.at, kind: 'available', id: after.id })
          this.forgetParked(after.id)
        }
      } else {
        this.removeTimer({ at: was.at, kind: was.kind, id: after.id })
      }
    }
    if (is !== null && (was === null || is.kind !== was.kind || is.at !== was.at)) {
      if (is.kind === 'available' && is.at <= this.now) this.addReady(after)
      else this.addTimer({ at: is.at, kind: is.kind, id: after.id })
    }
    const deadline = after.deadlineAt
    if (deadline !== null && deadline !== before?.deadlineAt) {
      this.addTimer({ at: deadline, kind: 'deadline', id: after.id })
    }
  }

  #end(execution: Execution, decision: Decision): void {
    this.#outcomes.push({
      id: execution.id,
      n: execution.n,
      tenant: execution.tenant,
      state: execution.state,
      result: decision.outcome?.result ?? null,
      fingerprint: decision.outcome?.fingerprint ?? null,
      position: execution.head,
      at: this.now,
    })
    this.kin.ended(execution, decision.outcome?.result ?? null)
    if (decision.outcome?.fingerprint) this.fingerprints.set(execution.id, decision.outcome.fingerprint)
  }

  #record(step: Step): void {
    this.#newSteps.push(step)
    const known = this.steps.get(step.id)
    if (known === undefined) this.steps.set(step.id, [step])
    else known.push(step)
  }

  #enter(effect: Effect): void {
    this.#newEffects.set(`${effect.id}/${effect.effectKey}`, effect)
    const known = this.effects.get(effect.id)
    if (known === undefined) this.effects.set(effect.id, new Map([[effect.effectKey, effect]]))
    else known.set(effect.effectKey, effect)
  }
}
