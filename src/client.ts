import type { SubmitRequest } from './admit/request.ts'
import type { ArchiveRequest, ArchiveRun, ArchiveView } from './archive/archives.ts'
import type { BulkPreview, BulkReport, BulkView } from './bulk-commands.ts'
import type {
  BulkAsk,
  Download,
  EffectView,
  ListRequest,
  Page,
  PauseTarget,
  Ran,
  Submission,
  Verdict,
} from './client-shapes.ts'
import { type Address, type Answered, type Ask, Connection } from './connection.ts'
import { TerminalError } from './errors/failures.ts'
import { refusalOf } from './errors/problem.ts'
import { isRefusal, orThrow, type Refusal, Refused, refuse } from './errors/refusal.ts'
import { storedResult } from './projections/artifact.ts'
import type { Ops } from './projections/ops.ts'
import type { PlanStepView, PlanView } from './projections/plan-view.ts'
import type { TimeoutPolicyRequest, TimeoutPolicyView } from './projections/timeouts.ts'
import type { artifactView, EventView, ExecutionView, LogLineView, pauseView } from './projections/view.ts'
import { messagesOf } from './protocol/event-stream.ts'
import type { Backfill, BackfillRequest, ScheduleRequest } from './schedule/schedules.ts'
import type { ScheduleView } from './schedule/view.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export type { ArchiveRequest, ArchiveRun, ArchiveView } from './archive/archives.ts'
export type { BulkPreview, BulkReport, BulkView } from './bulk-commands.ts'
export type {
  BulkAsk,
  Download,
  EffectView,
  ListRequest,
  Page,
  PauseTarget,
  Ran,
  Submission,
  Verdict,
} from './client-shapes.ts'
export type { Answered, Ask } from './connection.ts'
export { isRefusal, type Refusal, Refused } from './errors/refusal.ts'
export type { Ops } from './projections/ops.ts'
export type { TimeoutPolicyRequest, TimeoutPolicyView } from './projections/timeouts.ts'
export type { EventView, ExecutionView, LogLineView } from './projections/view.ts'
export type { Backfill, BackfillRequest, ScheduleRequest } from './schedule/schedules.ts'
export type { ScheduleView } from './schedule/view.ts'

export interface ConnectOptions extends Address {
  readonly clock?: Clock | undefined
}

/** One server answers a long poll within this. */
const pollMs = 25_000
const reconnectMs = 1_000
const scheduleNamed = (name: string): string => `/v1/schedules/${encodeURIComponent(name)}`
const bulkOf = (id: string): string => `/v1/bulk/${encodeURIComponent(id)}`
const execution = (id: string): string => `/v1/executions/${encodeURIComponent(id)}`

/** Connects to a server. Nothing is sent before the first call. */
export const connect = (options: ConnectOptions): Client => new Client(options)

/** A server as a program holds it. Methods throw {@link Refused}; `try…` returns the refusal. Needs `fetch` only. */
export class Client {
  readonly #connection: Connection
  readonly #clock: Clock

  constructor({ clock, ...address }: ConnectOptions) {
    this.#connection = new Connection(address)
    this.#clock = clock ?? createSystemClock()
  }

  /** @throws Refused */
  async submit(request: SubmitRequest): Promise<Submission> {
    return orThrow(await this.trySubmit(request))
  }

  async trySubmit(request: SubmitRequest): Promise<Submission | Refusal> {
    const answer = await this.tryAsk({ method: 'POST', path: '/v1/executions', body: request })
    if (isRefusal(answer)) return answer
    return { ...(answer.body as ExecutionView), replayed: answer.headers.get('idempotent-replayed') === 'true' }
  }

