import {
  type Effect,
  type Execution,
  type LogLine,
  neverAt,
  type Outcome,
  type Request,
  type Step,
} from '../execution/execution.ts'
import type { State } from '../execution/machine.ts'
import { shown } from '../json/shown.ts'
import type { Leader } from '../store/fleet.ts'
import type { Artifact, Event, Pause, Worker } from '../store/rows.ts'
import type { ShownSignal } from '../store/store.ts'

let newest = { at: Number.NaN, text: '' }

/** RFC 3339. Most views of a busy moment name the same few times, so the last one is kept. */
export function timeText(at: number): string {
  if (newest.at !== at) newest = { at, text: new Date(at).toISOString() }
  return newest.text
}
export const timeOrNull = (at: number | null): string | null => (at === null ? null : timeText(at))

export interface Naming {
  readonly idOf: (id: number) => string
  readonly workerOf: (key: number) => string | null
}

/** An execution as people and programs see it: the one JSON form of HTTP, CLI and library. Times are RFC 3339. */
export type ExecutionView = ReturnType<typeof executionView>

export function executionView(
  execution: Execution,
  request: Request,
  outcome: Outcome | null,
  naming: Naming,
  archivedAt: number | null = null,
  planHash: string | null = execution.gate?.planHash ?? null,
) {
  return {
    id: request.publicId,
    tenant: request.tenant,
    action: request.action,
    actionVersion: request.actionVersion,
    subject: request.subject,
    state: execution.state,
    stateVersion: execution.n,
    waitingFor: execution.waitingFor,
    waitingOn: execution.waitingOn,
    mode: request.mode,
    slaClass: request.slaClass,
    actionClass: request.actionClass,
    approvalLevel: (execution.gate?.rules.level ?? 'auto') as string,
    planHash,
    inputHash: request.inputHash,
    policyVersion: request.policyVersion,
    idempotencyKey: request.key,
    generation: request.generation,
    seed: request.seed,
    priority: request.priority,
    /** Null while it waits for a signal without a limit. */
    availableAt: execution.availableAt === neverAt ? null : timeText(execution.availableAt),
    deadlineAt: timeOrNull(execution.deadlineAt),
    attempt: execution.attempt,
    maxAttempts: execution.maxAttempts,
    workerId: execution.worker === null ? null : naming.workerOf(execution.worker),
    fence: execution.fence,
    leaseExpiresAt: timeOrNull(execution.leaseUntil),
    leaseRenewals: execution.leaseRenewals,
    cancelledBy: execution.cancelledBy,
    cancelledAt: timeOrNull(execution.cancelledAt),
    cancelChecksPerformed: execution.cancelChecks,
    lastErrorClass: execution.lastErrorClass,
    lastError: execution.lastError,
    result: jsonOrNull(outcome?.result ?? null),
    resultFingerprint: outcome?.fingerprint ?? null,
    traceId: request.traceId,
    requestedBy: request.requestedBy,
    recordOnly: request.recordOnly,
    parentId: request.parentId === null ? null : naming.idOf(request.parentId),
    rerunOf: request.rerunOf === null ? null : naming.idOf(request.rerunOf),
    createdAt: timeText(request.at),
    updatedAt: timeText(execution.updatedAt),
    finishedAt: timeOrNull(execution.finishedAt),
    /** When it was put into the archive, where it is read from then on. */
    archivedAt: timeOrNull(archivedAt),
  }
}

const jsonOrNull = (text: string | null): unknown => (text === null ? null : shown(text))

/** One fact of the log, with what its row alone does not say: attempt, fence and trace. */
export interface EventView {
  readonly executionId: string
  readonly sequence: number
  readonly position: number
  readonly type: string
  readonly from: State | null
  readonly to: State
  readonly reason: string | null
  readonly principal: string
  readonly workerId: string | null
  readonly fence: number | null
  readonly attempt: number
  readonly errorClass: string | null
  readonly traceId: string
  readonly at: string
  readonly data: Event['data']
}

