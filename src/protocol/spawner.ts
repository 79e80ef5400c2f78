import type { ActionRegistry } from '../action/action.ts'
import { checkRequest } from '../admit/request.ts'
import type { Claimed } from '../commit/order.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { Spawner } from '../run/child.ts'
import { defaultRetryPolicy, type RetryPolicy } from '../time/backoff.ts'
import type { WorkerProtocol } from './protocol.ts'
import { insistently, type Patience } from './steadfast.ts'

export interface SpawnerPorts {
  readonly protocol: Pick<WorkerProtocol, 'spawn'>
  /** What this worker knows: a child is checked as any submit is, but here. */
  readonly actions: ActionRegistry
  readonly retry: RetryPolicy | undefined
  readonly patience: Patience
}

/** How a run admits its children: checked by the worker, committed on the other side, repeated until it is answered. */
export function spawnerOf({ execution, request }: Claimed, worker: number, ports: SpawnerPorts): Spawner {
  const { protocol, actions, retry = defaultRetryPolicy, patience } = ports
  const by = { principal: request.requestedBy, tenant: request.tenant }
  const parent = { id: execution.id, depth: request.depth }
  return async ({ wanted, ...spawn }) => {
    const rules = { actions, retryPolicy: retry, now: patience.clock.now(), newTraceId: () => request.traceId, parent }
    const admission = await checkRequest(wanted, by, rules)
    if (isRefusal(admission)) return admission
    return await insistently('spawn', () => protocol.spawn(worker, execution.id, { ...spawn, admission }), patience)
  }
}
