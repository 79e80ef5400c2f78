import { actionRegistry } from '../../src/action/action.ts'
import { ControlPlane, type ControlPlaneOptions } from '../../src/control/control-plane.ts'
import { type ScriptPorts, scriptedActions } from './script.ts'
import type { StepPermits } from './step-permits.ts'

type Ports = Pick<ScriptPorts, 'clock' | 'outside' | 'limits'> &
  Pick<ControlPlaneOptions, 'newTraceId' | 'tenantConcurrency'> &
  Pick<ControlPlaneOptions['host'], 'orders' | 'views' | 'idKey'>

/** What people hold, in front of the simulated writer. */
export function simulatedControlPlane(ports: Ports): ControlPlane {
  const { clock, outside, limits = false, orders, views, idKey, newTraceId, tenantConcurrency } = ports
  const unused = { owner: 'nobody', clock, outside, limits, stepPermits: nobodys, beside: null }
  return new ControlPlane({
    host: {
      orders,
      views,
      idKey,
      newestAt: 0,
      onCommit: () => () => {},
      onDue: () => () => {},
      port: () => null,
      close: async () => {},
    },
    actions: actionRegistry(scriptedActions(unused)),
    clock,
    queueMax: 25,
    retryPolicy: { maxAttempts: 3, baseMs: 1_000, multiplier: 2, capMs: 20_000, jitter: 'full' },
    newTraceId,
    tenantConcurrency,
  })
}

/** Actions of the control plane are never run. */
const nobodys: StepPermits = { take: () => Promise.resolve(), give: () => Promise.resolve() }
