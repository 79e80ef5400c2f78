import type { MessagePort } from 'node:worker_threads'
import type { PublicIdKey } from '../identity/public-id.ts'
import type { Views } from '../store/store.ts'
import type { Orders } from './order.ts'

/** An open store as the rest of the program holds it, wherever its writer runs. */
export interface StoreHost {
  readonly orders: Orders
  readonly views: Views
  readonly idKey: PublicIdKey
  /** Time of the newest event when the store was opened: clocks of this process begin no earlier. */
  readonly newestAt: number
  /** Other processes may hold it at the same time: nobody's end follows from this process holding it. */
  readonly isShared?: boolean | undefined
  /** Called after every durable commit with the keys of the executions it changed. Returns how to stop it. */
  onCommit(listener: (changedIds: readonly number[]) => void): () => void
  /** A second way to the writer, for another thread of this process; null where the writer has no thread of its own. */
  port(): MessagePort | null
  /** Commits what was given, then closes the store cleanly. */
  close(): Promise<void>
}

/** Who hears of commits. A listener that throws is a bug of the listener and must not stop the writer. */
export class Listeners {
  readonly #listeners = new Set<(changedIds: readonly number[]) => void>()

  add(listener: (changedIds: readonly number[]) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(changedIds: readonly number[]): void {
    for (const listener of this.#listeners) listener(changedIds)
  }
}
