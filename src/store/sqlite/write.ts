import { gateText } from '../../execution/approval.ts'
import type { Effect, Execution, Request } from '../../execution/execution.ts'
import { stateCodes } from '../../execution/machine.ts'
import type { Changes, Update } from '../rows.ts'
import { archive, restore } from './archive.ts'
import { cellsOfWorker } from './fleet-rows.ts'
import { appendLog } from './log-rows.ts'
import { codeOf } from './lookups.ts'
import type { Prepared } from './prepared.ts'
import { saveRest } from './write-rest.ts'

/** Writes all changes of one transaction, in the order of the port; returns the keys of rows that were not as expected. */
export function writeChanges(prepared: Prepared, changes: Changes): readonly number[] {
  for (const { key, action, version } of changes.queues) prepared.run('addQueue', key, action, version)
  for (const worker of changes.workers) {
    prepared.run('saveWorker', ...cellsOfWorker(worker))
  }
  for (const id of changes.restore) restore(prepared, id)
  appendLog(prepared, changes.log, changes.updates)
  for (const { request, execution } of changes.admitted) {
    addRequest(prepared, request)
    addExecution(prepared, execution)
  }
  const stale: number[] = []
  for (const update of changes.updates) {
    if (updateExecution(prepared, update) !== 1) stale.push(update.was.id)
  }
  if (changes.outcomes.length > 0) {
    const add = prepared.get('addOutcome')
    for (const { id, n, tenant, state, result, fingerprint, position, at } of changes.outcomes) {
      add.run(id, n, tenant, stateCodes[state], result, fingerprint, position, at)
    }
  }
  for (const { id, name, ordinal, value, fence, startedAt, at } of changes.steps) {
    prepared.run('addStep', id, name, ordinal, value, fence, startedAt, at)
  }
  for (const effect of changes.effects) enterEffect(prepared, effect)
  saveRest(prepared, changes)
  archive(prepared, changes.archive)
  return stale
}

function addRequest(prepared: Prepared, request: Request): void {
  const { depth, rerunOf, permits, onParentCancel } = request
  const isPlain = depth === 0 && rerunOf === null && permits === null && onParentCancel === null
  const rest = isPlain ? [] : [depth, rerunOf, permits, onParentCancel]
  prepared
    .get(isPlain ? 'addRequest' : 'addFullRequest')
    .run(
      request.id,
      request.publicId,
      request.tenant,
      request.action,
      request.actionVersion,
      request.subject,
      request.key,
      request.generation,
      request.recordOnly ? 1 : 0,
      request.input,
      request.inputHash,
      request.seed,
      request.traceId,
      request.requestedBy,
      codeOf.mode[request.mode],
      request.priority,
      request.slaClass,
      request.actionClass,
      request.policyVersion,
      request.parentId,
      request.position,
      request.at,
      ...rest,
    )
}

function addExecution(prepared: Prepared, is: Execution): void {
  const { id, tenant, queue, maxAttempts, head, rank, availableAt, deadlineAt, updatedAt } = is
  if (isBlank(is)) {
    const state = stateCodes[is.state]
    const { n, attempt, fence, worker, leaseUntil, startedAt } = is
    if (n === 1 && attempt === 0 && fence === 0 && worker === null && leaseUntil === null && startedAt === null) {
      prepared
        .get('addNewExecution')
        .run(id, tenant, queue, state, maxAttempts, head, rank, availableAt, deadlineAt, updatedAt)
    } else {
      prepared
        .get('addClaimedExecution')
        .run(
          id,
          tenant,
          queue,
          state,
          n,
          attempt,
          maxAttempts,
          fence,
          head,
          rank,
          availableAt,
          deadlineAt,
          worker,
          leaseUntil,
          updatedAt,
          startedAt,
        )
    }
    return
  }
  prepared.run(
    'addExecution',
    id,
    tenant,
    queue,
    stateCodes[is.state],
    is.n,
    is.attempt,
    maxAttempts,
    is.fence,
    head,
    rank,
    availableAt,
    deadlineAt,
    is.worker,
    runLease(is),
    is.leaseRenewals,
    is.waitingFor === null ? null : codeOf.wait[is.waitingFor],
    is.ending === null ? null : stateCodes[is.ending],
    is.openEffects,
    is.journal,
    is.reconciles,
    is.cancelledBy,
    is.cancelledAt,
    is.cancelChecks,
    is.lastErrorClass,
    is.lastError,
    updatedAt,
    is.startedAt,
    is.finishedAt,
    planLease(is),
    is.waitingOn,
    is.losses,
    is.loneLosses,
    is.idleSince,
    is.holdUntil,
    is.parent,
    gateText(is.gate),
  )
}

/** A lease to plan stands in a column of its own: only a running row may hold a lease to run. */
export const runLease = ({ state, leaseUntil }: Execution): number | null => (state === 'requested' ? null : leaseUntil)
export const planLease = ({ state, leaseUntil }: Execution): number | null =>
  state === 'requested' ? leaseUntil : null

