import type { Candidate } from '../claim/select.ts'
import type { Command } from '../execution/command.ts'
import type { Execution, Request } from '../execution/execution.ts'
import type { Ready } from '../store/rows.ts'
import type { KeyLookup } from '../store/store.ts'
import type { Keys } from './admission.ts'
import { loadPlans } from './approvals/plans.ts'
import { admissionsOf, type Order } from './order.ts'
import { type Asking, ask, askWhole, askWithFronts, type FrontAsk } from './reads.ts'
import type { Workset } from './workset.ts'

/** Reads the holders of all keys that the batch's admissions name. */
export function* loadForAdmissions(work: Workset, keys: Keys, lookups: readonly KeyLookup[]): Asking<void> {
  if (lookups.length === 0) return
  const owners = yield* ask('keyOwners', lookups)
  const held: number[] = []
  const away: number[] = []
  for (const [index, lookup] of lookups.entries()) {
    const owner = owners[index]
    if (owner === undefined || owner === null) continue
    keys.set(lookup, owner)
    if (owner.archived) away.push(owner.id)
    else held.push(owner.id)
  }
  if (away.length > 0) for (const archived of yield* ask('archived', away)) keys.putAway(archived)
  if (held.length === 0) return
  yield* loadExecutions(work, held)
  yield* loadRequests(work, held)
}

/** Reads the rows that this batch does not know yet. */
export function* loadExecutions(work: Workset, ids: Iterable<number>): Asking<void> {
  const missing = missingExecutions(work, ids)
  if (missing.length > 0) take(work, yield* ask('executions', missing), [])
}

export function* loadRequests(work: Workset, ids: Iterable<number>): Asking<void> {
  const missing = missingRequests(work, ids)
  if (missing.length > 0) take(work, [], yield* ask('requests', missing))
}

function* loadWhole(work: Workset, ids: readonly number[]): Asking<void> {
  const [executions, requests] = [missingExecutions(work, ids), missingRequests(work, ids)]
  if (executions.length > 0 && requests.length > 0) take(work, ...(yield* askWhole(executions, requests)))
  else {
    yield* loadExecutions(work, executions)
    yield* loadRequests(work, requests)
  }
}

function missingExecutions(work: Workset, ids: Iterable<number>): number[] {
  const missing: number[] = []
  for (const id of ids) {
    if (work.executions.has(id) || work.quarantine.holds(id)) continue
    const kept = work.rows.execution(id)
    if (kept === undefined) missing.push(id)
    else work.executions.set(id, kept)
  }
  return missing
}

function missingRequests(work: Workset, ids: Iterable<number>): number[] {
  const missing: number[] = []
  for (const id of ids) {
    if (work.requests.has(id) || work.quarantine.holds(id)) continue
    const kept = work.rows.request(id)
    if (kept === undefined) missing.push(id)
    else work.requests.set(id, kept)
  }
  return missing
}

function take(work: Workset, executions: readonly Execution[], requests: readonly Request[]): void {
  for (const execution of executions) work.executions.set(execution.id, execution)
  for (const request of requests) work.requests.set(request.id, request)
}

/** Reads what rules look at before they let due work be claimed. */
export function* loadCandidates(work: Workset, found: readonly Ready[]): Asking<Candidate[]> {
  yield* loadWhole(
    work,
    found.map(({ id }) => id),
  )
  return found.map((ready) => ({
    ready,
    execution: work.executions.get(ready.id) ?? null,
    request: work.requests.get(ready.id) ?? null,
  }))
}

/** Fronts of queues that will be read, if they are not read sooner. */
export interface Ahead {
  readonly fronts: readonly FrontAsk[]
  readonly take: (fronts: readonly FrontAsk[], found: readonly (readonly Ready[])[]) => void
}

/** The rows of executions; and in the same go what claims will look at, where the store must be asked anyway. */
function* loadWithAhead(work: Workset, ids: Iterable<number>, { fronts, take: takeFronts }: Ahead): Asking<void> {
  const missing = missingExecutions(work, ids)
  if (missing.length === 0) return
  const [executions, ...found] = yield* askWithFronts(missing, fronts)
  take(work, executions, [])
  takeFronts(fronts, found)
}

