import { gateText } from '../../execution/approval.ts'
import type { Execution, Request } from '../../execution/execution.ts'
import { stateCodes } from '../../execution/machine.ts'
import type { Admitted, Update } from '../rows.ts'
import { codeOf } from '../sqlite/lookups.ts'
import { isBlank, planLease, runLease, sharesTheRest } from '../sqlite/write.ts'
import type { Put } from './put.ts'

type Cell = string | number | null

export function addAdmitted(put: Put, admitted: readonly Admitted[]): void {
  put(
    'addRequests',
    admitted.map(({ request }) => request),
    requestCells,
  )
  const executions = admitted.map(({ execution }) => execution)
  const born = executions.filter(isBorn)
  const claimed = executions.filter((is) => isBlank(is) && !isBorn(is))
  put('addNewExecutions', born, (is) => [
    is.id,
    is.tenant,
    is.queue,
    stateCodes[is.state],
    1,
    is.maxAttempts,
    is.head,
    is.rank,
    is.availableAt,
    is.deadlineAt,
    is.updatedAt,
  ])
  put('addClaimedExecutions', claimed, (is) => [
    is.id,
    is.tenant,
    is.queue,
    stateCodes[is.state],
    is.n,
    is.attempt,
    is.maxAttempts,
    is.fence,
    is.head,
    is.rank,
    is.availableAt,
    is.deadlineAt,
    is.worker,
    is.leaseUntil,
    is.updatedAt,
    is.startedAt,
  ])
  put(
    'addExecutions',
    executions.filter((is) => !isBlank(is)),
    (is) => [
      is.id,
      is.tenant,
      is.queue,
      ...stateCells(is),
      ...leaseCells(is),
      ...endCells(is),
      planLease(is),
      is.waitingOn,
      is.losses,
      is.loneLosses,
      is.idleSince,
      is.holdUntil,
      is.parent,
      gateText(is.gate),
    ],
  )
}

/**
 * Updates in rounds: of one execution, an update sees what the one before has left. Answers with the places of those
 * whose row was not as expected.
 */
export function updateAll(put: Put, updates: readonly Update[]): () => Promise<readonly number[]> {
  const rounds: Update[][] = []
  const seen = new Map<number, number>()
  const places = updates.map((update) => {
    const round = seen.get(update.was.id) ?? 0
    seen.set(update.was.id, round + 1)
    const of = rounds[round]
    if (of === undefined) rounds[round] = [update]
    else of.push(update)
    return { id: update.was.id, round }
  })
  const written = Promise.all(rounds.map((round) => updateRound(put, round)))
  // A failure is told by whoever waits for everything that was sent.
  written.catch(() => {})
  return async () => {
    const changed = await written
    return places.filter(({ id, round }) => !changed[round]?.has(id)).map(({ id }) => id)
  }
}

type UpdateKind = 'updateClaimed' | 'updateSucceeded' | 'updateLeases' | 'updateExecutions'

async function updateRound(put: Put, round: readonly Update[]): Promise<ReadonlySet<number>> {
  const kinds = new Map<UpdateKind, Update[]>()
  for (const update of round) {
    const kind = kindOf(update)
    const of = kinds.get(kind)
    if (of === undefined) kinds.set(kind, [update])
    else of.push(update)
  }
  const found = await Promise.all(
    [...kinds].map(([kind, updates]) =>
      put.returning(kind, updates, (update) => [...expected(update), ...setOf[kind](update)]),
    ),
  )
  return new Set(found.flat().map(([id]) => id as number))
}

const expected = ({ was }: Update): readonly Cell[] => [was.id, was.fence, stateCodes[was.state], was.n]

const setOf: { readonly [K in UpdateKind]: (update: Update) => readonly Cell[] } = {
  updateClaimed: ({ is }) => [
    is.n,
    is.fence,
    is.head,
    is.attempt,
    is.worker,
    is.leaseUntil,
    is.reconciles,
    is.updatedAt,
    is.startedAt,
  ],
  updateSucceeded: ({ is }) => [is.n, is.head, is.updatedAt, is.finishedAt],
  updateLeases: ({ is }) => [is.leaseUntil, is.leaseRenewals, is.cancelChecks, is.updatedAt],
  updateExecutions: ({ is }) => [
    ...stateCells(is),
    ...leaseCells(is),
    ...endCells(is),
    planLease(is),
    is.waitingOn,
    is.losses,
    is.loneLosses,
    is.idleSince,
    is.holdUntil,
    gateText(is.gate),
  ],
}

/** The narrowest statement that writes all that differs. */
function kindOf({ was, is }: Update): UpdateKind {
  if (!sharesTheRest(was, is)) return 'updateExecutions'
  const ends = is.ending === was.ending && is.finishedAt === was.finishedAt
  if (is.state === 'running' && was.state !== 'running') {
    return is.leaseRenewals === 0 && is.cancelChecks === 0 && ends ? 'updateClaimed' : 'updateExecutions'
  }
  const tries = is.attempt === was.attempt && is.fence === was.fence && is.reconciles === was.reconciles
  if (!tries || is.startedAt !== was.startedAt || is.worker !== was.worker) return 'updateExecutions'
  if (is.state === 'succeeded') {
    const renewals = is.leaseRenewals === was.leaseRenewals && is.cancelChecks === was.cancelChecks
    return is.leaseUntil === null && is.ending === null && renewals ? 'updateSucceeded' : 'updateExecutions'
  }
  return is.n === was.n && is.state === was.state && is.head === was.head && ends ? 'updateLeases' : 'updateExecutions'
}

const isBorn = (is: Execution): boolean =>
  isBlank(is) &&
  is.n === 1 &&
  is.attempt === 0 &&
  is.fence === 0 &&
  is.worker === null &&
  is.leaseUntil === null &&
  is.startedAt === null

const stateCells = (is: Execution): readonly Cell[] => [
  stateCodes[is.state],
  is.n,
  is.attempt,
  is.maxAttempts,
  is.fence,
  is.head,
  is.rank,
  is.availableAt,
  is.deadlineAt,
]

const leaseCells = (is: Execution): readonly Cell[] => [
  is.worker,
  runLease(is),
  is.leaseRenewals,
  is.waitingFor === null ? null : codeOf.wait[is.waitingFor],
  is.ending === null ? null : stateCodes[is.ending],
  is.openEffects,
  is.journal,
  is.reconciles,
]

const endCells = (is: Execution): readonly Cell[] => [
  is.cancelledBy,
  is.cancelledAt,
  is.cancelChecks,
  is.lastErrorClass,
  is.lastError,
  is.updatedAt,
  is.startedAt,
  is.finishedAt,
]

const requestCells = (request: Request): readonly Cell[] => [
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
  request.depth,
  request.rerunOf,
  request.permits,
  request.onParentCancel,
]
