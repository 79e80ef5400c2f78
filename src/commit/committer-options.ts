import type { PublicIdKey } from '../identity/public-id.ts'
import type { StoreSession } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import type { BatchResult } from './batch.ts'
import type { ClaimOrder } from './due/claims.ts'
import type { DueNews } from './due/due-news.ts'
import type { Order } from './order.ts'

/** One batch, by all that decided it beside the rows. */
export interface DecidedBatch {
  readonly orders: readonly Order[]
  readonly claims: readonly ClaimOrder[]
  readonly now: number
  /** When the writer expected the next timer. */
  readonly nextTimerAt: number | null
  readonly result: BatchResult
}

export interface CommitterOptions {
  readonly session: StoreSession
  readonly idKey: PublicIdKey
  readonly clock: Clock
  /** Runs a function soon, after whatever else has arrived by then: what gathers a group. */
  readonly soon: (run: () => void) => void
  /** Told after each durable commit; must not throw. */
  readonly onCommit?: ((changedIds: readonly number[], dueNews: () => DueNews) => void) | undefined
  /** Told of every commit that failed, before it is tried in parts. */
  readonly onFailure?: ((error: Error, orders: number) => void) | undefined
  /** Told of every batch right before its commit, with what it was decided from: for whoever plays it again. */
  readonly onBatch?: ((batch: DecidedBatch) => void) | undefined
  /** Milliseconds of work one commit may hold; the group's size follows from what commits have cost. */
  readonly groupMs?: number | undefined
  /** For measuring commits only: decides nothing but the size of a group. */
  readonly stopwatch?: (() => number) | undefined
  readonly waitingMax?: number | undefined
  /** Between 0 and 1: keeps writers that met each other from meeting again. */
  readonly random?: (() => number) | undefined
}
