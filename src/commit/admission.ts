import { refuse } from '../errors/refusal.ts'
import type { Execution, Request } from '../execution/execution.ts'
import { rankOf } from '../execution/rank.ts'
import { deadlineBy } from '../execution/timeout-policy.ts'
import { type PublicIdKey, publicId } from '../identity/public-id.ts'
import type { Admitted } from '../store/rows.ts'
import type { KeyLookup, KeyOwner } from '../store/store.ts'
import type { Admission, Answer, Born } from './order.ts'
import type { Refusals } from './refusals.ts'
import type { Workset } from './workset.ts'

const keyText = ({ tenant, action, recordOnly, key }: KeyLookup): string =>
  JSON.stringify([tenant, action, recordOnly, key])

export function keyLookup({ tenant, action, recordOnly, key }: Admission): KeyLookup | null {
  return key === null ? null : { tenant, action, recordOnly, key, generation: null }
}

/** Keys as they stand in this batch: an earlier order of the same batch may have taken one. */
export class Keys {
  readonly #owners = new Map<string, KeyOwner>()

  set(lookup: KeyLookup, owner: KeyOwner): void {
    this.#owners.set(keyText(lookup), owner)
  }

  get(lookup: KeyLookup): KeyOwner | null {
    return this.#owners.get(keyText(lookup)) ?? null
  }
}

/**
 * Same key and input: the first execution. Same key, other input: refused. Both are events of the execution that holds
 * the key, so that nobody is answered from a key without a trace.
 */
export function admitOne(
  work: Workset,
  admission: Admission,
  queue: number,
  keys: Keys,
  refusals: Refusals,
  idKey: PublicIdKey,
): Answer<'admit'> {
  const lookup = keyLookup(admission)
  const owner = lookup === null ? null : keys.get(lookup)
  const actor = { principal: admission.requestedBy, worker: null }
  if (owner !== null) {
    const execution = work.executions.get(owner.id)
    const request = work.requests.get(owner.id)
    if (execution === undefined || request === undefined)
      throw new Error(`the holder ${owner.id} of a key was not loaded`)
    if (owner.inputHash !== admission.inputHash) {
      refusals.record(work, execution, 'idempotency_conflict', actor, { inputHash: admission.inputHash })
      return refuse('idempotency_key_reused', 'The idempotency key was used before with other input.', {
        key: admission.key,
        executionId: request.publicId,
        recorded: owner.inputHash,
        submitted: admission.inputHash,
      })
    }
    refusals.record(work, execution, 'idempotent_replay', actor, {})
    return { execution: work.executions.get(owner.id) ?? execution, request, replayed: true }
  }
  const { execution } = admitNew(work, admission, queue, keys, idKey)
  const { id, head, deadlineAt } = execution
  if (admission.schedule !== undefined) work.note(execution, 'schedule_fired', actor, { ...admission.schedule })
  return { replayed: false, born: { id, queue, position: head, at: work.now, deadlineAt } }
}

/** What a new execution is to one that was there before. */
interface Lineage {
  readonly generation: number
  readonly rerunOf: number | null
}

/** Writes a new execution, which from now on holds its key. */
export function admitNew(
  work: Workset,
  admission: Admission,
  queue: number,
  keys: Keys,
  idKey: PublicIdKey,
  lineage: Partial<Lineage> = {},
): Admitted {
  const id = work.nextId()
  const request = { ...requestOf(admission, id, publicId(id, idKey)), ...lineage }
  const overallMs = work.timeouts.of(admission.slaClass, admission.actionClass)?.overallMs ?? null
  const deadlineAt = deadlineBy(admission.deadlineAt, dueAtOf(admission, work.now), overallMs)
  const admitted = work.admit(request, executionOf(admission, id, queue, work.now, deadlineAt), 'enqueue')
  const lookup = keyLookup(admission)
  if (lookup !== null) keys.set(lookup, { id, inputHash: admission.inputHash })
  return admitted
}

/** The rows of a new execution as its commit wrote them, from the admission and what only the commit knew. */
export function admittedOf(admission: Admission, born: Born, idKey: PublicIdKey): Admitted {
  const { id, queue, position, at, deadlineAt } = born
  return {
    request: { ...requestOf(admission, id, publicId(id, idKey)), position, at },
    execution: { ...executionOf(admission, id, queue, at, deadlineAt), head: position, updatedAt: at },
  }
}

const dueAtOf = ({ availableAt, delayMs }: Admission, now: number): number =>
  Math.max(availableAt ?? now + (delayMs ?? 0), now)

function executionOf(
  admission: Admission,
  id: number,
  queue: number,
  now: number,
  deadlineAt: number | null,
): Omit<Execution, 'head' | 'updatedAt'> {
  return {
    id,
    tenant: admission.tenant,
    queue,
    state: 'queued',
    n: 1,
    attempt: 0,
    maxAttempts: admission.maxAttempts,
    fence: 0,
    rank: rankOf(admission.mode, admission.priority),
    availableAt: dueAtOf(admission, now),
    deadlineAt,
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
    startedAt: null,
    finishedAt: null,
    waitingOn: null,
    losses: 0,
    loneLosses: 0,
    idleSince: null,
    holdUntil: null,
  }
}

function requestOf(admission: Admission, id: number, shownId: string): Omit<Request, 'position' | 'at'> {
  return {
    id,
    publicId: shownId,
    tenant: admission.tenant,
    action: admission.action,
    actionVersion: admission.version,
    subject: admission.subject,
    key: admission.key,
    generation: 1,
    recordOnly: admission.recordOnly,
    input: admission.input,
    inputHash: admission.inputHash,
    seed: admission.seed,
    traceId: admission.traceId,
    requestedBy: admission.requestedBy,
    mode: admission.mode,
    priority: admission.priority,
    slaClass: admission.slaClass,
    actionClass: admission.actionClass,
    policyVersion: 1,
    parentId: admission.parentId,
    depth: 0,
    rerunOf: null,
    permits: admission.permits,
  }
}
