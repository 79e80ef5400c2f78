import type { ArchiveRequest, ArchiveRun, ArchiveView } from '../archive/archives.ts'
import type { SweptArtifacts } from '../artifacts/sweep.ts'
import type { Ops } from '../projections/ops.ts'
import type { TimeoutPolicyRequest, TimeoutPolicyView } from '../projections/timeouts.ts'
import type { ExecutionView } from '../projections/view.ts'
import type { Backfill, BackfillRequest, ScheduleRequest } from '../schedule/schedules.ts'
import type { ScheduleView } from '../schedule/view.ts'
import type { Clock } from '../time/clock.ts'
import { ActionCatalog, Roles, TokenKeeper, Workers } from './access.ts'
import { Bulk } from './bulk.ts'
import { answerOf, type Carrier, type CommandName, itemsOf } from './carrier.ts'
import { Executions } from './executions.ts'
import { DeadLetters, Idempotency, Ledger } from './ledger.ts'
import { Limits, Locks } from './permits.ts'
import { PolicyKeeper } from './policies.ts'
import { Quarantine } from './quarantine.ts'
import type {
  Actions,
  CodeView,
  FailurePattern,
  FeedPage,
  Page,
  PageAsk,
  PauseTarget,
  PauseView,
  Verdict,
} from './shapes.ts'

/**
 * Everything in the table of commands, as methods: the same over HTTP (`Client`) and inside a program (`Pawl`). Methods
 * throw `Refused`; the `try…` ones return the refusal.
 */
export class Operations<A extends Actions> extends Executions<A> {
  readonly locks: Locks
  readonly limits: Limits
  /** Rows that nobody could read. */
  readonly quarantine: Quarantine
  /** Effects of all executions, and what a person found out about those in doubt. */
  readonly ledger: Ledger
  readonly idempotency: Idempotency
  /** Executions that failed for good. */
  readonly deadLetters: DeadLetters
  /** Commands on everything that a query finds. */
  readonly bulk: Bulk
  /** Who may do what. */
  readonly roles: Roles
  readonly tokens: TokenKeeper
  /** What the tenant has laid down. */
  readonly policies: PolicyKeeper
  readonly actions: ActionCatalog
  readonly workers: Workers
  readonly #carrier: Carrier

  constructor(carrier: Carrier, clock: Clock) {
    super(carrier, clock)
    this.#carrier = carrier
    this.locks = new Locks(carrier)
    this.limits = new Limits(carrier)
    this.quarantine = new Quarantine(carrier)
    this.ledger = new Ledger(carrier)
    this.idempotency = new Idempotency(carrier)
    this.deadLetters = new DeadLetters(carrier)
    this.bulk = new Bulk(carrier)
    this.roles = new Roles(carrier)
    this.tokens = new TokenKeeper(carrier)
    this.policies = new PolicyKeeper(carrier)
    this.actions = new ActionCatalog(carrier)
    this.workers = new Workers(carrier)
  }

  /** Every event of the tenant behind position `after`, in the order of commits; `next` is the position to go on from. */
  feed(ask: { readonly after?: number | undefined; readonly limit?: number | undefined } = {}): Promise<FeedPage> {
    return this.#ask('feed', ask)
  }

  /** Says what a person found out about an effect in doubt. */
  resolveEffect(effectKey: string, verdict: Verdict, reason: string, value?: unknown): Promise<ExecutionView> {
    return this.ledger.resolve(effectKey, verdict, reason, value)
  }

  /** Deletes the contents that no execution names, or counts them. */
  sweepArtifacts({ dryRun = false }: { readonly dryRun?: boolean } = {}): Promise<SweptArtifacts> {
    return this.#ask('artifact sweep', { dryRun })
  }

  /** Holds back whatever matches; running executions go on. Returns whether this changed anything. */
  async pause(what: PauseTarget, reason: string): Promise<boolean> {
    return (await this.#ask<{ changed: boolean }>('pause', { ...what, reason })).changed
  }

  /** `pace`: how many executions a second are let go; 5000 when not given. */
  async unpause(
    what: PauseTarget = {},
    options: { readonly pace?: number | undefined; readonly reason?: string | undefined } = {},
  ): Promise<boolean> {
    return (await this.#ask<{ changed: boolean }>('unpause', { ...what, ...options })).changed
  }

  pauses(): Promise<readonly PauseView[]> {
    return itemsOf(this.#carrier, 'pauses')
  }

  /** How long work of each class may take; with `history` every change there was, oldest first. */
  timeoutPolicies({ history = false }: { readonly history?: boolean } = {}): Promise<readonly TimeoutPolicyView[]> {
    return itemsOf(this.#carrier, history ? 'timeout-policy history' : 'timeout-policy list')
  }

  /** Admissions and claims obey from now on; the change is kept with its reason. */
  setTimeoutPolicy(policy: TimeoutPolicyRequest): Promise<TimeoutPolicyView> {
    return this.#ask('timeout-policy set', policy)
  }

  /** Puts what ended long enough ago into the archive. */
  archive(request: ArchiveRequest & { readonly tenant?: string | undefined }): Promise<ArchiveRun> {
    return this.#ask('archive run', request)
  }

  /** Newest execution first. */
  archives(page: PageAsk = {}): Promise<Page<ArchiveView>> {
    return this.#ask('archive list', page)
  }

  /** Brings an execution back as it was. */
  restore(id: string): Promise<ExecutionView> {
    return this.#ask('archive restore', { id })
  }

  /** Runs an action at the times of a cron expression. */
  createSchedule(request: ScheduleRequest): Promise<ScheduleView> {
    return this.#ask('schedule create', request)
  }

  /** By name. */
  schedules(page: PageAsk = {}): Promise<Page<ScheduleView>> {
    return this.#ask('schedule list', page)
  }

  schedule(name: string): Promise<ScheduleView> {
    return this.#ask('schedule get', { name })
  }

  pauseSchedule(name: string): Promise<ScheduleView> {
    return this.#ask('schedule pause', { name })
  }

  unpauseSchedule(name: string): Promise<ScheduleView> {
    return this.#ask('schedule unpause', { name })
  }

  /** Runs its action now, beside its occurrences. */
  triggerSchedule(name: string, key?: string): Promise<ExecutionView> {
    return this.#ask('schedule trigger', { name, key })
  }

  deleteSchedule(name: string): Promise<{ readonly deleted: true }> {
    return this.#ask('schedule delete', { name })
  }

  /** Submits the occurrences of a past range; those that have fired start nothing. */
  backfillSchedule(name: string, range: BackfillRequest): Promise<Backfill> {
    return this.#ask('schedule backfill', { name, ...range })
  }

  /** The health of everything: a verdict, then depth, stale work, doubts, failures and workers. */
  ops(): Promise<Ops> {
    return this.#ask('ops')
  }

  /** Patterns of failure, the most frequent first; `since` is how far back, `24h` when not given. */
  failures({ since }: { readonly since?: string | undefined } = {}): Promise<readonly FailurePattern[]> {
    return itemsOf(this.#carrier, 'failures', { since })
  }

  /** What a code means and what to do next. */
  explain(code: string): Promise<CodeView> {
    return this.#ask('explain', { code })
  }

  #ask<T>(command: CommandName, input: object = {}): Promise<T> {
    return answerOf(this.#carrier, command, input)
  }
}
