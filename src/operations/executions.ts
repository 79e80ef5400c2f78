import type { AnyAction, OutputOf } from '../action/action.ts'
import { TerminalError } from '../errors/failures.ts'
import { refusalOf } from '../errors/problem.ts'
import { isRefusal, orThrow, type Refusal, Refused, refuse } from '../errors/refusal.ts'
import type { ApprovalView, VoteView } from '../projections/approval.ts'
import { storedResult } from '../projections/artifact.ts'
import type { PlanDiffView, PlanStepView, PlanView } from '../projections/plan-view.ts'
import type { EventView, ExecutionView, LogLineView } from '../projections/view.ts'
import type { Clock } from '../time/clock.ts'
import { answerOf, type Carrier, type CommandName, isReplayed, itemsOf } from './carrier.ts'
import type {
  Actions,
  ArtifactView,
  Download,
  EffectView,
  Ending,
  IfVersion,
  ListRequest,
  LogsAsk,
  Named,
  Names,
  OfStep,
  Page,
  PageAsk,
  SignalView,
  StepView,
  Trace,
  TypedExecution,
  TypedRequest,
  TypedTicket,
  WhyView,
} from './shapes.ts'

/** One `wait` is answered within this; whoever waits longer asks again. */
const pollMs = 25_000

export interface RunOptions {
  /** How long the end is waited for; ten seconds at most, and when not given. */
  readonly windowMs?: number | undefined
  /** Ends the waiting, not the execution. */
  readonly signal?: AbortSignal | undefined
}

export interface WatchOptions {
  /** Only events with a greater sequence. */
  readonly after?: number | undefined
  readonly signal?: AbortSignal | undefined
}

export interface WaitOptions {
  /** Without it until the end. */
  readonly timeoutMs?: number | undefined
  /** Ends the waiting, not the execution. */
  readonly signal?: AbortSignal | undefined
}

/** What can be asked about executions. Methods throw `Refused`; the `try…` ones return the refusal. */
export class Executions<A extends Actions> {
  readonly #carrier: Carrier
  readonly #clock: Clock

  constructor(carrier: Carrier, clock: Clock) {
    this.#carrier = carrier
    this.#clock = clock
  }

  async submit<N extends Names<A>>(request: TypedRequest<A, N>): Promise<TypedExecution<Named<A, N>>> {
    return orThrow(await this.trySubmit(request))
  }

  async trySubmit<N extends Names<A>>(request: TypedRequest<A, N>): Promise<TypedExecution<Named<A, N>> | Refusal> {
    const answer = await this.#carrier.carry('submit', request)
    return isRefusal(answer) ? answer : { ...(answer.body as ExecutionView), replayed: isReplayed(answer) }
  }

