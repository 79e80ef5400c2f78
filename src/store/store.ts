import type { Vote } from '../execution/approval.ts'
import type { Effect, Execution, LogLine, Outcome, Request, Signal, SignalHead, Step } from '../execution/execution.ts'
import type { State } from '../execution/machine.ts'
import type { Permit } from '../execution/permit.ts'
import type { Plan, PlanStep } from '../execution/plan.ts'
import type { TimeoutPolicy } from '../execution/timeout-policy.ts'
import type { Policy, PolicyAsk } from '../policy/policy.ts'
import type { RightsChange } from '../rights/change.ts'
import type { FleetProcess, Leader } from './fleet.ts'
import type { Waiting, WaitingMax } from './inbox.ts'
import type { Quarantined } from './quarantine.ts'
import type {
  Archived,
  ArchivedParts,
  ArchiveEntry,
  Artifact,
  Bulk,
  Changes,
  Depth,
  Event,
  Limit,
  LogRow,
  Parked,
  Pause,
  PauseInterval,
  PauseScope,
  Queue,
  RateState,
  Ready,
  Release,
  Schedule,
  Timer,
  Turn,
  Waiter,
  Worker,
} from './rows.ts'
import type { Search, SearchPage } from './search.ts'
import type { SignIn, Token } from './sign-in.ts'

export type Awaitable<T> = T | Promise<T>

/** Who holds an idempotency key. */
export interface KeyOwner {
  readonly id: number
  readonly inputHash: string
  /** Its execution is archived. */
  readonly archived?: true | undefined
}

export interface KeyLookup {
  readonly tenant: string
  readonly action: string
  readonly recordOnly: boolean
  readonly key: string
  /** Null asks for the newest generation. */
  readonly generation: number | null
}

/** What may be archived, looked for a part at a time behind an execution. */
export interface ArchivableAsk {
  readonly finishedBefore: number
  /** Terminal states; all of them when not given. */
  readonly states?: readonly State[] | undefined
  readonly tenant: string | null
  readonly after: number
  readonly limit: number
  /** So many executions are looked at, at most. */
  readonly lookedAt: number
}

/**
 * What rules may read inside the transaction that will hold their decision. Lists come back in no promised order
 * unless it is said; what does not exist is left out. A row that cannot be read fails the question with `UndecodableRows`.
 */