  /**
   * Submits in immediate mode and waits for the end, `windowMs` at most (ten seconds). What has not ended by then, or is
   * held back, goes on in the background; `why` says what it waits for.
   *
   * @throws Refused
   */
  async run(
    request: SubmitRequest,
    { windowMs, signal }: { readonly windowMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<Ran> {
    const body = { ...request, mode: request.mode ?? 'immediate', waitMs: windowMs }
    const answer = orThrow(await this.tryAsk({ method: 'POST', path: '/v1/executions', body, signal }))
    const { why = null, next = null, ...view } = answer.body as ExecutionView & { why?: string; next?: string }
    const replayed = answer.headers.get('idempotent-replayed') === 'true'
    return { ...view, replayed, ended: answer.status === 200, why, next }
  }

  /** One answer per request, in their order; a refused one keeps none of the others out. */
  async submitMany(requests: readonly SubmitRequest[]): Promise<(Submission | Refusal)[]> {
    type Item = { readonly problem: unknown } | { readonly execution: ExecutionView; readonly replayed: boolean }
    const { items } = await this.#read<{ items: readonly Item[] }>({
      method: 'POST',
      path: '/v1/executions/batch',
      body: { executions: requests },
    })
    return items.map((item) =>
      'problem' in item ? refusalOf(item.problem) : { ...item.execution, replayed: item.replayed },
    )
  }

  get(id: string): Promise<ExecutionView> {
    return this.#get(execution(id))
  }

  /** Newest first. */
  list(query: ListRequest = {}): Promise<Page<ExecutionView>> {
    return this.#get('/v1/executions', { ...query })
  }

