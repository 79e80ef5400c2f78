import type { SubmitRequest } from './admit/request.ts'
import type { Caller } from './control/control-plane.ts'
import type { Engine } from './engine.ts'
import { classify } from './errors/failures.ts'
import { isRefusal, orThrow, type Refusal, refuse } from './errors/refusal.ts'
import type { Execution, Request } from './execution/execution.ts'
import type { State } from './execution/machine.ts'
import { publicId } from './identity/public-id.ts'
import { canonicalize } from './json/canonical.ts'
import { sha256 } from './json/hash.ts'
import { type EventView, type ExecutionView, timeText } from './projections/view.ts'
import { inProcessIncarnation } from './recover/incarnation.ts'
import type { RetryPolicy } from './time/backoff.ts'

/** What a claim by name gives: the task under a fence, or why not. */
export type ClaimResult =
  | { readonly claimed: true; readonly task: ExecutionView; readonly fence: number }
  | { readonly claimed: false; readonly refusal: Refusal }

export interface TransitionResult {
  readonly from: State
  readonly to: State
  readonly attempt: number
  readonly availableAt: string
}

export interface RecoveredTask {
  readonly taskId: string
  readonly state: State
}

/** One line of the idempotency ledger. */
export interface IdempotencyRecord {
  readonly key: string
  readonly taskId: string
  readonly taskHash: string
  readonly state: State
  readonly attempts: number
  readonly firstSeenAt: string
  readonly lastSeenAt: string
  readonly resultFingerprint: string | null
  readonly errorSnapshot: { readonly errorClass: string; readonly message: string } | null
}

interface Lease {
  readonly id: number
  readonly worker: number
  readonly fence: number
}

/**
 * The queue for programs that run their tasks themselves: they enqueue, claim a task by its id, and say how it went
 * (REQUIREMENTS REL-07). Every rule is the engine's: leases, fences, retries and the record are those of any execution.
 */
export class TaskQueue {
  readonly #engine: Engine
  readonly #caller: Caller
  readonly #workers = new Map<string, number>()
  readonly #leases = new Map<string, Lease>()

  constructor(engine: Engine, caller: Caller) {
    this.#engine = engine
    this.#caller = caller
  }

