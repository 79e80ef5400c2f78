import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { isTerminal } from '../execution/machine.ts'
import type { Admitted } from '../store/rows.ts'
import { type Admitting, admitNew, keyLookup } from './admission.ts'
import { damaged } from './archives.ts'
import type { OrderOf } from './order.ts'
import type { Workset } from './workset.ts'

/**
 * Runs an execution that has ended once more, as a new one with the next generation of its key: its effects have other
 * keys and happen again. The old one records who asked, in the same commit.
 */
export function rerunOne(
  work: Workset,
  { id, reason, admission }: OrderOf<'rerun'>,
  { queues, keys, refusals, depths, idKey }: Admitting,
): Admitted | Refusal {
  const execution = work.executions.get(id)
  const request = work.requests.get(id)
  if (execution === undefined || request === undefined || execution.tenant !== admission.tenant) {
    return refuse('not_found', 'There is no such execution.')
  }
  const actor = { principal: admission.requestedBy, worker: null }
  if (!isTerminal(execution.state)) {
    refusals.record(work, execution, 'transition_refused', actor, { code: 'illegal_transition', command: 'rerun' })
    return refuse('illegal_transition', `The execution is ${execution.state}; only one that has ended is run again.`, {
      state: execution.state,
    })
  }
  const right = work.rights.mayStillSubmit(admission)
  if (isRefusal(right)) return right
  const replaced = work.policies.refuseReplaced(admission)
  if (replaced !== null) return replaced
  const lookup = keyLookup(admission)
  const owner = lookup === null ? null : keys.get(lookup)
  const away = owner?.archived ? (keys.archived(owner.id)?.parts ?? null) : null
  if (owner?.archived && away === null) return damaged()
  const holder = owner === null ? request : (away?.request ?? work.requests.get(owner.id))
  const held = owner === null ? execution : (away?.execution ?? work.executions.get(owner.id))
  if (holder === undefined || held === undefined) throw new Error('the holder of a key was not loaded')
  if (!isTerminal(held.state)) {
    return refuse('rerun_underway', `Generation ${holder.generation} of this key is ${held.state}.`, {
      executionId: holder.publicId,
      generation: holder.generation,
    })
  }
  const queue = queues.keyOf(admission.action, admission.version)
  const full = depths.refuse(admission, queue, work.depth, work.now)
  if (full !== null) return full
  const lineage = { generation: holder.generation + 1, rerunOf: id, right }
  const admitted = admitNew(work, admission, queue, keys, idKey, lineage)
  const data = { rerun: admitted.request.publicId, ...(reason === null ? {} : { reason }) }
  work.note(execution, 'rerun_requested', actor, data)
  return admitted
}
