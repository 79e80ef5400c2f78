import { type Candidate, isQueuePaused, select } from '../claim/select.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { decideClaim } from '../execution/decide-run.ts'
import type { Effect, Execution, Step } from '../execution/execution.ts'
import type { Pause, Ready } from '../store/rows.ts'
import { loadEffects, loadExecutions, loadRequests } from './loading.ts'
import type { Memory } from './memory.ts'
import type { Claimed, OrderOf } from './order.ts'
import { activePauses } from './pauses.ts'
import { type Asking, ask } from './reads.ts'
import { takesWork, type Workers } from './registry.ts'
import type { Workset } from './workset.ts'

export type ClaimOrder = OrderOf<'claim'>

export interface FilledClaim {
  readonly claimed: readonly Claimed[] | Refusal | null
  /** Queues that were read, and whether nothing due was left in them. */
  readonly read: readonly { readonly queue: number; readonly emptied: boolean }[]
}

/** Parked and dropped work is replaced by the next; after so many rounds the rest waits for the next commit. */
const roundsMax = 8

/**
 * Hands due work to waiting workers: pick in index order, let the pure rules select, take what they took.
 * A claim that finds nothing is answered with null and goes on waiting.
 */
export function* fillClaims(
  work: Workset,
  claims: readonly ClaimOrder[],
  memory: Memory,
  workers: Workers,
): Asking<FilledClaim[]> {
  const pauses = yield* activePauses(work)
  const filled: FilledClaim[] = []
  for (const claim of claims) filled.push(yield* fillOne(work, claim, pauses, memory, workers))
  return filled
}

function* fillOne(
  work: Workset,
  claim: ClaimOrder,
  pauses: readonly Pause[],
  memory: Memory,
  workers: Workers,
): Asking<FilledClaim> {
  const worker = workers.get(claim.worker)
  if (worker === undefined || !takesWork(worker)) {
    const gone = refuse('worker_unknown', `No living worker is registered under the key ${claim.worker}.`, {
      worker: claim.worker,
    })
    return { claimed: gone, read: [] }
  }
  const taken: Execution[] = []
  const read = new Map<number, boolean>()
  const queues = worker.actions
    .filter(({ action }) => !isQueuePaused(pauses, action))
    .flatMap(({ action, version }) => memory.queueKeys.get(`${action}@${version}`) ?? newQueue(work, action, version))
  for (let round = 0; round < roundsMax && taken.length < claim.limit; round++) {
    const found: Ready[] = []
    for (const queue of queues) found.push(...(yield* dueOf(work, queue, claim.limit - taken.length, memory, read)))
    if (found.length === 0) break
    found.sort((a, b) => a.rank - b.rank || a.availableAt - b.availableAt || a.id - b.id)
    const wanted = claim.limit - taken.length
    // What one queue held may be left for work of another that comes before it: that queue is not empty then.
    for (const { queue } of found.slice(wanted)) read.set(queue, false)
    const candidates = yield* look(work, found.slice(0, wanted))
    const { take, park, drop } = select(candidates, pauses, wanted)
    for (const { ready } of drop) work.removeReady(ready)
    for (const { candidate, key } of park) {
      work.removeReady(candidate.ready)
      work.parkedAdd.push({ ...candidate.ready, key })
    }
    for (const { execution } of take) if (execution !== null) taken.push(takeOne(work, execution, claim, workers))
    if (park.length + drop.length === 0) break
  }
  const emptied = [...read].map(([queue, isEmpty]) => ({ queue, emptied: isEmpty }))
  if (taken.length === 0) return { claimed: null, read: emptied }
  return { claimed: yield* handOver(work, taken), read: emptied }
}

const newQueue = (work: Workset, action: string, version: number): number[] =>
  work.queues.filter((queue) => queue.action === action && queue.version === version).map(({ key }) => key)

/** The next due work of a queue, that of this very commit included. */
function* dueOf(
  work: Workset,
  queue: number,
  limit: number,
  memory: Memory,
  read: Map<number, boolean>,
): Asking<Ready[]> {
  const born: Ready[] = []
  for (const ready of work.readyAdd.values()) if (ready.queue === queue) born.push(ready)
  if (!memory.maybeReady.has(queue)) return born
  let removed = 0
  for (const ready of work.readyRemove.values()) if (ready.queue === queue) removed++
  const asked = limit + removed
  const stored = yield* ask('ready', queue, asked)
  read.set(queue, stored.length < asked)
  return [...stored.filter(({ id }) => !work.readyRemove.has(id)), ...born]
}

function* look(work: Workset, found: readonly Ready[]): Asking<Candidate[]> {
  const ids = found.map(({ id }) => id)
  yield* loadExecutions(work, ids)
  yield* loadRequests(work, ids)
  return found.map((ready) => ({
    ready,
    execution: work.executions.get(ready.id) ?? null,
    request: work.requests.get(ready.id) ?? null,
  }))
}

function takeOne(work: Workset, execution: Execution, claim: ClaimOrder, workers: Workers): Execution {
  const actor = workers.actor(claim.worker)
  const around = {
    now: work.now,
    principal: actor.principal,
    effects: [],
    stepRecorded: false,
    fingerprint: null,
    isGone: workers.isGone,
  }
  const decision = decideClaim(execution, { type: 'claim', worker: claim.worker, leaseMs: claim.leaseMs }, around)
  if (isRefusal(decision)) throw new Error(`claimable execution ${execution.id} was refused: ${decision.reason}`)
  return work.apply(execution, decision, actor)
}

/** Joins what a worker needs: the request, and for whoever has been there before the journal and the ledger. */
function* handOver(work: Workset, taken: readonly Execution[]): Asking<Claimed[]> {
  const resumed = taken.filter(({ journal }) => journal > 0).map(({ id }) => id)
  const steps = new Map<number, Step[]>()
  const effects = new Map<number, readonly Effect[]>()
  if (resumed.length > 0) {
    const stored = yield* ask('steps', resumed)
    const fresh = resumed.flatMap((id) => work.steps.get(id) ?? [])
    const all = new Map([...stored, ...fresh].map((step) => [`${step.id} ${step.ordinal} ${step.name}`, step]))
    for (const step of all.values()) steps.set(step.id, [...(steps.get(step.id) ?? []), step])
    yield* loadEffects(
      work,
      resumed.filter((id) => !work.effects.has(id)),
    )
    for (const id of resumed) effects.set(id, work.effectsOf(id))
  }
  return taken.map((execution) => {
    const request = work.requests.get(execution.id)
    if (request === undefined) throw new Error(`the request of execution ${execution.id} was not loaded`)
    return { execution, request, steps: steps.get(execution.id) ?? [], effects: effects.get(execution.id) ?? [] }
  })
}
