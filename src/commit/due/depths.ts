import { type Refusal, refuse } from '../../errors/refusal.ts'
import type { Execution } from '../../execution/execution.ts'
import { isImmediate } from '../../execution/rank.ts'
import type { Depth } from '../../store/rows.ts'
import type { Admission } from '../order.ts'

/** Whether an execution waits to be claimed in its queue. One that somebody waits for is in no queue's depth. */
export const isCounted = ({ state, rank }: Execution): boolean =>
  (state === 'queued' || state === 'retryable_failed') && !isImmediate(rank)

/** What one commit adds to a queue's work of one tenant, and takes from it. */
export interface DepthChange {
  readonly queue: number
  readonly tenant: string
  added: number
  removed: number
}

const keyOf = (queue: number, tenant: string): string => `${queue} ${tenant}`

/** The changes of one commit. */
export class DepthChanges {
  readonly #changes = new Map<string, DepthChange>()

  note(before: Execution | null, after: Execution): void {
    const was = before !== null && isCounted(before)
    const is = isCounted(after)
    if (was === is) return
    const key = keyOf(after.queue, after.tenant)
    const change = this.#changes.get(key) ?? { queue: after.queue, tenant: after.tenant, added: 0, removed: 0 }
    if (is) change.added += 1
    else change.removed += 1
    this.#changes.set(key, change)
  }

  all(): readonly DepthChange[] {
    return [...this.#changes.values()]
  }

  /** By how much a queue of a tenant, or all of the tenant's, have grown. */
  growth(tenant: string, queue: number | null): number {
    let growth = 0
    for (const change of this.#changes.values()) {
      if (change.tenant !== tenant || (queue !== null && change.queue !== queue)) continue
      growth += change.added - change.removed
    }
    return growth
  }
}

/** How fast work left, over this window and the one before. */
interface Drain {
  startedAt: number
  removed: number
  before: number
}

const drainWindowMs = 30_000
const retrySecondsMax = 300

/** The depth of every queue by tenant, as the commits so far left it: read once, counted on ever since. */
export class Depths {
  readonly #counts = new Map<string, number>()
  readonly #ofTenant = new Map<string, number>()
  readonly #drains = new Map<string, Drain>()

  constructor(rows: readonly Depth[]) {
    for (const row of rows) this.#set(row)
  }

  /** The rows as a commit with these changes leaves them. */
  after(changes: readonly DepthChange[]): readonly Depth[] {
    return changes.flatMap(({ queue, tenant, added, removed }) =>
      added === removed ? [] : { queue, tenant, count: this.#count(queue, tenant) + added - removed },
    )
  }

  committed(changes: readonly DepthChange[], now: number): void {
    for (const row of this.after(changes)) this.#set(row)
    for (const { queue, tenant, removed } of changes) {
      if (removed === 0) continue
      this.#drained(keyOf(queue, tenant), removed, now)
      this.#drained(tenant, removed, now)
    }
  }

  /** Refuses what a full queue, or a tenant with too much of everything, may not take; says when it may be tried again. */
  refuse(admission: Admission, queue: number, changes: DepthChanges, now: number): Refusal | null {
    const { mode, tenant, queueMax, tenantMax, action } = admission
    if (mode === 'immediate') return null
    if (queueMax !== undefined) {
      const depth = this.#count(queue, tenant) + changes.growth(tenant, queue)
      if (depth >= queueMax) return full(`of ${action}`, depth, queueMax, this.#rate(keyOf(queue, tenant), now))
    }
    if (tenantMax !== undefined) {
      const depth = (this.#ofTenant.get(tenant) ?? 0) + changes.growth(tenant, null)
      if (depth >= tenantMax) return full('of the tenant', depth, tenantMax, this.#rate(tenant, now))
    }
    return null
  }

  #count(queue: number, tenant: string): number {
    return this.#counts.get(keyOf(queue, tenant)) ?? 0
  }

  #set({ queue, tenant, count }: Depth): void {
    const key = keyOf(queue, tenant)
    const total = (this.#ofTenant.get(tenant) ?? 0) + count - (this.#counts.get(key) ?? 0)
    if (count === 0) this.#counts.delete(key)
    else this.#counts.set(key, count)
    if (total === 0) this.#ofTenant.delete(tenant)
    else this.#ofTenant.set(tenant, total)
  }

  #drained(key: string, removed: number, now: number): void {
    const drain = this.#drains.get(key)
    if (drain === undefined || now - drain.startedAt >= 2 * drainWindowMs) {
      this.#drains.set(key, { startedAt: now, removed, before: 0 })
    } else if (now - drain.startedAt >= drainWindowMs) {
      this.#drains.set(key, { startedAt: drain.startedAt + drainWindowMs, removed, before: drain.removed })
    } else drain.removed += removed
  }

  /** Executions a second that left lately; 0 when none did. */
  #rate(key: string, now: number): number {
    const drain = this.#drains.get(key)
    if (drain === undefined || now - drain.startedAt >= 2 * drainWindowMs) return 0
    const spanMs = now - drain.startedAt + (drain.before > 0 ? drainWindowMs : 0)
    return ((drain.removed + drain.before) * 1000) / Math.max(1000, spanMs)
  }
}

function full(whose: string, depth: number, max: number, perSecond: number): Refusal {
  const seconds = perSecond === 0 ? retrySecondsMax : Math.ceil((depth - max + 1) / perSecond)
  const retryAfterSeconds = Math.min(retrySecondsMax, Math.max(1, seconds))
  const reason = `The queue ${whose} holds ${depth} executions that wait; ${max} is the most.`
  return refuse('queue_full', reason, { depth, max, retryAfterSeconds })
}