  async events(
    id: string,
    { after = 0, limit }: { after?: number; limit?: number } = {},
  ): Promise<readonly EventView[]> {
    return (await this.#get<{ items: readonly EventView[] }>(`${execution(id)}/events`, { after, limit })).items
  }

  /**
   * Every event above `after` as it is committed; ends when the execution has ended. A connection that breaks is made
   * anew and goes on behind the last event, so none is missed and none comes twice.
   */
  async *watch(
    id: string,
    { after = 0, signal }: { after?: number; signal?: AbortSignal } = {},
  ): AsyncGenerator<EventView, void> {
    const isOver = (): boolean => signal?.aborted === true
    for (let seen = after; !isOver(); ) {
      const response = await this.#connection.open(`${execution(id)}/stream`, seen, signal)
      if (isRefusal(response) && seen === after) throw new Refused(response)
      if (!isRefusal(response)) {
        for await (const message of messagesOf<EventView>(response)) {
          if (message === 'end') return
          yield message
          seen = message.sequence
        }
      } else if (response.code !== 'server_unreachable') throw new Refused(response)
      if (!isOver()) await this.#clock.sleep(reconnectMs, signal).catch(() => {})
    }
  }

  /**
   * Waits for the end.
   *
   * @throws Refused `wait_timed_out` when it goes on for longer than `timeoutMs`; nothing is canceled.
   */
  async wait(
    id: string,
    { timeoutMs = Number.POSITIVE_INFINITY, signal }: { timeoutMs?: number; signal?: AbortSignal } = {},
  ): Promise<ExecutionView> {
    const until = this.#clock.now() + timeoutMs
    for (;;) {
      const leftMs = Math.min(pollMs, Math.max(0, until - this.#clock.now()))
      const ask = { method: 'GET', path: `${execution(id)}/wait`, query: { timeoutMs: Math.ceil(leftMs) }, signal }
      const answer = await this.#read<{ done: boolean; execution: ExecutionView }>(ask)
      if (answer.done) return answer.execution
      if (this.#clock.now() >= until) {
        throw new Refused(
          refuse('wait_timed_out', `The execution ${id} is ${answer.execution.state} after ${timeoutMs} ms.`),
        )
      }
    }
  }

  /**
   * Waits for the end and gives the result.
   *
   * @throws TerminalError when it ended otherwise.
   */
  async result(id: string, options: { timeoutMs?: number; signal?: AbortSignal } = {}): Promise<unknown> {
    const { state, lastError, result, resultFingerprint } = await this.wait(id, options)
    if (state !== 'succeeded')
      throw new TerminalError(`execution ${id} is ${state}: ${lastError ?? 'no error was recorded'}`)
    // A result that was too large for its row lies beside the other artifacts.
    const ref = storedResult(result, resultFingerprint)
    return ref === null
      ? result
      : JSON.parse(await new Response((await this.artifact(id, ref.artifact)).content).text())
  }

  async artifacts(id: string): Promise<readonly ReturnType<typeof artifactView>[]> {
    return (await this.#get<{ items: readonly ReturnType<typeof artifactView>[] }>(`${execution(id)}/artifacts`)).items
  }

  /** One artifact; its content comes piece by piece and is not checked against the hash here. */
  async artifact(id: string, name: string, { signal }: { signal?: AbortSignal } = {}): Promise<Download> {
    const path = `${execution(id)}/artifacts/${encodeURIComponent(name)}`
    const response = await this.#connection.send({ method: 'GET', path, signal })
    if (isRefusal(response)) throw new Refused(response)
    if (!response.ok) throw new Refused(refusalOf(await response.json().catch(() => null), response.status))
    return {
      name,
      mediaType: response.headers.get('content-type') ?? 'application/octet-stream',
      bytes: Number(response.headers.get('content-length')),
      sha256: response.headers.get('etag')?.replaceAll('"', '') ?? '',
      content: response.body ?? new Blob([]).stream(),
    }
  }

  /** What handlers have said with `ctx.log`, in order: those above `after`, and of at least this level. */
  async logs(
    id: string,
    query: { after?: number; limit?: number; level?: LogLineView['level'] } = {},
  ): Promise<readonly LogLineView[]> {
    return (await this.#get<{ items: readonly LogLineView[] }>(`${execution(id)}/logs`, query)).items
  }

  cancel(id: string, reason?: string): Promise<ExecutionView> {
    return this.#read({ method: 'POST', path: `${execution(id)}/cancel`, body: { reason } })
  }

  /** Makes a retryable_failed execution due now. */
  retry(id: string): Promise<ExecutionView> {
    return this.#read({ method: 'POST', path: `${execution(id)}/retry`, body: {} })
  }

  /** Leaves a terminal state, with a new budget of attempts. */
  redrive(id: string, reason: string): Promise<ExecutionView> {
    return this.#read({ method: 'POST', path: `${execution(id)}/redrive`, body: { reason } })
  }

  /** Runs an execution that has ended once more, as a new one with the same input and, by default, the same seed. */
  rerun(
    id: string,
    options: { readonly seed?: string | number; readonly reason?: string } = {},
  ): Promise<ExecutionView> {
    return this.#read({ method: 'POST', path: `${execution(id)}/rerun`, body: options })
  }

  /** The executions that belong to this one, newest first. */
  children(id: string, page: { limit?: number; cursor?: string } = {}): Promise<Page<ExecutionView>> {
    return this.#get(`${execution(id)}/children`, page)
  }

  /** Sends a signal to an execution; repeated with the same `dedupe` it is one. */
  signal(id: string, name: string, payload?: unknown, dedupe?: string): Promise<ExecutionView> {
    const path = `${execution(id)}/signals/${encodeURIComponent(name)}`
    return this.#read({ method: 'POST', path, body: { payload, dedupe } })
  }

  /** Returns whether this changed anything. */
  async pause(what: PauseTarget, reason: string): Promise<boolean> {
    return (await this.#read<{ changed: boolean }>({ method: 'POST', path: '/v1/pauses', body: { ...what, reason } }))
      .changed
  }

  /** `pace`: how many executions a second are let go; 5000 when not given. */
  async unpause(what: PauseTarget = {}, { pace }: { readonly pace?: number } = {}): Promise<boolean> {
    const ask = { method: 'DELETE', path: '/v1/pauses', query: { ...what, pace } }
    return (await this.#read<{ changed: boolean }>(ask)).changed
  }

  async pauses(): Promise<readonly ReturnType<typeof pauseView>[]> {
    return (await this.#get<{ items: readonly ReturnType<typeof pauseView>[] }>('/v1/pauses')).items
  }

  /** How long work of each class may take; with `history` every change there was, oldest first. */
  async timeoutPolicies({ history = false } = {}): Promise<readonly TimeoutPolicyView[]> {
    const path = `/v1/timeout-policies${history ? '/history' : ''}`
    return (await this.#get<{ items: readonly TimeoutPolicyView[] }>(path)).items
  }

  /** Admissions and claims obey from now on; the change is kept with its reason. */
  setTimeoutPolicy(policy: TimeoutPolicyRequest): Promise<TimeoutPolicyView> {
    return this.#read({ method: 'POST', path: '/v1/timeout-policies', body: policy })
  }

  /** What the execution is going to do; refused with `not_found` while nobody has planned it. */
  plan(id: string): Promise<PlanView> {
    return this.#get(`${execution(id)}/plan`)
  }
  /** Steps of the plan behind place `after`, at most 1,000 at a time. */
  async planSteps(id: string, after = -1): Promise<readonly PlanStepView[]> {
    return (await this.#get<{ items: readonly PlanStepView[] }>(`${execution(id)}/plan-steps`, { after })).items
  }

  async effects(id: string): Promise<readonly EffectView[]> {
    return (await this.#get<{ items: readonly EffectView[] }>(`${execution(id)}/effects`)).items
  }

  /** Says what a person found out about an effect in doubt. */
  resolveEffect(effectKey: string, verdict: Verdict, reason: string, value?: unknown): Promise<ExecutionView> {
    const path = `/v1/effects/${encodeURIComponent(effectKey)}/resolve`
    return this.#read({ method: 'POST', path, body: { verdict, reason, value } })
  }

  /** Shows what a bulk command would command, and does nothing. */
  previewBulk(request: BulkAsk): Promise<BulkPreview> {
    return this.#read({ method: 'POST', path: '/v1/bulk', body: { ...request, dryRun: true } })
  }

  /** Commands everything that the query finds now; `bulk` says how far it is. */
  startBulk(request: BulkAsk): Promise<BulkView> {
    return this.#read({ method: 'POST', path: '/v1/bulk', body: request })
  }

  bulk(id: string): Promise<BulkReport> {
    return this.#get(bulkOf(id))
  }

  /** Newest first, the last hundred. */
  async bulks(): Promise<readonly BulkView[]> {
    return (await this.#get<{ items: readonly BulkView[] }>('/v1/bulk')).items
  }

  /** What is done stays done; the rest is left alone. */
  cancelBulk(id: string): Promise<BulkView> {
    return this.#read({ method: 'POST', path: `${bulkOf(id)}/cancel`, body: {} })
  }

  /** Puts what ended long enough ago into the archive. */
  archive(request: ArchiveRequest): Promise<ArchiveRun> {
    return this.#read({ method: 'POST', path: '/v1/archives', body: request })
  }

  /** Newest execution first. */
  archives(page: { readonly limit?: number; readonly cursor?: string } = {}): Promise<Page<ArchiveView>> {
    return this.#get('/v1/archives', page)
  }

  /** Brings an execution back as it was. */
  restore(id: string): Promise<ExecutionView> {
    return this.#read({ method: 'POST', path: `/v1/archives/${encodeURIComponent(id)}/restore`, body: {} })
  }

  /** Runs an action at the times of a cron expression. */
  createSchedule(request: ScheduleRequest): Promise<ScheduleView> {
    return this.#read({ method: 'POST', path: '/v1/schedules', body: request })
  }

  /** By name. */
  schedules(page: { readonly limit?: number; readonly cursor?: string } = {}): Promise<Page<ScheduleView>> {
    return this.#get('/v1/schedules', page)
  }

  schedule(name: string): Promise<ScheduleView> {
    return this.#get(scheduleNamed(name))
  }

  pauseSchedule(name: string): Promise<ScheduleView> {
    return this.#read({ method: 'POST', path: `${scheduleNamed(name)}/pause`, body: {} })
  }

  unpauseSchedule(name: string): Promise<ScheduleView> {
    return this.#read({ method: 'POST', path: `${scheduleNamed(name)}/unpause`, body: {} })
  }

  /** Runs its action now, beside its occurrences. */
  triggerSchedule(name: string, key?: string): Promise<ExecutionView> {
    return this.#read({ method: 'POST', path: `${scheduleNamed(name)}/trigger`, body: { key } })
  }

  deleteSchedule(name: string): Promise<{ readonly deleted: true }> {
    return this.#read({ method: 'DELETE', path: scheduleNamed(name) })
  }

  /** Submits the occurrences of a past range; those that have fired start nothing. */
  backfillSchedule(name: string, range: BackfillRequest): Promise<Backfill> {
    return this.#read({ method: 'POST', path: `${scheduleNamed(name)}/backfill`, body: range })
  }

  ops(): Promise<Ops> {
    return this.#get('/v1/ops')
  }

  tryAsk(ask: Ask): Promise<Answered | Refusal> {
    return this.#connection.tryAsk(ask)
  }

  #read<T>(ask: Ask): Promise<T> {
    return this.#connection.read(ask)
  }

  #get<T>(path: string, query?: Ask['query']): Promise<T> {
    return this.#connection.get(path, query)
  }
}