/** Reads the rows, and of those that need it the ledger, the journal and the recorded outcome. */
export function* loadForCommands(work: Workset, orders: readonly Order[], ahead: Ahead): Asking<void> {
  const ids = new Set<number>()
  for (const order of orders) {
    if (order.kind === 'command' || order.kind === 'work' || order.kind === 'spawn' || order.kind === 'rerun')
      ids.add(order.id)
    else if (order.kind === 'denied') ids.add(order.id)
    else if (order.kind === 'heartbeat') for (const { id } of order.held) ids.add(id)
    else for (const { parentId } of admissionsOf(order)) if (parentId !== null) ids.add(parentId)
  }
  yield* loadWithAhead(work, ids, ahead)
  yield* loadRequests(
    work,
    orders.flatMap((order) => (order.kind === 'rerun' ? order.id : [])),
  )
  const ledger = new Set<number>()
  const journal = new Set<number>()
  const settled = new Set<number>()
  const asked = new Set<number>()
  const talking = new Set<number>()
  const signalled = new Set<number>()
  for (const order of orders) {
    if (order.kind !== 'command' && order.kind !== 'work') continue
    const execution = work.executions.get(order.id)
    if (execution === undefined) continue
    if (execution.openEffects > 0) ledger.add(order.id)
    // Only where rights were ever changed somebody has to know who asked.
    if (asksRequester.has(order.command.type) && work.rights.current.isInUse(execution.tenant)) asked.add(order.id)
    switch (order.command.type) {
      case 'record_step':
        if (execution.journal > 0) journal.add(order.id)
        break
      case 'intend_effect':
      case 'record_effect':
      case 'reconcile_effect':
      case 'resolve_effect':
      case 'revoke_approval':
        if (execution.journal > 0) ledger.add(order.id)
        break
      case 'planned':
        asked.add(order.id)
        break
      case 'log':
        talking.add(order.id)
        break
      case 'signal':
        signalled.add(order.id)
        break
      case 'suspend':
        if (execution.journal > 0 && order.command.awaits !== undefined) signalled.add(order.id)
        break
      case 'succeed':
        if (execution.state === 'succeeded') settled.add(order.id)
        break
      default:
        break
    }
  }
  yield* loadForChildren(work, orders, journal)
  yield* loadEffects(work, [...ledger])
  if (asked.size > 0) yield* loadRequests(work, asked)
  yield* loadPlans(work, orders)
  yield* loadSignalHeads(work, [...signalled])
  if (journal.size > 0) {
    for (const step of yield* ask('steps', [...journal])) {
      const known = work.steps.get(step.id)
      if (known === undefined) work.steps.set(step.id, [step])
      else known.push(step)
    }
  }
  if (talking.size > 0) {
    for (const line of yield* ask('newestLogs', [...talking])) work.newestLogs.set(line.id, line)
  }
  if (settled.size > 0) {
    for (const { id, fingerprint } of yield* ask('fingerprints', [...settled])) work.fingerprints.set(id, fingerprint)
  }
}

/** What begins something in the name of whoever asked. */
const asksRequester: ReadonlySet<Command['type']> = new Set(['intend_effect', 'begin_target', 'claim'])

function* loadForChildren(work: Workset, orders: readonly Order[], journal: Set<number>): Asking<void> {
  const parents = new Set<number>()
  const spawning = new Set<number>()
  for (const order of orders) {
    if (order.kind === 'spawn') spawning.add(order.id)
    for (const { parentId } of admissionsOf(order)) if (parentId !== null) parents.add(parentId)
  }
  if (parents.size + spawning.size === 0) return
  yield* loadRequests(work, spawning)
  for (const id of spawning) {
    parents.add(id)
    if ((work.executions.get(id)?.journal ?? 0) > 0) journal.add(id)
  }
  for (const { id, count } of yield* ask('childCounts', [...parents])) work.kin.childCounts.set(id, count)
}

export function* loadEffects(work: Workset, ids: readonly number[]): Asking<void> {
  if (ids.length === 0) return
  for (const effect of yield* ask('effects', ids)) {
    const known = work.effects.get(effect.id)
    if (known === undefined) work.effects.set(effect.id, new Map([[effect.effectKey, effect]]))
    else known.set(effect.effectKey, effect)
  }
}

/** Reads what is known of the signals of executions that have none in this batch yet. */
export function* loadSignalHeads(work: Workset, ids: readonly number[]): Asking<void> {
  const missing = ids.filter((id) => !work.signals.heads.has(id))
  if (missing.length === 0) return
  for (const id of missing) work.signals.heads.set(id, [])
  for (const head of yield* ask('signalHeads', missing)) work.signals.heads.get(head.execution)?.push(head)
}
