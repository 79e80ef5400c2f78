import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Gate } from '../execution/approval.ts'
import { decideCancel } from '../execution/decide-control.ts'
import type { Execution, Request } from '../execution/execution.ts'
import type { Plan } from '../execution/plan.ts'
import { rankOf } from '../execution/rank.ts'
import { deadlineBy } from '../execution/timeout-policy.ts'
import { type PublicIdKey, publicId } from '../identity/public-id.ts'
import { noPolicy } from '../policy/policy.ts'
import type { Allowed } from '../rights/decide-right.ts'
import type { Admitted, Archived } from '../store/rows.ts'
import type { KeyLookup, KeyOwner } from '../store/store.ts'
import { damaged } from './archives.ts'
import type { Depths } from './due/depths.ts'
import type { Queues } from './fleet/registry.ts'
import { refuseAsChild } from './kin/parents.ts'
import type { Admission, Answer, Born } from './order.ts'
import type { Refusals } from './refusals.ts'
import { toldOf } from './rights/rights.ts'
import type { Workset } from './workset.ts'

const keyText = ({ tenant, action, recordOnly, key }: KeyLookup): string =>
  JSON.stringify([tenant, action, recordOnly, key])

export function keyLookup({ tenant, action, recordOnly, key }: Admission): KeyLookup | null {
  return key === null ? null : { tenant, action, recordOnly, key, generation: null }
}

/** Keys as they stand in this batch: an earlier order of the same batch may have taken one. */
export class Keys {
  readonly #archived = new Map<number, Archived>()
  readonly #owners = new Map<string, KeyOwner>()

  set(lookup: KeyLookup, owner: KeyOwner): void {
    this.#owners.set(keyText(lookup), owner)
  }

  /** What is archived answers for its key without being brought back. */
  putAway(archived: Archived): void {
    this.#archived.set(archived.id, archived)
  }

  archived(id: number): Archived | undefined {
    return this.#archived.get(id)
  }

  get(lookup: KeyLookup): KeyOwner | null {
    return this.#owners.get(keyText(lookup)) ?? null
  }
}

/**
 * Same key and input: the first execution. Same key, other input: refused. Both are events of the execution that holds
 * the key, so that nobody is answered from a key without a trace.
 */
export function admitOne(work: Workset, admission: Admission, around: Admitting): Answer<'admit'> {
  const { keys, refusals, depths } = around
  const right = work.rights.mayStillSubmit(admission)
  if (isRefusal(right)) return right
  const replaced = work.policies.refuseReplaced(admission)
  if (replaced !== null) return replaced
  const queue = around.queues.keyOf(admission.action, admission.version)
  const lookup = keyLookup(admission)
  const owner = lookup === null ? null : keys.get(lookup)
  const actor = { principal: admission.requestedBy, worker: null }
  if (owner?.archived) return answerFromArchive(keys.archived(owner.id), admission)
  // What takes the place of another makes no queue longer: no cap is in its way.
  let generation: number | null = null
  if (owner !== null) {
    const execution = work.executions.get(owner.id)
    const request = work.requests.get(owner.id)
    if (execution === undefined || request === undefined) {
      const refusal = work.quarantine.refusalOf(owner.id, admission.tenant)
      if (refusal !== null) return refusal
      throw new Error(`the holder ${owner.id} of a key was not loaded`)
    }
    if (replaces(admission, execution, owner.inputHash)) {
      const refused = replaceOne(work, execution, request, admission)
      if (refused !== null) return refused
      generation = request.generation + 1
    } else if (owner.inputHash !== admission.inputHash) {
      refusals.record(work, execution, 'idempotency_conflict', actor, { inputHash: admission.inputHash })
      return refuse('idempotency_key_reused', 'The idempotency key was used before with other input.', {
        key: admission.key,
        executionId: request.publicId,
        recorded: owner.inputHash,
        submitted: admission.inputHash,
      })
    } else {
      refusals.record(work, execution, 'idempotent_replay', actor, {})
      return { execution: work.executions.get(owner.id) ?? execution, request, replayed: true }
    }
  }
  const orphaned = refuseAsChild(work, admission)
  if (orphaned !== null) return orphaned
  const full = generation === null ? depths.refuse(admission, queue, work.depth, work.now) : null
  if (full !== null) return full
  generation ??= 1
  const { execution } = admitNew(work, admission, queue, keys, around.idKey, { generation, right })
  if (admission.schedule !== undefined) work.note(execution, 'schedule_fired', actor, { ...admission.schedule })
  const { id, head, deadlineAt } = execution
  return { replayed: false, born: { id, queue, generation, position: head, at: work.now, deadlineAt } }
}

/** What admissions are decided with. */
export interface Admitting {
  readonly queues: Queues
  readonly keys: Keys
  readonly refusals: Refusals
  readonly depths: Depths
  readonly idKey: PublicIdKey
}

/** Only what was never claimed can be taken back: afterwards the first one stands, as without `dedupe`. */
function replaces({ dedupe, inputHash }: Admission, { state, fence }: Execution, heldHash: string): boolean {
  if (state !== 'queued' || fence !== 0) return false
  return dedupe === 'debounce' || (dedupe === 'supersede' && inputHash !== heldHash)
}

