import type { Effect, Execution, Outcome, Request, Step } from '../../execution/execution.ts'
import { noChanges } from '../no-changes.ts'
import type { Changes, LogRow, Ready, Update, Worker } from '../rows.ts'

/** Rows built by hand, so that a store is tested without the rules that use it. Times are small round numbers. */

const hash = 'a'.repeat(64)

export const queueKey = 1
export const workerKey = 1

export function changes(some: Partial<Changes>): Changes {
  return { ...noChanges, ...some }
}

export function aRequest(id: number, some: Partial<Request> = {}): Request {
  return {
    id,
    publicId: `public-${id}`,
    tenant: 'acme',
    action: 'quote.render',
    actionVersion: 1,
    subject: null,
    key: null,
    generation: 1,
    recordOnly: false,
    input: '{"quoteId":"Q-42"}',
    inputHash: hash,
    seed: 'seed',
    traceId: 'trace',
    requestedBy: 'human:alice',
    mode: 'background',
    priority: 0,
    slaClass: 'standard',
    actionClass: 'render',
    policyVersion: 1,
    parentId: null,
    depth: 0,
    rerunOf: null,
    permits: null,
    onParentCancel: null,
    position: id,
    at: 1_000,
    ...some,
  }
}

export function aQueued(id: number, some: Partial<Execution> = {}): Execution {
  return {
    id,
    tenant: 'acme',
    queue: queueKey,
    state: 'queued',
    n: 1,
    attempt: 0,
    maxAttempts: 3,
    fence: 0,
    head: id,
    rank: 0,
    availableAt: 1_000,
    deadlineAt: null,
    worker: null,
    leaseUntil: null,
    leaseRenewals: 0,
    waitingFor: null,
    ending: null,
    openEffects: 0,
    journal: 0,
    reconciles: 0,
    cancelledBy: null,
    cancelledAt: null,
    cancelChecks: 0,
    lastErrorClass: null,
    lastError: null,
    updatedAt: 1_000,
    startedAt: null,
    finishedAt: null,
    waitingOn: null,
    losses: 0,
    loneLosses: 0,
    idleSince: null,
    holdUntil: null,
    gate: null,
    parent: null,
    ...some,
  }
}

/** The row that a claim makes of a due one. */
export function claimed(was: Execution, position: number, some: Partial<Execution> = {}): Execution {
  return {
    ...was,
    state: 'running',
    n: was.n + 1,
    attempt: was.attempt + 1,
    fence: position,
    head: position,
    worker: workerKey,
    leaseUntil: 31_000,
    leaseRenewals: 0,
    cancelChecks: 0,
    updatedAt: 2_000,
    startedAt: 2_000,
    ...some,
  }
}

/** A success gives the lease back and keeps the name of the worker that ended it. */
export function succeeded(was: Execution, position: number, some: Partial<Execution> = {}): Execution {
  return {
    ...was,
    state: 'succeeded',
    n: was.n + 1,
    head: position,
    leaseUntil: null,
    ending: null,
    updatedAt: 3_000,
    finishedAt: 3_000,
    ...some,
  }
}

/** The row of the log that records these updates: all of one kind. */
export function logOf(
  position: number,
  type: LogRow['type'],
  updates: readonly Update[],
  some: Partial<LogRow> = {},
): LogRow {
  const first = updates[0]
  if (first === undefined) throw new Error('a row of the log records at least one event')
  return {
    position,
    tenant: first.is.tenant,
    type,
    from: first.was.state,
    to: first.is.state,
    principal: 'worker:web-1',
    worker: workerKey,
    at: first.is.updatedAt,
    executions: updates.map(({ is }) => is.id),
    numbers: updates.map(({ is }) => is.n),
    previous: updates.map(({ was }) => was.head),
    data: null,
    ...some,
  }
}

export function logOfAdmitted(position: number, executions: readonly Execution[], some: Partial<LogRow> = {}): LogRow {
  const state = executions[0]?.state ?? 'queued'
  return {
    position,
    tenant: executions[0]?.tenant ?? 'acme',
    type: state === 'requested' ? 'request' : 'enqueue',
    from: null,
    to: state,
    principal: 'human:alice',
    worker: null,
    at: 1_000,
    executions: executions.map(({ id }) => id),
    numbers: executions.map(() => 1),
    previous: executions.map(() => 0),
    data: null,
    ...some,
  }
}

/** In turn by key. */
export const readyOf = ({ queue, rank, availableAt, id }: Execution): Ready => ({
  queue,
  rank,
  turn: id,
  id,
  availableAt,
  paid: false,
})

export function anOutcome(is: Execution, some: Partial<Outcome> = {}): Outcome {
  return {
    id: is.id,
    n: is.n,
    tenant: is.tenant,
    state: is.state,
    result: is.state === 'succeeded' ? '{"ok":true}' : null,
    fingerprint: is.state === 'succeeded' ? hash : null,
    position: is.head,
    at: is.updatedAt,
    ...some,
  }
}

export function anEffect(id: number, effectKey: string, some: Partial<Effect> = {}): Effect {
  return {
    id,
    effectKey,
    step: 'run',
    name: 'upsert',
    ordinal: 1,
    target: 'keyed',
    reconcilable: true,
    state: 'intended',
    intents: 1,
    fence: 2,
    worker: workerKey,
    intendedAt: 2_000,
    concludedAt: null,
    value: null,
    errorClass: null,
    error: null,
    ...some,
  }
}

export function aStep(id: number, name: string, some: Partial<Step> = {}): Step {
  return { id, name, ordinal: 1, value: '"done"', fence: 2, startedAt: 2_000, at: 2_100, ...some }
}

export function aWorker(key: number, some: Partial<Worker> = {}): Worker {
  return {
    key,
    identity: `web-${key}`,
    incarnation: `incarnation-${key}`,
    host: 'host',
    pid: 4_242,
    startedTicks: '77',
    bootId: 'boot',
    actions: [{ action: 'quote.render', version: 1 }],
    slots: 4,
    registeredAt: 1_000,
    seenAt: 1_000,
    goneAt: null,
    goneProof: null,
    isolates: false,
    drainingSince: null,
    role: 'worker',
    drain: null,
    ...some,
  }
}