/** What a first event, or a claim at birth, leaves: the narrow inserts do not name these columns. */
export function isBlank(is: Execution): boolean {
  return (
    is.leaseRenewals === 0 &&
    is.waitingFor === null &&
    is.ending === null &&
    is.openEffects === 0 &&
    is.journal === 0 &&
    is.reconciles === 0 &&
    is.cancelledBy === null &&
    is.cancelledAt === null &&
    is.cancelChecks === 0 &&
    is.lastErrorClass === null &&
    is.lastError === null &&
    is.finishedAt === null &&
    (is.state !== 'requested' || is.leaseUntil === null) &&
    is.waitingOn === null &&
    is.losses === 0 &&
    is.loneLosses === 0 &&
    is.idleSince === null &&
    is.holdUntil === null &&
    is.parent === null &&
    is.gate === null
  )
}

/** Columns that neither a claim nor a success nor a renewal touches. */
export function sharesTheRest(was: Execution, is: Execution): boolean {
  return (
    was.maxAttempts === is.maxAttempts &&
    was.rank === is.rank &&
    was.availableAt === is.availableAt &&
    was.deadlineAt === is.deadlineAt &&
    was.waitingFor === is.waitingFor &&
    was.openEffects === is.openEffects &&
    was.journal === is.journal &&
    was.cancelledBy === is.cancelledBy &&
    was.cancelledAt === is.cancelledAt &&
    was.lastErrorClass === is.lastErrorClass &&
    was.lastError === is.lastError &&
    was.waitingOn === is.waitingOn &&
    was.losses === is.losses &&
    was.loneLosses === is.loneLosses &&
    was.idleSince === is.idleSince &&
    was.holdUntil === is.holdUntil &&
    was.gate === is.gate &&
    is.state !== 'requested'
  )
}

/** Takes the narrowest statement that writes all that differs: the hot paths bind a third of the columns. */
function updateExecution(prepared: Prepared, { was, is }: Update): number | bigint {
  const { id, fence, n } = was
  const state = stateCodes[was.state]
  if (sharesTheRest(was, is)) {
    if (is.state === 'running' && was.state !== 'running') {
      if (
        is.leaseRenewals === 0 &&
        is.cancelChecks === 0 &&
        is.ending === was.ending &&
        is.finishedAt === was.finishedAt
      ) {
        return prepared
          .get('updateClaimed')
          .run(
            id,
            fence,
            state,
            n,
            is.n,
            is.fence,
            is.head,
            is.attempt,
            is.worker,
            is.leaseUntil,
            is.reconciles,
            is.updatedAt,
            is.startedAt,
          ).changes
      }
    } else if (
      is.attempt === was.attempt &&
      is.fence === fence &&
      is.reconciles === was.reconciles &&
      is.startedAt === was.startedAt
    ) {
      if (
        is.state === 'succeeded' &&
        is.worker === was.worker &&
        is.leaseUntil === null &&
        is.ending === null &&
        is.leaseRenewals === was.leaseRenewals &&
        is.cancelChecks === was.cancelChecks
      ) {
        return prepared.get('updateSucceeded').run(id, fence, state, n, is.n, is.head, is.updatedAt, is.finishedAt)
          .changes
      }
      if (
        is.n === n &&
        is.state === was.state &&
        is.head === was.head &&
        is.worker === was.worker &&
        is.ending === was.ending &&
        is.finishedAt === was.finishedAt
      ) {
        return prepared
          .get('updateLease')
          .run(id, fence, state, n, is.leaseUntil, is.leaseRenewals, is.cancelChecks, is.updatedAt).changes
      }
    }
  }
  return prepared.run(
    'updateExecution',
    id,
    fence,
    state,
    n,
    stateCodes[is.state],
    is.n,
    is.attempt,
    is.fence,
    is.head,
    is.rank,
    is.availableAt,
    is.deadlineAt,
    is.worker,
    runLease(is),
    is.leaseRenewals,
    is.waitingFor === null ? null : codeOf.wait[is.waitingFor],
    is.ending === null ? null : stateCodes[is.ending],
    is.openEffects,
    is.journal,
    is.reconciles,
    is.cancelledBy,
    is.cancelledAt,
    is.cancelChecks,
    is.lastErrorClass,
    is.lastError,
    is.updatedAt,
    is.startedAt,
    is.finishedAt,
    is.maxAttempts,
    planLease(is),
    is.waitingOn,
    is.losses,
    is.loneLosses,
    is.idleSince,
    is.holdUntil,
    gateText(is.gate),
  )
}

/** A first intent is most often a new row; what is known already is changed in place, for the ledger loses nothing. */
function enterEffect(prepared: Prepared, effect: Effect): void {
  const { id, effectKey, state, intents, fence, worker, intendedAt, concludedAt, value, errorClass, error } = effect
  const reconcilable = effect.reconcilable ? 1 : 0
  const code = codeOf.effect[state]
  if (intents > 1 || state !== 'intended') {
    const changed = prepared.run(
      'updateEffect',
      id,
      effectKey,
      reconcilable,
      code,
      intents,
      fence,
      worker,
      intendedAt,
      concludedAt,
      value,
      errorClass,
      error,
    )
    if (changed === 1) return
  }
  prepared.run(
    'addEffect',
    id,
    effectKey,
    effect.step,
    effect.name,
    effect.ordinal,
    codeOf.target[effect.target],
    reconcilable,
    code,
    intents,
    fence,
    worker,
    intendedAt,
    concludedAt,
    value,
    errorClass,
    error,
  )
}
