import type { PublicIdKey } from '../identity/public-id.ts'
import type { Worker } from '../store/rows.ts'
import type { RowCache } from './row-cache.ts'

/** What the writer remembers between commits, so that it need not ask. */
export interface Memory {
  readonly idKey: PublicIdKey
  /** Key of each (action, version), by `action@version`. */
  readonly queueKeys: Map<string, number>
  /** Queues that may hold due work; all of them at first. */
  readonly maybeReady: Set<number>
  readonly refusals: Map<string, { startedAt: number; suppressed: number }>
  readonly workers: Map<number, Worker>
  readonly rows: RowCache
  nextTimerAt: number | null
}
