import { Refused } from '../errors/refusal.ts'
import type { Permit } from '../execution/permit.ts'
import { isPlaceOf, lockKey, readLockKey, readRateKey } from '../store/place.ts'
import type { Limit, Worker } from '../store/rows.ts'
import type { Found, Views } from '../store/store.ts'
import { type Naming, timeText } from './view.ts'

/** Those in line that are told one by one. */
const lineMax = 100

/** One held or reserved permit, as people are shown it. */
export function permitView(permit: Permit, naming: Naming, tenant: string, holderTenant: string | null) {
  const { key, slot, execution, fence, step, takenAt, granted } = permit
  return {
    key,
    slot,
    shared: permit.tenant === '',
    // Whoever else holds a shared key is no business of this tenant.
    holder: holderTenant === tenant ? naming.idOf(execution) : null,
    fence: holderTenant === tenant ? fence : null,
    step,
    since: timeText(takenAt),
    /** Handed over in order, and not taken up by a run yet. */
    reserved: granted,
  }
}

export type LockView = ReturnType<typeof permitView>

/** A capacity that an operator has set. */
export type LimitView = ReturnType<typeof limitView>

export const limitView = ({ tenant, key, capacity, by, reason, at }: Limit) => ({
  key,
  shared: tenant === '',
  capacity,
  by,
  reason,
  at: timeText(at),
})

export async function permitViews(views: Views, permits: readonly Permit[], naming: Naming, tenant: string) {
  const shown: LockView[] = []
  for (const permit of permits) {
    const holder = permit.tenant === '' ? await tenantOf(views, permit.execution) : permit.tenant
    shown.push(permitView(permit, naming, tenant, holder))
  }
  return shown
}

/** Null also where it cannot be read: its neighbours are shown all the same. */
async function tenantOf(views: Views, id: number): Promise<string | null> {
  try {
    return (await views.find(id))?.execution.tenant ?? null
  } catch (thrown) {
    if (thrown instanceof Refused && thrown.code === 'quarantined') return null
    throw thrown
  }
}

/** One in line; others' executions are counted and not named. */
export interface LineView {
  readonly place: number
  readonly execution: string | null
  readonly step: string | null
  readonly since: string
}

/** Who stands in line for a key, in order: steps of running executions first, then executions that wait to run. */
export async function lineOf(views: Views, scope: string, key: string, naming: Naming, tenant: string) {
  const [waiters, parked] = await Promise.all([views.waiters(scope, key), views.parked(lockKey(scope, key), lineMax)])
  const line: LineView[] = []
  const add = async (id: number, step: string | null, since: number): Promise<void> => {
    const isOwn = scope === tenant || (await tenantOf(views, id)) === tenant
    line.push({ place: line.length + 1, execution: isOwn ? naming.idOf(id) : null, step, since: timeText(since) })
  }
  for (const { execution, step, since } of waiters) await add(execution, step, since)
  for (const { id, availableAt } of parked) await add(id, null, availableAt)
  return line.slice(0, lineMax)
}

export interface Parking {
  readonly why: string
  readonly next: string
}

/** What the steps of a running execution wait for in line; null when none of them does. */
export async function standingOf(views: Views, { execution }: Found): Promise<Parking | null> {
  if (execution.state !== 'running') return null
  const waits = await views.waitersOf(execution.id)
  const [first] = waits
  if (first === undefined) return null
  const { tenant, key, step } = first
  const line = await views.waiters(tenant, key)
  const place = line.findIndex((one) => one.execution === execution.id && one.step === step) + 1
  const others = waits.length > 1 ? `, and ${waits.length - 1} more of its steps wait` : ''
  return {
    why: `Its step ${step} waits for the lock "${key}", number ${place} in line${others}.`,
    next: `See the holder and the line with: pawl lock get ${JSON.stringify(key)}`,
  }
}

/** What a due execution waits for in line: the lock, who holds it and its own place; or the rate. */
export async function parkingOf(
  views: Views,
  { execution }: Found,
  workers: readonly Worker[],
): Promise<Parking | null> {
  if (execution.state !== 'queued' && execution.state !== 'retryable_failed') return null
  const place = await views.parkedAt(execution.id)
  if (place === null || isPlaceOf(place.parked.key) === 'pause') return null
  const { parked, before } = place
  const rate = readRateKey(parked.key)
  if (rate !== null) {
    return {
      why: `The rate limit "${rate.key}" has no share left; it is number ${before + 1} in line.`,
      next: 'Wait; it starts by itself as soon as the rate allows it.',
    }
  }
  const lock = readLockKey(parked.key)
  if (lock === null) return null
  const held = await views.permits({ tenant: lock.tenant, key: lock.key, limit: 1_000 })
  const [first] = held.filter(({ tenant }) => tenant === lock.tenant)
  const holder = first === undefined ? null : await views.find(first.execution)
  const isOwn = holder?.execution.tenant === execution.tenant
  const worker = workers.find(({ key }) => key === holder?.execution.worker)
  const whose =
    holder === null || !isOwn
      ? 'another execution'
      : `execution ${holder.request.publicId}${worker === undefined ? '' : ` on worker ${worker.identity}`}`
  const others = held.length > 1 ? ` and ${held.length - 1} more` : ''
  return {
    why: `The lock "${lock.key}" is held by ${whose}${others}; it is number ${before + 1} in line.`,
    next: `See the holder and the line with: pawl lock get ${JSON.stringify(lock.key)}`,
  }
}