export interface Reads {
  /** First free execution key, queue key, worker key and log position. */
  counters(): Awaitable<{ execution: number; queue: number; worker: number; position: number }>
  queues(): Awaitable<readonly Queue[]>
  executions(ids: readonly number[]): Awaitable<readonly Execution[]>
  requests(ids: readonly number[]): Awaitable<readonly Request[]>
  /** One answer per lookup, in its order. */
  keyOwners(lookups: readonly KeyLookup[]): Awaitable<readonly (KeyOwner | null)[]>
  effects(ids: readonly number[]): Awaitable<readonly Effect[]>
  steps(ids: readonly number[]): Awaitable<readonly Step[]>
  /** Each execution's newest revision. */
  plans(ids: readonly number[]): Awaitable<readonly Plan[]>
  planSteps(ids: readonly number[]): Awaitable<readonly PlanStep[]>
  /** The named steps only. */
  planStepsAt(places: readonly { readonly id: number; readonly idx: number }[]): Awaitable<readonly PlanStep[]>
  /** All votes, ended ones too, oldest first. */
  votes(ids: readonly number[]): Awaitable<readonly Vote[]>
  /** The newest line of each execution's log. */
  newestLogs(ids: readonly number[]): Awaitable<readonly LogLine[]>
  /** Signals that no run has taken yet, by name and number. */
  unreadSignals(ids: readonly number[]): Awaitable<readonly Signal[]>
  /** All signals without their content. */
  signalHeads(ids: readonly number[]): Awaitable<readonly SignalHead[]>
  /** How many children each has. */
  childCounts(ids: readonly number[]): Awaitable<readonly { id: number; count: number }[]>
  /** Children that have not ended, end with their parent and were not cancelled yet, oldest first. */
  openChildren(id: number, limit: number): Awaitable<readonly number[]>
  /** Fingerprint of each execution's newest success. */
  fingerprints(ids: readonly number[]): Awaitable<readonly { id: number; fingerprint: string }[]>
  /** The next due work of one queue, in claim order: rank, then turn, then age. */
  ready(queue: number, limit: number): Awaitable<readonly Ready[]>
  /** The same, behind a place in line that need not be taken. */
  readyBehind(place: Pick<Ready, 'queue' | 'rank' | 'turn' | 'id'>, limit: number): Awaitable<readonly Ready[]>
  /** The first entries, at most `each`, of every rank of a queue behind `rank`; one seek where there is no such rank. */
  readyHeads(queue: number, rank: number, each: number): Awaitable<readonly Ready[]>
  /** The newest turn of each pair, in their order; 0 for one that was given none. */
  turns(pairs: readonly Omit<Turn, 'last'>[]): Awaitable<readonly number[]>
  /** A turn that nothing due lies before: of the first due entry, or else the newest that was given. */
  virtualTime(queue: number, rank: number): Awaitable<number>
  /** Timers due at `now`, oldest first. */
  dueTimers(now: number, limit: number): Awaitable<readonly Timer[]>
  nextTimerAt(): Awaitable<number | null>
  /** Executions that run or are planned and whose lease has ended at `now`, oldest key first, behind `after`. */
  expiredLeases(now: number, after: number, limit: number): Awaitable<readonly number[]>
  /** Executions that run or are planned by one worker incarnation, oldest key first, behind `after`. */
  heldBy(worker: number, after: number, limit: number): Awaitable<readonly number[]>
  /** Executions with an effect in doubt that this worker incarnation may have performed, oldest key first, behind `after`. */
  doubtedBy(worker: number, after: number, limit: number): Awaitable<readonly number[]>
  /** In line for a key: rank, then turn, then age. */
  parked(key: string, limit: number): Awaitable<readonly Parked[]>
  /** The first parked entries, at most `each`, of every rank behind `rank`. */
  parkedHeads(key: string, rank: number, each: number): Awaitable<readonly Parked[]>
  parkedAt(id: number): Awaitable<Parked | null>
  /** All permits of one key. */
  permits(tenant: string, key: string): Awaitable<readonly Permit[]>
  permitsOf(ids: readonly number[]): Awaitable<readonly Permit[]>
  /** The executions that have permits, or stand in line for one of a step. */
  holders(): Awaitable<readonly number[]>
  /** Steps in line for a key: rank, then time, then age. */
  waiters(tenant: string, key: string): Awaitable<readonly Waiter[]>
  waitersOf(ids: readonly number[]): Awaitable<readonly Waiter[]>
  limits(): Awaitable<readonly Limit[]>
  rate(tenant: string, key: string): Awaitable<RateState | null>
  /** Rates that somebody waits for and that have a share again at `now`. */
  dueRates(now: number, limit: number): Awaitable<readonly RateState[]>
  pauses(): Awaitable<readonly Pause[]>
  /** Those that ended behind `since` or are open yet. */
  pauseIntervals(since: number): Awaitable<readonly PauseInterval[]>
  /** How many intervals are open, and when the last of the others ended; 0 for never. */
  pausedTime(): Awaitable<{ readonly open: number; readonly until: number }>
  releases(): Awaitable<readonly Release[]>
  /** Every version of every policy, oldest first. */
  timeoutPolicies(): Awaitable<readonly TimeoutPolicy[]>
  /** Changes of rights behind a version, oldest first. */
  rights(after: number): Awaitable<readonly RightsChange[]>
  policies(ask: PolicyAsk): Awaitable<readonly Policy[]>
  /** Queues without waiting work may be left out. */
  depths(): Awaitable<readonly Depth[]>
  bulk(key: number): Awaitable<Bulk | null>
  /** First free key of a bulk command. */
  nextBulk(): Awaitable<number>
  /** The first executions that a bulk command has not come to, oldest first. */
  bulkItems(key: number, limit: number): Awaitable<readonly number[]>
  workers(keys: readonly number[] | 'live'): Awaitable<readonly Worker[]>
  /** Of that epoch. */
  leader(epoch: number | 'newest'): Awaitable<Leader | null>
  schedule(tenant: string, name: string): Awaitable<Schedule | null>
  token(id: string): Awaitable<Token | null>
  signIn(hash: string): Awaitable<SignIn | null>
  /** Every link and session of a principal. */
  signInsOf(tenant: string, principal: string): Awaitable<readonly SignIn[]>
  /** Those that have ended at `now`, oldest end first. */
  expiredSignIns(now: number, limit: number): Awaitable<readonly SignIn[]>
  /**
   * Ended before the time, without an open effect, neither a parent nor a child of one that goes on; oldest first. `next`
   * is null when nothing behind was requested before the time.
   */
  archivable(ask: ArchivableAsk): Awaitable<{ readonly ids: readonly number[]; readonly next: number | null }>
  archived(ids: readonly number[]): Awaitable<readonly Archived[]>
  /** Rows that could not be read and were set aside, oldest first. */
  quarantine(): Awaitable<readonly Quarantined[]>
  /** What callers have left in transactions of their own; nothing where they cannot reach the store. */
  waiting(max: WaitingMax): Awaitable<Waiting>
}

