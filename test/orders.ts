import type { StoreHost } from '../src/commit/host.ts'
import type { Admission, OrderOf } from '../src/commit/order.ts'

/** Plain work that anybody may ask for, as it is checked; a test says only what it is about. */
export const admission = (of: Partial<Admission> = {}): Admission => ({
  tenant: 'acme',
  action: 'crm.sync',
  version: 1,
  subject: null,
  key: null,
  recordOnly: false,
  input: '{}',
  inputHash: 'hash',
  seed: 'seed',
  traceId: 'trace',
  requestedBy: 'service:test',
  mode: 'background',
  priority: 0,
  slaClass: 'standard',
  actionClass: 'default',
  maxAttempts: 3,
  availableAt: null,
  delayMs: null,
  deadlineAt: null,
  parentId: null,
  permits: null,
  depth: 0,
  onParentCancel: null,
  ...of,
})

export const helloOf = (name: string): OrderOf<'register'>['hello'] => ({
  identity: name,
  incarnation: `${name}.1`,
  host: 'h',
  pid: 1,
  startedTicks: null,
  bootId: null,
  slots: 9,
  actions: [{ action: 'crm.sync', version: 1 }],
})

/** Resolves with the first `count` executions of whose change a host has told, by key. */
export function changedIds(host: StoreHost, count: number): Promise<readonly number[]> {
  const seen = new Set<number>()
  return new Promise((resolve) => {
    const stop = host.onCommit((ids) => {
      for (const id of ids) seen.add(id)
      if (seen.size < count) return
      stop()
      resolve([...seen].sort((a, b) => a - b))
    })
  })
}
