/** How far the ordered feed is behind, and what the store's server thinks the time is. */
export interface FeedStanding {
  /**
   * Milliseconds for which the oldest commit under way has been so: what comes behind it in the order waits for it. 0 while
   * nobody writes.
   */
  readonly lagMs: number
  /** Milliseconds by which the clock of the store's server is ahead of this process's; 0 where it has none of its own. */
  readonly clockOffMs: number
}

/** Where the one writer of the store is in this process: what is committed is in the feed. */
export const upToDate: FeedStanding = { lagMs: 0, clockOffMs: 0 }

/** Milliseconds: a third of the default lease. Farther apart, a lease would end while its holder still counts on it. */
export const clockOffMax = 10_000

/** The answer was made at some moment of the round trip, which is therefore no difference. */
export const clockOff = (serverAt: number, sentAt: number, receivedAt: number): number =>
  serverAt < sentAt ? serverAt - sentAt : Math.max(0, serverAt - receivedAt)
