import { hostname } from 'node:os'
import { artifactFiles } from './artifacts/files.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import type { StoreHost } from './commit/host.ts'
import { storePath } from './config/store-address.ts'
import type { Caller } from './control/control-plane.ts'
import type { Dispatch, Dispatching } from './dispatch/dispatch.ts'
import { Embedded, type EmbeddedCaller } from './embedded.ts'
import { createEngine, type Engine, type Log, type Settings } from './engine.ts'
import { isRefusal, orThrow, type Refusal } from './errors/refusal.ts'
import { type Random, systemRandom } from './identity/random.ts'
import { createLocalWorker, dataDirOf, type LocalWorkerOptions } from './local-worker.ts'
import { openStore } from './open-store.ts'
import type { WaitOptions } from './operations/executions.ts'
import { Operations } from './operations/operations.ts'
import type { Actions, Named, Names, TypedExecution, TypedRequest, TypedTicket } from './operations/shapes.ts'
import type { ExecutionView } from './projections/view.ts'
import type { SecretSource } from './run/secrets.ts'
import type { ProcessRole } from './store/fleet.ts'
import type { Transaction } from './store/inbox.ts'
import { TaskQueue } from './task-queue.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export type {
  Action,
  ActionDefinition,
  AnyAction,
  EffectSpec,
  HandlerTransaction,
  InputOf,
  OutputOf,
  RunContext,
} from './action/action.ts'
export { action, actionRegistry } from './action/action.ts'
export type { SubmitRequest } from './admit/request.ts'
export { artifactFiles } from './artifacts/files.ts'
export { artifactMemory } from './artifacts/memory.ts'
export type { ArtifactContent, ArtifactStore, StoredEntry, StoredFile } from './artifacts/store.ts'
export type { StoreHost } from './commit/host.ts'
export type { Caller, Submitted } from './control/control-plane.ts'
export type { EmbeddedCaller } from './embedded.ts'
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
export type * from './operations/shapes.ts'
export { definePolicy, type PolicyDocument } from './policy/document.ts'
export type { EventView, ExecutionView, LogLineView } from './projections/view.ts'
export type { ProcessRole } from './store/fleet.ts'
export type { Transaction } from './store/inbox.ts'
export type { ClaimResult, IdempotencyRecord, RecoveredTask, TaskQueue, TransitionResult } from './task-queue.ts'

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
  readonly caller?: EmbeddedCaller | undefined
  /** Carries hints of due work through a server that a team runs already: see `pawl/bullmq`. */
  readonly dispatch?: Dispatch | undefined
  /** False where this process never does what is done once for all (sweeps, schedules, retention); PostgreSQL only. */
  readonly duties?: boolean | undefined
  /** What `worker list` calls this process; by default what its slots and duties make of it. */
  readonly role?: ProcessRole | undefined
  /** Told once the worker of this process was drained by a person: nothing runs here any more. */
  readonly onDrained?: LocalWorkerOptions['onDrained']
  /** Told once nothing runs but handlers that ignore their abort: only the end of the process frees them. */
  readonly onStuck?: LocalWorkerOptions['onStuck']
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly log?: Log | undefined
}

/** In whose transaction something is written. */
export interface Within {
  readonly tx: Transaction
}

const embedded: EmbeddedCaller = { principal: 'service:embedded', tenant: 'default' }

/** The life of an engine and its worker, shared by whoever holds them. */
interface Life {
  readonly engine: Engine
  readonly worker: ReturnType<typeof createLocalWorker> | null
  readonly dispatching: Dispatching | null
  isStarted: boolean
}

/** Pawl inside a program: no HTTP needed. */
export class Pawl<A extends Actions> extends Operations<A> {
  readonly engine: Engine
  readonly #life: Life
  readonly #caller: EmbeddedCaller
  readonly #embedded: Embedded

  constructor(life: Life, caller: EmbeddedCaller) {
    const carrier = new Embedded(life.engine, caller)
    super(carrier, life.engine.clock)
    this.#embedded = carrier
    this.engine = life.engine
    this.#life = life
    this.#caller = caller
  }