  /**
   * Submits in immediate mode and waits for the end, `windowMs` at most (ten seconds): claimed before all background work.
   * What has not ended by then, or is held back, goes on in the background; `why` says what it waits for.
   */
  async run<N extends Names<A>>(
    request: TypedRequest<A, N>,
    { windowMs, signal }: RunOptions = {},
  ): Promise<TypedExecution<Named<A, N>> & Ending> {
    const immediate = { ...request, mode: request.mode ?? 'immediate', waitMs: windowMs }
    const answer = orThrow(await this.#carrier.carry('submit', immediate, signal))
    const { why = null, next = null, ...view } = answer.body as ExecutionView & { why?: string; next?: string }
    return { ...view, replayed: isReplayed(answer), ended: answer.status === 200, why, next }
  }

  /** One answer per request, in their order; a refused one keeps none of the others out. */
  async submitMany<N extends Names<A>>(
    requests: readonly TypedRequest<A, N>[],
  ): Promise<(TypedExecution<Named<A, N>> | Refusal)[]> {
    type Item = { readonly problem: unknown } | { readonly execution: ExecutionView; readonly replayed: boolean }
    const items = await itemsOf<Item>(this.#carrier, 'submit-many', { executions: requests })
    return items.map((item) =>
      'problem' in item ? refusalOf(item.problem) : { ...item.execution, replayed: item.replayed },
    )
  }

  get(id: string): Promise<ExecutionView> {
    return this.#ask('status', { id })
  }

  /** Newest first, by fields or by a written query such as `state:failed created:<2h`, or both. */
  list(query: ListRequest = {}): Promise<Page<ExecutionView>> {
    return this.#ask('list', query)
  }

  /** Why an execution is where it is, in one sentence, and what can be done. */
  why(id: string): Promise<WhyView> {
    return this.#ask('why', { id })
  }

  /** Everything about one execution, from the command that asked for it to its last event. */
  trace(id: string): Promise<Trace> {
    return this.#ask('trace', { id })
  }

  events(
    id: string,
    page: { readonly after?: number | undefined; readonly limit?: number | undefined } = {},
  ): Promise<readonly EventView[]> {
    return itemsOf(this.#carrier, 'events', { id, ...page })
  }

  /** Every event above `after` as it is committed, each once; ends when the execution has ended. */
  watch(id: string, { after = 0, signal }: WatchOptions = {}): AsyncGenerator<EventView, void> {
    return this.#carrier.follow(id, after, signal)
  }

  /**
   * Waits for the end.
   *
   * @throws Refused `wait_timed_out` when it goes on for longer than `timeoutMs`; nothing is canceled.
   */
  async wait(id: string, { timeoutMs = Number.POSITIVE_INFINITY, signal }: WaitOptions = {}): Promise<ExecutionView> {
    const until = this.#clock.now() + timeoutMs
    for (;;) {
      const leftMs = Math.ceil(Math.min(pollMs, Math.max(0, until - this.#clock.now())))
      type Answer = { readonly done: boolean; readonly execution: ExecutionView }
      const { done, execution } = await this.#ask<Answer>('wait', { id, timeoutMs: leftMs }, signal)
      if (done) return execution
      signal?.throwIfAborted()
      if (this.#clock.now() >= until) {
        throw new Refused(refuse('wait_timed_out', `The execution ${id} is ${execution.state} after ${timeoutMs} ms.`))
      }
    }
  }

  /**
   * Waits for the end and gives the result, with its type where the execution comes from `submit`.
   *
   * @throws TerminalError when it ended otherwise, with the state and the last error.
   */
  async result<T extends AnyAction>(
    execution: TypedTicket<T> | string,
    options: WaitOptions = {},
  ): Promise<OutputOf<T>> {
    const id = typeof execution === 'string' ? execution : execution.id
    const { state, lastError, result, resultFingerprint } = await this.wait(id, options)
    if (state !== 'succeeded')
      throw new TerminalError(`execution ${id} is ${state}: ${lastError ?? 'no error was recorded'}`)
    // A result that was too large for its row lies beside the other artifacts.
    const ref = storedResult(result, resultFingerprint)
    if (ref === null) return result as OutputOf<T>
    return JSON.parse(await new Response((await this.artifact(id, ref.artifact)).content).text()) as OutputOf<T>
  }

  /** The journaled steps. */
  steps(id: string): Promise<readonly StepView[]> {
    return itemsOf(this.#carrier, 'steps', { id })
  }

  /** As the ledger holds them. */
  effects(id: string): Promise<readonly EffectView[]> {
    return itemsOf(this.#carrier, 'effects', { id })
  }

  artifacts(id: string): Promise<readonly ArtifactView[]> {
    return itemsOf(this.#carrier, 'artifacts', { id })
  }

  /** What the execution stored under this name last. Its content is not checked against the hash here. */
  async artifact(id: string, name: string, { signal }: { readonly signal?: AbortSignal } = {}): Promise<Download> {
    return orThrow(await this.#carrier.download(id, name, signal))
  }

  /** What handlers have said with `ctx.log`, in order. */
  logs(id: string, query: LogsAsk = {}): Promise<readonly LogLineView[]> {
    return itemsOf(this.#carrier, 'logs', { id, ...query })
  }

  /** What the execution is going to do; refused with `not_found` while nobody has planned it. */
  plan(id: string): Promise<PlanView> {
    return this.#ask('plan show', { id })
  }

  /** Steps of the plan behind place `after`, at most 1,000 at a time. */
  planSteps(id: string, after = -1, limit?: number): Promise<readonly PlanStepView[]> {
    return itemsOf(this.#carrier, 'plan steps', { id, after, limit })
  }

  /** How the plan differs from the one before it. */
  planDiff(id: string): Promise<PlanDiffView> {
    return this.#ask('plan diff', { id })
  }

  /** Has it planned anew, before anything of it has begun; the same plan keeps its approval. */
  replan(id: string, { ifVersion }: IfVersion = {}): Promise<ExecutionView> {
    return this.#ask('plan refresh', { id, ifVersion })
  }

  /** Agrees to exactly this plan, or to one step of it. Only recorded; `resume` dispatches. */
  approve(id: string, planHash: string, { step, ifVersion }: OfStep = {}): Promise<ExecutionView> {
    return this.#ask('approve', { id, planHash, step, ifVersion })
  }

  /** Ends it before it has begun, or before its next step does. */
  reject(id: string, reason: string, { step, ifVersion }: OfStep = {}): Promise<ExecutionView> {
    return this.#ask('reject', { id, reason, step, ifVersion })
  }

  /** Dispatches what was agreed to, when every gate holds. */
  resume(id: string, { ifVersion }: IfVersion = {}): Promise<ExecutionView> {
    return this.#ask('resume', { id, ifVersion })
  }

  /** Takes a vote back, the own one by default: what stood on it begins nothing more. */
  revoke(
    id: string,
    reason: string,
    { voter, step, ifVersion }: OfStep & { readonly voter?: string | undefined } = {},
  ): Promise<ExecutionView> {
    return this.#ask('approval revoke', { id, reason, voter, step, ifVersion })
  }

  /** What must be agreed to, who has agreed and who is missing. */
  approval(id: string): Promise<ApprovalView & { readonly cast: readonly VoteView[] }> {
    return this.#ask('approval get', { id })
  }

  /** What waits for people to agree, newest first; with `mine` only what the own vote would bring further. */
  approvals(
    query: PageAsk & { readonly mine?: boolean | undefined } = {},
  ): Promise<Page<ApprovalView & { readonly mine: boolean }>> {
    return this.#ask('approvals', query)
  }

  cancel(id: string, reason?: string, { ifVersion }: IfVersion = {}): Promise<ExecutionView> {
    return this.#ask('cancel', { id, reason, ifVersion })
  }

  /** Makes a retryable_failed execution due now. */
  retry(id: string, { ifVersion }: IfVersion = {}): Promise<ExecutionView> {
    return this.#ask('retry', { id, ifVersion })
  }

  /** Leaves a terminal state, with a new budget of attempts. */
  redrive(id: string, reason: string, { ifVersion }: IfVersion = {}): Promise<ExecutionView> {
    return this.#ask('redrive', { id, reason, ifVersion })
  }

  /** Runs an execution that has ended once more, as a new one with the same input and, by default, the same seed. */
  rerun(
    id: string,
    options: { readonly seed?: string | number | undefined; readonly reason?: string | undefined } = {},
  ): Promise<ExecutionView> {
    return this.#ask('rerun', { id, ...options })
  }

  /** The executions that belong to this one, newest first. */
  children(id: string, page: PageAsk = {}): Promise<Page<ExecutionView>> {
    return this.#ask('children', { id, ...page })
  }

  /** Sends a signal to an execution; repeated with the same `dedupe` it is one. */
  signal(id: string, name: string, payload?: unknown, dedupe?: string): Promise<ExecutionView> {
    return this.#ask('signal', { id, name, payload, dedupe })
  }

  /** What was sent to an execution, newest first, and which of it a run has taken. */
  signals(id: string, { limit }: { readonly limit?: number | undefined } = {}): Promise<readonly SignalView[]> {
    return itemsOf(this.#carrier, 'signals', { id, limit })
  }

  #ask<T>(command: CommandName, input: object = {}, signal?: AbortSignal): Promise<T> {
    return answerOf(this.#carrier, command, input, signal)
  }
}