  /**
   * Returns the id of the task; the same key and input give the first one's.
   *
   * @throws Refused
   */
  async enqueue(task: SubmitRequest): Promise<string> {
    return (await this.#engine.plane.submit(task, this.#caller)).execution.id
  }

  /** Takes the lease of one task for `workerId`, as long as the settings say; a fence guards all that follows. */
  async claim(taskId: string, workerId: string): Promise<ClaimResult> {
    const found = await this.#engine.plane.find(taskId, this.#caller)
    if (isRefusal(found)) return { claimed: false, refusal: found }
    const worker = await this.#workerKey(workerId)
    const answer = await this.#engine.host.orders.give<'command'>({
      kind: 'command',
      id: found.execution.id,
      tenant: this.#caller.tenant,
      command: { type: 'claim', worker, leaseMs: this.#engine.settings.leaseMs },
      principal: `worker:${workerId}`,
    })
    if (isRefusal(answer)) return { claimed: false, refusal: answer }
    this.#leases.set(taskId, { id: answer.id, worker, fence: answer.fence })
    return { claimed: true, task: orThrow(await this.#engine.plane.get(taskId, this.#caller)), fence: answer.fence }
  }

  /**
   * Records the outcome. Completing twice with the same outcome changes nothing; another outcome is refused.
   *
   * @throws Refused `lease_lost`, `outcome_differs`, `result_too_large`
   */
  async complete(taskId: string, outcome: unknown): Promise<void> {
    const lease = this.#leaseOf(taskId)
    const result = orThrow(canonicalize(outcome, { bytesMax: 10 * 1024, depthMax: 64 }))
    const command = { type: 'succeed' as const, fence: lease.fence, result, fingerprint: sha256(result) }
    orThrow(await this.#engine.host.orders.give<'work'>({ kind: 'work', ...lease, command }))
  }

  /**
   * Records a failure; the error's class decides whether the task comes back, the policy when.
   *
   * @throws Refused `lease_lost`
   */
  async fail(taskId: string, error: unknown, retryPolicy?: RetryPolicy): Promise<TransitionResult> {
    const lease = this.#leaseOf(taskId)
    const { errorClass, message, retryable, retryAfterMs } = classify(error)
    const policy = retryPolicy ?? this.#engine.settings.retryPolicy
    const command = { type: 'fail' as const, fence: lease.fence, errorClass, message, retryable, retryAfterMs, policy }
    const after = orThrow(await this.#engine.host.orders.give<'work'>({ kind: 'work', ...lease, command }))
    this.#leases.delete(taskId)
    return { from: 'running', to: after.state, attempt: after.attempt, availableAt: timeText(after.availableAt) }
  }

  /** Ends the leases that had run out at `now` (epoch milliseconds; never later than the store's own time). */
  async recoverStale(now?: number): Promise<RecoveredTask[]> {
    const recovered: RecoveredTask[] = []
    for (let more = true; more; ) {
      const answer = orThrow(await this.#engine.host.orders.give<'sweep'>({ kind: 'sweep', now }))
      for (const id of answer.recovered) {
        const found = await this.#engine.host.views.find(id)
        if (found !== null)
          recovered.push({ taskId: publicId(id, this.#engine.host.idKey), state: found.execution.state })
      }
      more = answer.more && answer.recovered.length > 0
    }
    return recovered
  }

  /** Tasks about one subject (`quote:Q-42`), in the given states or in all, newest first. */
  async bySubject(subject: string, states?: readonly State[]): Promise<ExecutionView[]> {
    return orThrow(await this.#engine.plane.list({ subject, states, limit: 500 }, this.#caller)).items
  }

  async byState(state: State): Promise<ExecutionView[]> {
    return orThrow(await this.#engine.plane.list({ states: [state], limit: 500 }, this.#caller)).items
  }

  /** The ledger's line of a key; null when nobody has used it. */
  async idempotency(action: string, key: string): Promise<IdempotencyRecord | null> {
    const views = this.#engine.host.views.of(this.#caller.tenant)
    const [found] = await views.list({ tenant: this.#caller.tenant, action, key, limit: 1 })
    if (found === undefined) return null
    const outcome = await views.outcome(found.execution.id)
    return recordOf(found.execution, found.request, key, outcome?.fingerprint ?? null)
  }

  /** Every transition and decision of a task, from the first on. */
  async audit(taskId: string): Promise<EventView[]> {
    return orThrow(await this.#engine.plane.events(taskId, 0, 1_000, this.#caller))
  }

  async #workerKey(workerId: string): Promise<number> {
    const known = this.#workers.get(workerId)
    if (known !== undefined) return known
    const { random, here } = this.#engine
    const hello = {
      identity: workerId,
      incarnation: inProcessIncarnation(random.uuid()),
      ...here,
      actions: [],
      slots: 1,
    }
    const { worker } = orThrow(await this.#engine.host.orders.give<'register'>({ kind: 'register', hello }))
    this.#workers.set(workerId, worker)
    return worker
  }

  #leaseOf(taskId: string): Lease {
    const lease = this.#leases.get(taskId)
    if (lease !== undefined) return lease
    return orThrow<Lease>(refuse('lease_lost', `This queue holds no lease of task ${taskId.slice(0, 64)}.`))
  }
}

function recordOf(execution: Execution, request: Request, key: string, fingerprint: string | null): IdempotencyRecord {
  return {
    key,
    taskId: request.publicId,
    taskHash: request.inputHash,
    state: execution.state,
    attempts: execution.attempt,
    firstSeenAt: timeText(request.at),
    lastSeenAt: timeText(execution.updatedAt),
    resultFingerprint: fingerprint,
    errorSnapshot:
      execution.lastErrorClass === null
        ? null
        : { errorClass: execution.lastErrorClass, message: execution.lastError ?? '' },
  }
}