  /** The same engine in the hands of somebody else, with the rights of their role. */
  as(caller: EmbeddedCaller): Pawl<A> {
    return new Pawl(this.#life, caller)
  }

  /** Frees what a former process left behind and begins to run. */
  async start(): Promise<void> {
    if (this.#life.isStarted) return
    this.#life.isStarted = true
    await this.engine.start()
    await this.#life.worker?.start()
  }

  /** Drains for `graceMs` (default 10 s), then aborts, hands back and closes the store. */
  async stop({ graceMs }: { readonly graceMs?: number | undefined } = {}): Promise<void> {
    if (this.#life.isStarted) await this.#life.worker?.stop({ graceMs })
    await this.engine.stop()
    await this.#life.dispatching?.close()
    await this.engine.host.close()
  }

  /** The queue contract for programs that claim and settle by themselves. */
  tasks(by: Caller = this.#caller): TaskQueue {
    return new TaskQueue(this.engine, by)
  }

  override submit<N extends Names<A>>(request: TypedRequest<A, N>): Promise<TypedExecution<Named<A, N>>>
  /**
   * Leaves the submission in a transaction of yours, on the PostgreSQL database that is Pawl's store: it is admitted once
   * you have committed, and never if you roll back. Its ticket stands for the execution from then on. What can be refused
   * only then (a key used before with other input, a full queue) is told to whoever asks for the ticket.
   */
  override submit<N extends Names<A>>(request: TypedRequest<A, N>, within: Within): Promise<TypedTicket<Named<A, N>>>
  override async submit<N extends Names<A>>(
    request: TypedRequest<A, N>,
    within?: Within,
  ): Promise<TypedExecution<Named<A, N>> | TypedTicket<Named<A, N>>> {
    if (within === undefined) return orThrow(await this.trySubmit(request))
    return orThrow(await this.#embedded.submitWithin(within.tx, request))
  }

  /** Straight to the control plane where nothing has to be denied: embedded submits are the hot path. */
  override async trySubmit<N extends Names<A>>(
    request: TypedRequest<A, N>,
  ): Promise<TypedExecution<Named<A, N>> | Refusal> {
    if (!hasEveryRight(this.#caller)) return super.trySubmit(request)
    const answer = await this.engine.plane.trySubmit(request, this.#caller)
    return isRefusal(answer) ? answer : Object.assign(answer.execution, { replayed: answer.replayed })
  }

  override async submitMany<N extends Names<A>>(
    requests: readonly TypedRequest<A, N>[],
  ): Promise<(TypedExecution<Named<A, N>> | Refusal)[]> {
    if (!hasEveryRight(this.#caller)) return super.submitMany(requests)
    const answers = orThrow(await this.engine.plane.submitMany(requests, this.#caller))
    return answers.map((answer) =>
      isRefusal(answer) ? answer : Object.assign(answer.execution, { replayed: answer.replayed }),
    )
  }

  /** Waits until the execution has ended, and gives it as it is then. */
  async ended(id: string, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<ExecutionView> {
    for await (const _ of this.watch(id, options));
    options.signal?.throwIfAborted()
    return this.get(id)
  }

  /** Sets no timer where it waits without a limit, so that a clock that only a test moves can stand still. */
  override wait(id: string, options: WaitOptions = {}): Promise<ExecutionView> {
    return options.timeoutMs === undefined ? this.ended(id, options) : super.wait(id, options)
  }
}

const hasEveryRight = ({ role }: EmbeddedCaller): boolean => role === undefined || role === 'admin'

/**
 * Opens a store and composes everything that runs on it.
 *
 * @throws Refused when the store cannot be opened or the settings contradict each other.
 */
export async function createPawl<const A extends Actions>(options: PawlOptions<A>): Promise<Pawl<A>> {
  const path = typeof options.store === 'string' ? storePath(options.store) : null
  const host = typeof options.store === 'string' ? await openStore(options.store, options.clock) : options.store
  let dispatching: Dispatching | null = null
  try {
    const { actions, settings, clock = createSystemClock(), random = systemRandom, log } = options
    const dataDir = options.dataDir ?? dataDirOf(path ?? ':memory:')
    const files = ({ artifactBytesMax: bytesMax }: Settings): ArtifactStore =>
      artifactFiles({ dataDir, unique: () => random.uuid(), now: () => clock.now(), bytesMax })
    const artifacts = options.artifacts ?? files
    dispatching = (await options.dispatch?.open({ host, clock, random, log: log ?? (() => {}) })) ?? null
    const { duties } = options
    const { slots = 10, actionsModule, identity, secrets, onDrained, onStuck } = options
    const { role = duties !== false ? 'all' : slots === 0 ? 'api' : 'worker' } = options
    const process = { role, name: identity ?? `${role === 'all' ? 'local' : role}@${hostname()}` }
    const engine = createEngine({ host, actions, artifacts, settings, clock, random, log, duties, process })
    const opened = dispatching
    if (opened !== null) engine.plane.notices.push(() => opened.notice())
    const module = actionsModule === undefined ? undefined : { module: actionsModule }
    const running = { identity, slots, secrets, onDrained, onStuck, role: duties === false ? 'worker' : 'all' } as const
    const worker = slots === 0 ? null : createLocalWorker({ engine, dispatching, actionsModule: module, ...running })
    return new Pawl<A>({ engine, worker, dispatching, isStarted: false }, options.caller ?? embedded)
  } catch (error) {
    await dispatching?.close()
    await host.close()
    throw error
  }
}
