import { isRefusal } from '../../errors/refusal.ts'
import type { Command } from '../../execution/command.ts'
import { decide } from '../../execution/decide.ts'
import { childStep } from '../../execution/decide-child.ts'
import { violationOf } from '../../execution/decide-right-lost.ts'
import { leaseLost, owns } from '../../execution/decide-run.ts'
import { childPrefix } from '../../execution/decide-wait.ts'
import { isTerminal } from '../../execution/machine.ts'
import { type PublicIdKey, publicId } from '../../identity/public-id.ts'
import { canonicalize } from '../../json/canonical.ts'
import { type Admitting, admitOne } from '../admission.ts'
import { around, commandOne } from '../commands.ts'
import type { Workers } from '../fleet/registry.ts'
import { loadEffects, loadExecutions, loadSignalHeads } from '../loading.ts'
import { type Admission, type Answer, type OrderOf, unknownWorker } from '../order.ts'
import { type Asking, ask } from '../reads.ts'
import type { Workset } from '../workset.ts'
import { refuseAsChild } from './parents.ts'

/**
 * Admits a child and records it in the parent's journal, in one commit. Its place in the journal is what makes it
 * one, however often the message comes.
 */
export function spawnOne(
  work: Workset,
  order: OrderOf<'spawn'>,
  workers: Workers,
  admitting: Admitting,
): Answer<'spawn'> {
  const { refusals, idKey } = admitting
  if (workers.get(order.worker) === undefined) return unknownWorker(order.worker)
  const { fence, name, ordinal, startedAt, admission } = order.spawn
  const parent = work.executions.get(order.id)
  const request = work.requests.get(order.id)
  const actor = workers.actor(order.worker)
  if (parent === undefined || request === undefined || !owns(parent, fence)) {
    const record = { type: 'record_child' as const, fence, name, ordinal, child: '', action: '', startedAt }
    const answer = commandOne(work, { id: order.id, tenant: null, command: record }, actor, refusals, workers)
    return isRefusal(answer) ? answer : leaseLost(answer, fence)
  }
  const recorded = work.steps.get(order.id)?.find((step) => step.name === childStep(name) && step.ordinal === ordinal)
  if (recorded !== undefined) return JSON.parse(recorded.value) as { child: string }
  // Who asks, for whom and within which limits is the parent's, whatever the worker says.
  const asked: Admission = {
    ...admission,
    tenant: request.tenant,
    requestedBy: request.requestedBy,
    traceId: request.traceId,
    recordOnly: request.recordOnly || admission.recordOnly,
    key: null,
    parentId: order.id,
    depth: request.depth + 1,
  }
  const refusal = refuseAsChild(work, asked)
  if (refusal !== null) {
    refusals.record(work, parent, 'transition_refused', actor, { code: refusal.code, command: 'spawn' })
    return refusal
  }
  const admitted = admitOne(work, asked, admitting)
  if (isRefusal(admitted)) {
    if (admitted.code === 'not_permitted')
      refusals.record(work, parent, 'rbac_violation', actor, { ...violationOf(admitted), command: 'spawn' })
    return admitted
  }
  const id = admitted.replayed ? admitted.execution.id : admitted.born.id
  const child = publicId(id, idKey)
  const command: Command = { type: 'record_child', fence, name, ordinal, child, action: asked.action, startedAt }
  const answer = commandOne(work, { id: order.id, tenant: null, command }, actor, refusals, workers)
  if (isRefusal(answer)) throw new Error(`a child was admitted and not recorded: ${answer.reason}`)
  return { child }
}

/** Children that one commit cancels with their parents, so that a large family does not hold up everything else. */
const cancelledMax = 200

/** What a parent is told of the end of a child: canonical JSON. */
export interface ChildEnd {
  readonly state: string
  readonly result: unknown
  readonly errorClass: string | null
  readonly error: string | null
}

/**
 * Tells kin what this commit has done: a cancel goes down to the children that end with their parent, and the end of
 * a child goes up to its parent, who may wait for it.
 */
export function* tellKin(work: Workset, workers: Workers, idKey: PublicIdKey): Asking<void> {
  let left = cancelledMax
  while (work.kin.cancelledHere.length > 0) left = yield* cancelChildren(work, workers, idKey, left)
  yield* tellParents(work, workers, idKey)
}

/** A timer of kind cascade rang: a cancel that came to some of the children goes on to the others. */
export function fireCascade(work: Workset, id: number): void {
  const parent = work.executions.get(id)
  if (parent !== undefined && parent.cancelledAt !== null) work.kin.cancelledHere.push(parent)
}

/** Cancels so many children at most, and says how many more this commit may; the others are left to a timer. */
function* cancelChildren(work: Workset, workers: Workers, idKey: PublicIdKey, most: number): Asking<number> {
  let left = most
  const parents = work.kin.cancelledHere.splice(0)
  for (const parent of parents) {
    const stored = (yield* ask('openChildren', parent.id, left + 1 + work.kin.cascaded.size)).filter(
      (id) => !work.kin.cascaded.has(id),
    )
    const part = stored.slice(0, left)
    const isMore = stored.length > left
    left -= part.length
    const ids = [...new Set([...part, ...work.bornChildren(parent.id)])]
    yield* loadExecutions(work, ids)
    yield* loadEffects(
      work,
      ids.filter((id) => !work.effects.has(id) && (work.executions.get(id)?.openEffects ?? 0) > 0),
    )
    const actor = { principal: parent.cancelledBy ?? 'system:engine', worker: null }
    // Some must be left that it can come to: rows in quarantine would be found again and again.
    if (isMore && (ids.length === 0 || ids.some((id) => work.executions.has(id))))
      work.addTimer({ at: work.now, kind: 'cascade', id: parent.id })
    const command = { type: 'cancel' as const, reason: `its parent ${publicId(parent.id, idKey)} was cancelled` }
    for (const id of ids) {
      const child = work.executions.get(id)
      work.kin.cascaded.add(id)
      if (child === undefined || isTerminal(child.state)) continue
      const decision = decide(child, command, around(work, child, command, actor.principal, workers))
      if (!isRefusal(decision)) work.apply(child, decision, actor)
    }
  }
  return left
}

function* tellParents(work: Workset, workers: Workers, idKey: PublicIdKey): Asking<void> {
  const ended = work.kin.endedChildren.splice(0)
  if (ended.length === 0) return
  const parents = [...new Set(ended.flatMap(({ child }) => child.parent ?? []))]
  yield* loadExecutions(work, parents)
  yield* loadSignalHeads(work, parents)
  const actor = { principal: 'system:children', worker: null }
  for (const { child, result } of ended) {
    const parent = child.parent === null ? undefined : work.executions.get(child.parent)
    if (parent === undefined) continue
    const end: ChildEnd = {
      state: child.state,
      result: result === null ? null : JSON.parse(result),
      errorClass: child.state === 'succeeded' ? null : child.lastErrorClass,
      error: child.state === 'succeeded' ? null : child.lastError,
    }
    const name = `${childPrefix}${publicId(child.id, idKey)}`
    const payload = canonicalize(end)
    if (isRefusal(payload)) throw new Error(`the end of ${name} cannot be told: ${payload.reason}`)
    const command: Command = { type: 'signal', name, payload, dedupe: null }
    const decision = decide(parent, command, around(work, parent, command, actor.principal, workers))
    if (!isRefusal(decision)) work.apply(parent, decision, actor)
  }
}
