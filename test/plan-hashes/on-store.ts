import type { StoreHost } from '../../src/commit/host.ts'
import { isRefusal, orThrow } from '../../src/errors/refusal.ts'
import type { Gate } from '../../src/execution/approval.ts'
import { admissionOf } from '../approvals/drivers.ts'
import { type Sample, samples } from './samples.ts'

const rules: Gate['rules'] = {
  level: 'plan_review',
  quorum: 1,
  groups: [],
  useByMs: null,
  selfApproval: false,
  resume: 'manual',
  planMaxAgeMs: null,
}
const nothingYet = { plannedAt: null, approvedHash: null, useBy: null, isDue: false, replan: null, isFrozen: false }
const hello = { identity: 'planner', host: 'h', pid: 1, startedTicks: null, bootId: null, slots: 9, isolates: true }

/** The hash that people would approve of each sample: planned through a store, from what it has kept of the request. */
export async function hashesOn({ orders, views }: StoreHost): Promise<Record<string, string | null>> {
  const actions = [{ action: 'a', version: 1 }]
  const registered = await orders.give<'register'>({
    kind: 'register',
    hello: { ...hello, incarnation: 'planner.1', actions },
  })
  const { worker } = orThrow(registered)
  const found: Record<string, string | null> = {}
  for (const sample of samples) found[sample.name] = await planned(sample, worker)
  return found

  async function planned({ input, recordOnly, proposal }: Sample, worker: number): Promise<string | null> {
    const asked = { ...admissionOf({ rules, planHash: null, ...nothingYet }, true), input, recordOnly }
    const admitted = orThrow(await orders.give<'admit'>({ kind: 'admit', admission: asked }))
    if (admitted.replayed) throw new Error('it was asked for before')
    const { id } = admitted.born
    const claim = { kind: 'claim' as const, worker, limit: 1, leaseMs: 60_000, waitMs: 0 }
    const [claimed] = orThrow(await orders.give<'claim'>(claim))
    const fence = claimed?.execution.fence ?? 0
    const answer = await orders.give<'work'>({
      kind: 'work',
      worker,
      id,
      command: { type: 'planned', fence, ...proposal },
    })
    if (isRefusal(answer)) throw new Error(answer.reason)
    return (await views.find(id))?.execution.gate?.planHash ?? null
  }
}
