import type { ActionRegistry } from '../action/action.ts'
import { checkRequest } from '../admit/request.ts'
import type { Claimed } from '../commit/order.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { KnownPolicies } from '../policy/known-policies.ts'
import type { Spawner } from '../run/child.ts'
import { defaultRetryPolicy, type RetryPolicy } from '../time/backoff.ts'
import type { WorkerProtocol } from './protocol.ts'
import { insistently, type Patience } from './steadfast.ts'

export interface SpawnerPorts {
  readonly protocol: Pick<WorkerProtocol, 'spawn'>
  /** What this worker knows: a child is checked as any submit is, but here. */
  readonly actions: ActionRegistry
  readonly retry: RetryPolicy | undefined
  /** Those of tenants, as this worker has heard of them. */
  readonly policies: KnownPolicies
  readonly patience: Patience
}

/** How a run admits its children: checked by the worker, committed on the other side, repeated until it is answered. */
export function spawnerOf({ execution, request }: Claimed, worker: number, ports: SpawnerPorts): Spawner {
  const { protocol, actions, retry = defaultRetryPolicy, policies, patience } = ports
  const by = { principal: request.requestedBy, tenant: request.tenant }
  const parent = { id: execution.id, depth: request.depth }
  return async ({ wanted, ...spawn }) => {
    const rules = { actions, retryPolicy: retry, newTraceId: () => request.traceId, parent }
    return await policies.underNewest(async () => {
      const policy = policies.of(by.tenant)
      const admission = await checkRequest(wanted, by, { ...rules, now: patience.clock.now(), policy })
      if (isRefusal(admission)) return admission
      return await insistently('spawn', () => protocol.spawn(worker, execution.id, { ...spawn, admission }), patience)
    })
  }
}
