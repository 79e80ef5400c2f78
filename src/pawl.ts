import type { AnyAction, InputOf, OutputOf } from './action/action.ts'
import type { SubmitRequest } from './admit/request.ts'
import { checkSignal } from './admit/signal.ts'
import type { ArchiveRequest, ArchiveRun } from './archive/archives.ts'
import { artifactFiles } from './artifacts/files.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import { newestPlan, stepsBehind } from './commands/plans.ts'
import { parseQuery, type Query, readerOf } from './commands/query.ts'
import type { StoreHost } from './commit/host.ts'
import type { Caller, ListQuery, PersonCommand } from './control-plane.ts'
import { createEngine, type Engine, type Log, type Settings } from './engine.ts'
import { TerminalError } from './errors/failures.ts'
import { isRefusal, orThrow, type Refusal } from './errors/refusal.ts'
import { newestPolicies, type TimeoutPolicy } from './execution/timeout-policy.ts'
import { type Random, systemRandom } from './identity/random.ts'
import { type Immediate, type ImmediateOptions, runImmediately } from './immediate.ts'
import { createLocalWorker, dataDirOf } from './local-worker.ts'
import { PawlBulk } from './pawl-bulk.ts'
import type { OpenArtifact } from './projections/artifact.ts'
import type { LogsQuery } from './projections/logs.ts'
import type { PlanStepView, PlanView } from './projections/plan-view.ts'
import { type TimeoutPolicyView, timeoutPolicyView } from './projections/timeouts.ts'
import type { EventView, ExecutionView, LogLineView } from './projections/view.ts'
import type { SecretSource } from './run/secrets.ts'
import type { Backfill, BackfillRequest, ScheduleRequest } from './schedule/schedules.ts'
import type { ScheduleView } from './schedule/view.ts'
import { sqlite } from './sqlite.ts'
import { TaskQueue } from './task-queue.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export type { Action, ActionDefinition, AnyAction, EffectSpec, InputOf, OutputOf, RunContext } from './action/action.ts'
export { action, actionRegistry } from './action/action.ts'
export type { SubmitRequest } from './admit/request.ts'
export { artifactFiles } from './artifacts/files.ts'
export { artifactMemory } from './artifacts/memory.ts'
export type { ArtifactContent, ArtifactStore, StoredEntry, StoredFile } from './artifacts/store.ts'
export type { StoreHost } from './commit/host.ts'
export type { Caller, ListQuery, Submitted } from './control-plane.ts'
export { codes } from './errors/codes.ts'
export {
  AuthError,
  Canceled,
  ChildFailed,
  DatabaseError,
  Failure,
  JournalMismatch,
  LeaseLost,
  NetworkError,
  NotApplied,
  RateLimitError,
  RetryAfter,
  TerminalError,
  TimeoutError,
  Undecodable,
  UnknownOutcome,
  ValidationError,
} from './errors/failures.ts'
export { isRefusal, type Refusal, Refused } from './errors/refusal.ts'
export { machine, type State, states } from './execution/machine.ts'
export type { Immediate, ImmediateOptions } from './immediate.ts'
export type { OpenArtifact } from './projections/artifact.ts'
export type { EventView, ExecutionView, LogLineView } from './projections/view.ts'
export type { ClaimResult, IdempotencyRecord, RecoveredTask, TaskQueue, TransitionResult } from './task-queue.ts'

type Actions = readonly AnyAction[]
/** The action of that name; any action where the compiler does not know the names. */
export type Named<A extends Actions, N extends string> = [Extract<A[number], { readonly name: N }>] extends [never]
  ? A[number]
  : Extract<A[number], { readonly name: N }>
export type Names<A extends Actions> = A[number]['name']

export interface PawlOptions<A extends Actions> {
  /** A path such as `sqlite:./.pawl/pawl.db`, or a store that is open already. */
  readonly store: string | StoreHost
  readonly actions: A
  /** Module that exports the actions, as an absolute path or file URL: where runs in a process of their own find them. */
  readonly actionsModule?: string | undefined
  /** Executions that run in this process at a time; 0 runs none here. Default 10. */
  readonly slots?: number | undefined
  /** Stable over restarts: the same identity started anew frees the leases of its dead predecessor at once. */
  readonly identity?: string | undefined
  readonly settings?: Partial<Settings> | undefined
  /** The folder of the artifact files; beside the store's file when not given. */
  readonly dataDir?: string | undefined
  /** Keeps artifacts and large results elsewhere than in files. */
  readonly artifacts?: ArtifactStore | undefined
  /** Default: variables of the environment by the names that the action declares. */
  readonly secrets?: SecretSource | undefined
  /** Whose commands these are when a call does not say. Default `service:embedded` of tenant `default`. */
  readonly caller?: Caller | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly log?: Log | undefined
}