/** Cancels the execution that holds the key; its place is taken in the same commit, so that no cap is in the way. */
function replaceOne(work: Workset, execution: Execution, request: Request, admission: Admission): Refusal | null {
  const { requestedBy: principal, ownOnly } = admission
  if (ownOnly === true && request.requestedBy !== principal) {
    return refuse('not_permitted', `Only ${request.requestedBy} may replace this execution.`, {
      executionId: request.publicId,
    })
  }
  const { tenant, action, subject, requestedBy } = request
  const about = { action, subject }
  const isOwn = requestedBy === principal
  const barred = work.rights.refuse({ tenant, principal, permission: 'execution.cancel', about, isOwn })
  if (barred !== null) return barred
  const around = {
    now: work.now,
    principal,
    effects: [],
    stepRecorded: false,
    fingerprint: null,
    isGone: () => false,
    request: null,
    plan: null,
    targets: new Map(),
  }
  const decision = decideCancel(execution, { type: 'cancel', reason: 'superseded' }, around)
  if (isRefusal(decision)) return decision
  work.apply(execution, decision, { principal, worker: null })
  return null
}

/** What a new execution is to one that was there before. */
interface Lineage {
  readonly generation: number
  readonly rerunOf: number | null
  /** The right by which it was asked for, where one had to be looked for. */
  readonly right: Allowed | null
}

/** Writes a new execution, which from now on holds its key. */
export function admitNew(
  work: Workset,
  admission: Admission,
  queue: number,
  keys: Keys,
  idKey: PublicIdKey,
  { right = null, ...lineage }: Partial<Lineage> = {},
): Admitted {
  const id = work.nextId()
  const request = { ...requestOf(admission, id, publicId(id, idKey)), ...lineage }
  const overallMs = work.timeouts.of(admission.slaClass, admission.actionClass)?.overallMs ?? null
  const deadlineAt = deadlineBy(admission.deadlineAt, dueAtOf(admission, work.now), overallMs)
  const born = executionOf(admission, id, queue, work.now, deadlineAt)
  const admitted = work.admit(request, born, born.state === 'requested' ? 'request' : 'enqueue', toldOf(right))
  if (born.state === 'requested') work.plans.add(firstPlan(id, work.now, admission))
  const lookup = keyLookup(admission)
  if (lookup !== null) keys.set(lookup, { id, inputHash: admission.inputHash })
  const { parentId } = admission
  if (parentId !== null) work.kin.childCounts.set(parentId, (work.kin.childCounts.get(parentId) ?? 0) + 1)
  return admitted
}

/** As of any holder of a key, but without an event: what is archived changes only by being restored. */
function answerFromArchive(archived: Archived | undefined, admission: Admission): Answer<'admit'> {
  if (archived === undefined) throw new Error('the archived holder of a key was not loaded')
  if (archived.parts === null) return damaged()
  const { execution, request } = archived.parts
  if (archived.inputHash === admission.inputHash) return { execution, request, replayed: true, isArchived: true }
  return refuse('idempotency_key_reused', 'The idempotency key was used before with other input.', {
    key: admission.key,
    executionId: request.publicId,
    recorded: archived.inputHash,
    submitted: admission.inputHash,
  })
}

/** The rows of a new execution as its commit wrote them, from the admission and what only the commit knew. */
export function admittedOf(admission: Admission, born: Born, idKey: PublicIdKey): Admitted {
  const { id, queue, generation, position, at, deadlineAt } = born
  return {
    request: { ...requestOf(admission, id, publicId(id, idKey)), generation, position, at },
    execution: { ...executionOf(admission, id, queue, at, deadlineAt), head: position, updatedAt: at },
  }
}

const dueAtOf = ({ availableAt, delayMs }: Admission, now: number): number =>
  Math.max(availableAt ?? now + (delayMs ?? 0), now)

/**
 * Says that somebody has to plan, and is kept through failures and redrives until somebody has; or what an action without
 * `plan()` is going to do, which follows from its input.
 */
function firstPlan(id: number, at: number, { gate, action, subject }: Admission): Plan {
  const hash = gate?.planHash ?? null
  const made = { id, hash, parallel: 1, at, worker: null, diff: null }
  return hash === null
    ? { ...made, revision: 0, summary: null, reads: null }
    : { ...made, revision: 1, summary: `${action}${subject === null ? '' : ` for ${subject}`}`, reads: '[]' }
}

const gateOf = ({ gate }: Admission, now: number): Gate | null =>
  gate === undefined ? null : { ...gate, plannedAt: gate.planHash === null ? null : now }

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
    state: admission.isPlanned === true || admission.gate !== undefined ? 'requested' : 'queued',
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
    parent: admission.parentId,
    holdUntil: null,
    gate: gateOf(admission, now),
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
    policyVersion: admission.policyVersion ?? noPolicy.version,
    parentId: admission.parentId,
    onParentCancel: admission.onParentCancel,
    depth: admission.depth,
    rerunOf: null,
    permits: admission.permits,
  }
}