/**
 * One owner's door to the tables: a transaction at a time. Promises, each shown by a file of `contract/`:
 * what `commit` has returned survives power loss; a write names the row it expects (execution, fence, state, number) and
 * a row that is not so any more is left untouched and reported; the log only grows; an illegal transition is refused by
 * the tables themselves.
 */
export interface StoreSession extends Reads {
  begin(): Awaitable<void>
  /** Writes everything, and reports the keys of updates whose row was not as expected. */
  write(changes: Changes): Awaitable<{ readonly stale: readonly number[] }>
  commit(): Awaitable<void>
  rollback(): Awaitable<void>
  /** Inside a transaction: whether others have written what this one was not told of. Left out where nobody else can. */
  othersWrote?(): boolean
  /** Inside a transaction: all that others have written until now is known. */
  caughtUp?(): void
  close(): Awaitable<void>
}

export interface ExecutionFilter {
  readonly tenant?: string | undefined
  readonly states?: readonly State[] | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
  readonly key?: string | undefined
  /** Newest first, below this key. */
  readonly before?: number | undefined
  readonly limit: number
}

export interface Found {
  readonly execution: Execution
  readonly request: Request
  /** Set where it was found in the archive. */
  readonly archived?: (ArchivedParts & Pick<Archived, 'archivedAt'>) | undefined
}

export interface FailurePattern {
  readonly action: string
  readonly state: State
  readonly errorClass: string
  readonly count: number
  readonly newestAt: number
}

export interface ShownSignal extends Signal {
  readonly takenAt: number | null
}

/**
 * What people are shown: committed rows only, outside every transaction, never blocking the writer. Lists leave out what
 * cannot be read and tell whoever opened the views.
 */