/** A request for an action that is known to the compiler. */
export type TypedRequest<A extends Actions, N extends Names<A>> = Omit<SubmitRequest, 'action' | 'input'> & {
  readonly action: N
  readonly input: InputOf<Named<A, N>>
}

/** An execution together with the action it runs, so that its result has a type. */
export interface TypedExecution<A extends AnyAction> extends ExecutionView {
  readonly replayed: boolean
  readonly of?: A
}

/** Pawl inside a program: no HTTP needed. Methods throw `Refused`; the `try…` ones return the refusal. */
export class Pawl<A extends Actions> {
  readonly engine: Engine
  /** Commands on everything that a query finds. */
  readonly bulk: PawlBulk
  readonly #caller: Caller
  readonly #worker: ReturnType<typeof createLocalWorker> | null
  #started = false

  constructor(engine: Engine, options: PawlOptions<A>) {
    this.engine = engine
    this.#caller = options.caller ?? { principal: 'service:embedded', tenant: 'default' }
    this.bulk = new PawlBulk(engine, this.#caller)
    const slots = options.slots ?? 10
    this.#worker =
      slots === 0
        ? null
        : createLocalWorker({
            engine,
            identity: options.identity,
            slots,
            secrets: options.secrets,
            actionsModule: options.actionsModule === undefined ? undefined : { module: options.actionsModule },
          })
  }

  /** Frees what a former process left behind and begins to run. */
  async start(): Promise<void> {
    if (this.#started) return
    this.#started = true
    await this.engine.start()
    await this.#worker?.start()
  }

  /** Drains for `graceMs` (default 10 s), then aborts, hands back and closes the store. */
  async stop({ graceMs }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    if (this.#started) await this.#worker?.stop({ graceMs })
    await this.engine.stop()
    await this.engine.host.close()
  }

  /** The queue contract for programs that claim and settle by themselves. */
  tasks(by = this.#caller): TaskQueue {
    return new TaskQueue(this.engine, by)
  }

  async submit<N extends Names<A>>(
    request: TypedRequest<A, N>,
    by = this.#caller,
  ): Promise<TypedExecution<Named<A, N>>> {
    return orThrow(await this.trySubmit(request, by))
  }

  async trySubmit<N extends Names<A>>(
    request: TypedRequest<A, N>,
    by = this.#caller,
  ): Promise<TypedExecution<Named<A, N>> | Refusal> {
    const answer = await this.engine.plane.trySubmit(request, by)
    return isRefusal(answer) ? answer : Object.assign(answer.execution, { replayed: answer.replayed })
  }

  /**
   * Submits in immediate mode and waits for the end, ten seconds at most: claimed before all background work. `why` says
   * what holds back an execution that has not ended; it goes on in the background.
   */
  async run<N extends Names<A>>(
    request: TypedRequest<A, N>,
    options: ImmediateOptions = {},
  ): Promise<Omit<Immediate, 'execution'> & { readonly execution: TypedExecution<Named<A, N>> }> {
    const { plane, clock } = this.engine
    const answer = orThrow(await runImmediately(plane, clock, request, this.#caller, options))
    return { ...answer, execution: Object.assign(answer.execution, { replayed: answer.replayed }) }
  }

  /** One answer per request, in their order; a refused one keeps none of the others out. */
  async submitMany<N extends Names<A>>(requests: readonly TypedRequest<A, N>[], by = this.#caller) {
    const answers = orThrow(await this.engine.plane.submitMany(requests, by))
    return answers.map((answer) =>
      isRefusal(answer) ? answer : Object.assign(answer.execution, { replayed: answer.replayed }),
    ) as (TypedExecution<Named<A, N>> | Refusal)[]
  }

  async get(id: string, by = this.#caller): Promise<ExecutionView> {
    return orThrow(await this.engine.plane.get(id, by))
  }

  /** Newest first, by fields or by a written query such as `state:failed created:<2h`, or both. */
  async list(
    { query, ...fields }: ListQuery & { readonly query?: string | undefined } = {},
    by = this.#caller,
  ): Promise<{ items: ExecutionView[]; next: string | null }> {
    const { plane, clock } = this.engine
    const parsed: Partial<Query> = query === undefined ? {} : orThrow(parseQuery(query, readerOf(plane, clock.now())))
    const where = [...(parsed.where ?? []), ...(fields.where ?? [])]
    return orThrow(await plane.list({ ...parsed, ...fields, where }, by))
  }

  /** Every event above `after` as it is committed; ends when the execution has ended and all was shown. */
  async *watch(
    id: string,
    options: { readonly after?: number; readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<EventView, void> {
    const signal = options.signal ?? new AbortController().signal
    const refusal = yield* this.engine.plane.watch(id, options.after ?? 0, this.#caller, signal)
    if (refusal !== undefined) orThrow(refusal)
  }

  /** Waits until the execution has ended, and gives it as it is then. */
  async ended(id: string, options: { readonly signal?: AbortSignal } = {}): Promise<ExecutionView> {
    for await (const _ of this.watch(id, options));
    options.signal?.throwIfAborted()
    return this.get(id)
  }

  /**
   * Waits for the end and gives the result.
   *
   * @throws TerminalError when it ended otherwise, with the state and the last error.
   */
  async result<T extends AnyAction>(
    execution: TypedExecution<T> | string,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<OutputOf<T>> {
    const id = typeof execution === 'string' ? execution : execution.id
    const ended = await this.ended(id, options)
    if (ended.state !== 'succeeded') {
      throw new TerminalError(`execution ${id} is ${ended.state}: ${ended.lastError ?? 'no error was recorded'}`)
    }
    return orThrow(await this.engine.plane.kept.result(id, this.#caller)).value as OutputOf<T>
  }

  /** What the execution stored under this name last; its content can be read once, piece by piece. */
  async artifact(id: string, name: string, by = this.#caller): Promise<OpenArtifact> {
    return orThrow(await this.engine.plane.kept.artifact(id, name, by))
  }

  /** What its handlers have said with `ctx.log`, in order. */
  async logs(id: string, query: LogsQuery = {}, by = this.#caller): Promise<readonly LogLineView[]> {
    return orThrow(await this.engine.plane.kept.logs(id, query, by))
  }

  /** What the execution is going to do; null while nobody has planned it. */
  async plan(id: string, by = this.#caller): Promise<PlanView | null> {
    const plan = await newestPlan(this.engine.plane, id, by)
    return plan === null ? null : orThrow(plan)
  }

  /** Steps of its plan behind place `after`, in order. */
  async planSteps(id: string, after = -1, by = this.#caller): Promise<PlanStepView[]> {
    return orThrow(await stepsBehind(this.engine.plane, id, after, 1_000, by))
  }

  cancel(id: string, reason?: string): Promise<ExecutionView> {
    return this.#command(id, { type: 'cancel', reason: reason ?? null })
  }

  /** Makes a retryable_failed execution due now. */
  retry(id: string): Promise<ExecutionView> {
    return this.#command(id, { type: 'retry' })
  }

  /** Leaves a terminal state, with a new budget of attempts. */
  redrive(id: string, reason: string): Promise<ExecutionView> {
    return this.#command(id, { type: 'redrive', reason })
  }

  /** Runs an execution that has ended once more, as a new one with the same input and, by default, the same seed. */
  async rerun(
    id: string,
    options: { readonly seed?: string | number | undefined; readonly reason?: string | undefined } = {},
  ): Promise<ExecutionView> {
    return orThrow(await this.engine.plane.rerun(id, this.#caller, options))
  }

  /** Sends a signal to an execution; repeated with the same `dedupe` it is one. */
  signal(id: string, name: string, payload?: unknown, dedupe?: string): Promise<ExecutionView> {
    return this.#command(id, orThrow(checkSignal({ name, payload, dedupe })))
  }

  /** Holds back whatever matches; running executions go on. Returns whether this changed anything. */
  async pause(what: PauseTarget, reason: string): Promise<boolean> {
    return orThrow(await this.engine.plane.pause(what, reason, true, this.#caller)).changed
  }

  /** `pace`: how many executions a second are let go; 5000 when not given. */
  async unpause(what: PauseTarget, { pace }: { readonly pace?: number } = {}): Promise<boolean> {
    return orThrow(await this.engine.plane.pause(what, '', false, this.#caller, pace)).changed
  }

  /** Puts what ended long enough ago into the archive. */
  async archive(request: ArchiveRequest, by = this.#caller): Promise<ArchiveRun> {
    return orThrow(await this.engine.plane.archives.run(request, by))
  }

  /** Newest execution first. */
  async archives(page: { readonly limit?: number; readonly cursor?: string } = {}, by = this.#caller) {
    return orThrow(await this.engine.plane.archives.list(page, by))
  }

  /** Brings an execution back as it was. */
  async restore(id: string, by = this.#caller): Promise<ExecutionView> {
    return orThrow(await this.engine.plane.restore(id, by))
  }

  /** Runs an action at the times of a cron expression. */
  async createSchedule(request: ScheduleRequest, by = this.#caller): Promise<ScheduleView> {
    return orThrow(await this.engine.plane.schedules.create(request, by))
  }

  /** By name. */
  schedules(page: { readonly limit?: number; readonly cursor?: string } = {}, by = this.#caller) {
    return this.engine.plane.schedules.list(page, by)
  }

  async schedule(name: string, by = this.#caller): Promise<ScheduleView> {
    return orThrow(await this.engine.plane.schedules.get(name, by))
  }

  async pauseSchedule(name: string, by = this.#caller): Promise<ScheduleView> {
    return orThrow(await this.engine.plane.schedules.pause(name, by))
  }

  async unpauseSchedule(name: string, by = this.#caller): Promise<ScheduleView> {
    return orThrow(await this.engine.plane.schedules.unpause(name, by))
  }

  /** Runs its action now, beside its occurrences. */
  async triggerSchedule(name: string, key?: string, by = this.#caller): Promise<ExecutionView> {
    const { id } = orThrow(await this.engine.plane.schedules.trigger(name, key, by))
    return this.get((await this.engine.plane.naming()).idOf(id), by)
  }

  async deleteSchedule(name: string, by = this.#caller): Promise<void> {
    orThrow(await this.engine.plane.schedules.delete(name, by))
  }

  /** Submits the occurrences of a past range; those that have fired start nothing. */
  async backfillSchedule(name: string, range: BackfillRequest, by = this.#caller): Promise<Backfill> {
    return orThrow(await this.engine.plane.schedules.backfill(name, range, by))
  }

  /** Changes how long work of a pair of classes may take, from the next commit on; milliseconds, null for no limit. */
  async setTimeoutPolicy(
    policy: Pick<TimeoutPolicy, 'slaClass' | 'actionClass' | 'attemptMs' | 'overallMs' | 'reason'>,
  ): Promise<TimeoutPolicyView> {
    return orThrow(await this.engine.plane.setTimeoutPolicy(policy, this.#caller))
  }

  /** How long work of each class may take. */
  async timeoutPolicies(): Promise<readonly TimeoutPolicyView[]> {
    return newestPolicies(await this.engine.host.views.timeoutPolicies()).map(timeoutPolicyView)
  }

  /** Every change of the timeout policies there was, oldest first. */
  async timeoutPolicyHistory(): Promise<readonly TimeoutPolicyView[]> {
    return (await this.engine.host.views.timeoutPolicies()).map(timeoutPolicyView)
  }

  async #command(id: string, command: PersonCommand): Promise<ExecutionView> {
    return orThrow(await this.engine.plane.command(id, command, this.#caller))
  }
}

/** Exactly one of the three, or none for everything of the tenant. */
export interface PauseTarget {
  readonly tenant?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

/**
 * Opens a store and composes everything that runs on it.
 *
 * @throws Refused when the store cannot be opened or the settings contradict each other.
 */
export async function createPawl<const A extends Actions>(options: PawlOptions<A>): Promise<Pawl<A>> {
  const path = typeof options.store === 'string' ? options.store.replace(/^sqlite:/, '') : null
  const host =
    typeof options.store === 'string' ? await sqlite({ path: path ?? '', clock: options.clock }) : options.store
  try {
    const { actions, settings, clock = createSystemClock(), random = systemRandom, log } = options
    const dataDir = options.dataDir ?? dataDirOf(path ?? ':memory:')
    const files = ({ artifactBytesMax: bytesMax }: Settings): ArtifactStore =>
      artifactFiles({ dataDir, unique: () => random.uuid(), now: () => clock.now(), bytesMax })
    const artifacts = options.artifacts ?? files
    const engine = createEngine({ host, actions, artifacts, settings, clock, random, log })
    return new Pawl(engine, options)
  } catch (error) {
    await host.close()
    throw error
  }
}