/** Events of one execution from its first on: attempt and fence follow from the claims before. */
export function eventViews(events: readonly Event[], request: Request, naming: Naming): EventView[] {
  let fence: number | null = null
  let attempt = 0
  return events.map((event) => {
    if (event.type === 'claim' || event.type === 'planning_started') {
      // As the writer gives it: the claim's position, unless positions had fallen behind.
      fence = Math.max((fence ?? 0) + 1, event.position)
      attempt = typeof event.data?.attempt === 'number' ? event.data.attempt : Math.max(1, attempt)
    } else if (event.type === 'redrive' || event.type === 'planned') {
      attempt = 0
    }
    return {
      executionId: request.publicId,
      sequence: event.n,
      position: event.position,
      type: event.type,
      from: event.from,
      to: event.to,
      reason: textOrNull(event.data?.reason),
      principal: event.principal,
      workerId: event.worker === null ? null : naming.workerOf(event.worker),
      fence,
      attempt,
      errorClass: textOrNull(event.data?.errorClass),
      traceId: request.traceId,
      at: timeText(event.at),
      data: event.data,
    }
  })
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)

export const stepView = (step: Step) => ({
  name: step.name,
  ordinal: step.ordinal,
  value: shown(step.value),
  fence: step.fence,
  startedAt: timeText(step.startedAt),
  at: timeText(step.at),
})

export const effectView = (effect: Effect, naming: Naming) => ({
  effectKey: effect.effectKey,
  executionId: naming.idOf(effect.id),
  step: effect.step,
  name: effect.name,
  ordinal: effect.ordinal,
  target: effect.target,
  reconcilable: effect.reconcilable,
  state: effect.state,
  intents: effect.intents,
  fence: effect.fence,
  workerId: naming.workerOf(effect.worker),
  intendedAt: timeText(effect.intendedAt),
  concludedAt: timeOrNull(effect.concludedAt),
  value: jsonOrNull(effect.value),
  errorClass: effect.errorClass,
  error: effect.error,
})

export const artifactView = ({ name, sha256, bytes, mediaType, path, at }: Artifact) => ({
  name,
  sha256,
  bytes,
  mediaType,
  path,
  at: timeText(at),
})

export type LogLineView = ReturnType<typeof logLineView>

export const logLineView = ({ seq, at, level, message, fields, fence }: LogLine) => ({
  seq,
  at: timeText(at),
  level,
  message,
  fields: jsonOrNull(fields),
  fence,
})

export type WorkerView = ReturnType<typeof workerView>

/** A worker unheard of for this long is not counted as live: three default heartbeats. */
export const silentMs = 30_000

/** Takes or may take work: not gone, not signed off, and heard of lately. */
export const isLive = ({ goneAt, slots, seenAt }: Worker, now: number): boolean =>
  goneAt === null && slots > 0 && now - seenAt < silentMs

/** In which a worker may be. */
export const workerStates = ['live', 'draining', 'drained', 'stuck', 'silent', 'signed_off', 'gone', 'cell'] as const
export type WorkerState = (typeof workerStates)[number]

/** `stuck`: handlers ignore their abort · `cell`: a process of single runs · the others as they are called. */
function workerState(worker: Worker, now: number): WorkerState {
  if (worker.goneAt !== null) return 'gone'
  if (worker.incarnation.startsWith('cell:')) return 'cell'
  if (worker.slots === 0) return worker.drain === null ? 'signed_off' : 'drained'
  if (!isLive(worker, now)) return 'silent'
  if (worker.drain !== null) return 'draining'
  return worker.drainingSince === null ? 'live' : 'stuck'
}

export const workerView = (worker: Worker, now: number) => ({
  id: worker.identity,
  state: workerState(worker, now),
  role: worker.role,
  incarnation: worker.incarnation,
  host: worker.host,
  pid: worker.pid,
  actions: worker.actions,
  slots: worker.slots,
  registeredAt: timeText(worker.registeredAt),
  seenAt: timeText(worker.seenAt),
  goneAt: timeOrNull(worker.goneAt),
  goneProof: worker.goneProof,
  drainingSince: timeOrNull(worker.drainingSince),
  drain:
    worker.drain === null
      ? null
      : { ...worker.drain, at: timeText(worker.drain.at), until: timeOrNull(worker.drain.until) },
})

/** Who does what is done once for all. */
export const leaderView = ({ epoch, host, pid, since, until, endedAt, refused }: Leader) => ({
  epoch,
  host,
  pid,
  since: timeText(since),
  until: timeOrNull(until),
  endedAt: timeOrNull(endedAt),
  refused,
})

export const pauseView = ({ at, ...pause }: Pause) => ({ ...pause, at: timeText(at) })

export const signalView = ({ name, seq, payload, by, at, dedupe, takenAt }: ShownSignal) => ({
  name,
  sequence: seq,
  payload: jsonOrNull(payload),
  by,
  at: timeText(at),
  dedupe,
  /** When a run took it; null while it is unread. */
  takenAt: timeOrNull(takenAt),
})