export interface Views {
  /**
   * The same, as one tenant may see it. What serves people asks through it: where the store can, nothing of another tenant
   * comes through even where a question forgets to say whose rows it wants.
   */
  of(tenant: string): Views
  find(id: number): Awaitable<Found | null>
  list(filter: ExecutionFilter): Awaitable<readonly Found[]>
  /** One page of a search, newest first. */
  search(search: Search): Awaitable<SearchPage<Found>>
  /** The same by keys alone, for whoever wants many. */
  searchKeys(search: Search): Awaitable<SearchPage<{ readonly id: number; readonly state: State }>>
  outcome(id: number): Awaitable<Outcome | null>
  steps(id: number): Awaitable<readonly Step[]>
  effects(filter: {
    readonly id?: number | undefined
    readonly tenant?: string | undefined
    readonly open?: boolean | undefined
    readonly limit: number
  }): Awaitable<readonly Effect[]>
  /** The newest revision of its plan. */
  plan(id: number): Awaitable<Plan | null>
  /** Steps of its plan behind place `after`, in order. */
  planSteps(id: number, after: number, limit: number): Awaitable<readonly PlanStep[]>
  /** Oldest first. */
  votes(id: number): Awaitable<readonly Vote[]>
  /** Executions of these states that people must agree to, newest first, below `before`. */
  gated(tenant: string, states: readonly State[], before: number, limit: number): Awaitable<readonly Found[]>
  /** By name; of one name the newest last. */
  artifacts(id: number): Awaitable<readonly Artifact[]>
  /** Which of these contents lie in the artifact store on behalf of some row. */
  artifactsNamed(sha256s: readonly string[]): Awaitable<readonly string[]>
  /** Lines above `after` of at least this level (1 debug … 4 error), in order. */
  logs(id: number, after: number, limit: number, level?: number): Awaitable<readonly LogLine[]>
  /** Newest first. */
  signals(id: number, limit: number): Awaitable<readonly ShownSignal[]>
  /** One execution's events above `after`, in order of `n`. Reads a bounded number of pages per event. */
  events(id: number, after: number, limit: number): Awaitable<readonly Event[]>
  /** Log rows behind a position, in order: the ordered feed. */
  log(after: number, limit: number, tenant?: string): Awaitable<readonly LogRow[]>
  headPosition(): Awaitable<number>
  /** How many there are; what waits to be claimed in immediate mode is in no queue's depth. */
  countsByState(tenant?: string): Awaitable<readonly { action: string; state: State; count: number }[]>
  oldestReadyAt(tenant?: string): Awaitable<number | null>
  failuresSince(at: number, tenant?: string): Awaitable<readonly FailurePattern[]>
  running(tenant?: string, limit?: number): Awaitable<readonly Found[]>
  pauses(): Awaitable<readonly Pause[]>
  /** The key under which an execution is parked; null when it is not. */
  parkedUnder(id: number): Awaitable<string | null>
  /** Permits of a tenant and of shared keys, by key and slot; of all tenants without one. */
  permits(filter: {
    readonly tenant?: string | undefined
    readonly key?: string | undefined
    readonly limit: number
  }): Awaitable<readonly Permit[]>
  permitsOf(id: number): Awaitable<readonly Permit[]>
  waiters(tenant: string, key: string): Awaitable<readonly Waiter[]>
  waitersOf(id: number): Awaitable<readonly Waiter[]>
  /** Those in line for a key, in order. */
  parked(key: string, limit: number): Awaitable<readonly Parked[]>
  /** Where an execution is parked, and how many stand before it there. */
  parkedAt(id: number): Awaitable<{ readonly parked: Parked; readonly before: number } | null>
  limits(tenant?: string): Awaitable<readonly Limit[]>
  releases(): Awaitable<readonly Release[]>
  timeoutPolicies(): Awaitable<readonly TimeoutPolicy[]>
  bulk(key: number): Awaitable<Bulk | null>
  /** Newest first, the last hundred. */
  bulks(tenant: string): Awaitable<readonly Bulk[]>
  /** Every one that is not over. */
  openBulks(): Awaitable<readonly Bulk[]>
  /** Why parts of a bulk command were refused, the most frequent code first. */
  bulkRefusals(key: number): Awaitable<readonly { readonly code: string; readonly count: number }[]>
  bulkItems(key: number, limit: number): Awaitable<readonly number[]>
  workers(): Awaitable<readonly Worker[]>
  /** Newest epoch first. */
  leaders(limit: number): Awaitable<readonly Leader[]>
  /** All that hold the store, or did not long ago, the longest there first. */
  processes(): Awaitable<readonly FleetProcess[]>
  queues(): Awaitable<readonly Queue[]>
  tokens(): Awaitable<readonly Token[]>
  token(id: string): Awaitable<Token | null>
  signIn(hash: string): Awaitable<SignIn | null>
  rights(after: number): Awaitable<readonly RightsChange[]>
  policies(ask: PolicyAsk): Awaitable<readonly Policy[]>
  archived(id: number): Awaitable<Archived | null>
  /** Newest execution first, below `before`. */
  archives(tenant: string, before: number, limit: number): Awaitable<readonly ArchiveEntry[]>
  /** By name, behind `after`. */
  schedules(tenant: string, after: string, limit: number): Awaitable<readonly Schedule[]>
  schedule(tenant: string, name: string): Awaitable<Schedule | null>
  /** Unpaused ones whose next occurrence is not after `now`, oldest first. */
  dueSchedules(now: number, limit: number): Awaitable<readonly Schedule[]>
  /** Rows that could not be read and were set aside, oldest first. */
  quarantine(): Awaitable<readonly Quarantined[]>
  close(): Awaitable<void>
}

export type { PauseScope }
