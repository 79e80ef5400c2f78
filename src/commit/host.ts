import type { MessagePort } from 'node:worker_threads'
import type { PublicIdKey } from '../identity/public-id.ts'
import { type FeedStanding, upToDate } from '../store/feed-standing.ts'
import type { Inbox, Transactions } from '../store/inbox.ts'
import type { Views } from '../store/store.ts'
import type { DueNews } from './due/due-news.ts'
import type { Orders } from './order.ts'

/** An open store as the rest of the program holds it, wherever its writer runs. */
export interface StoreHost {
  readonly orders: Orders
  readonly views: Views
  readonly idKey: PublicIdKey
  /** Time of the newest event when the store was opened: clocks of this process begin no earlier. */
  readonly newestAt: number
  /** Number of the newest migration that this program knows; absent where there are none. */
  readonly schema?: number | undefined
  /** Other processes may hold it at the same time: nobody's end follows from this process holding it. */
  readonly isShared?: boolean | undefined
  /** Called after every durable commit with the keys of the executions it changed. Returns how to stop it. */
  onCommit(listener: (changedIds: readonly number[]) => void): () => void
  /** Called after every durable commit of this process with what it made due. Returns how to stop it. */
  onDue(listener: (news: DueNews) => void): () => void
  /** A second way to the writer, for another thread of this process; null where the writer has no thread of its own. */
  port(): MessagePort | null
  /** Where callers leave submissions in transactions of their own; absent where they cannot reach the store. */
  readonly inbox?: Inbox | undefined
  /** Where handlers write to the database that is the store; absent where it is none of theirs. */
  readonly transactions?: Transactions | undefined
  /** How far the ordered feed is behind; absent where nobody but this process writes. */
  standing?(): Promise<FeedStanding>
  /** Commits what was given, then closes the store cleanly. */
  close(): Promise<void>
}

/** How far the ordered feed of a store is behind, however it is held. */
export const feedStanding = async (host: Pick<StoreHost, 'standing'>): Promise<FeedStanding> =>
  (await host.standing?.()) ?? upToDate

/** Who hears of what became due; without a listener nobody works it out. */
export class DueListeners {
  readonly #listeners = new Set<(news: DueNews) => void>()
  readonly #onFirst: () => void

  /** @param onFirst called when the first one listens */
  constructor(onFirst: () => void = () => {}) {
    this.#onFirst = onFirst
  }

  add(listener: (news: DueNews) => void): () => void {
    if (this.#listeners.size === 0) this.#onFirst()
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  tell(news: () => DueNews): void {
    if (this.#listeners.size === 0) return
    const told = news()
    if (told.due.length + told.dead.length + told.risen.length === 0) return
    for (const listener of this.#listeners) listener(told)
  }
}

/** Who hears of commits. A listener that throws is a bug of the listener and must not stop the writer. */
export class Listeners {
  readonly #listeners = new Set<(changedIds: readonly number[]) => void>()
  readonly #onFirst: () => void

  /** @param onFirst called when somebody listens, and nobody did before */
  constructor(onFirst: () => void = () => {}) {
    this.#onFirst = onFirst
  }

  get areHeard(): boolean {
    return this.#listeners.size > 0
  }

  add(listener: (changedIds: readonly number[]) => void): () => void {
    const isFirst = !this.areHeard
    this.#listeners.add(listener)
    if (isFirst) this.#onFirst()
    return () => this.#listeners.delete(listener)
  }

  tell(changedIds: readonly number[]): void {
    for (const listener of this.#listeners) listener(changedIds)
  }
}
