import type { DecidedBatch } from '../../src/commit/committer-options.ts'

/** What decided one commit, and what was decided. */
export interface TapedBatch extends Pick<DecidedBatch, 'orders' | 'claims' | 'now' | 'nextTimerAt'> {
  /** JSON of every answer, filled claim and event. */
  readonly said: string
}

/** The commands of one world as they were committed, batch by batch: what another store can be given in its place. */
export class Tape {
  /** Null is a writer that begins anew and remembers nothing. */
  readonly entries: (TapedBatch | null)[] = []
  #decided: TapedBatch | null = null

  restarted(): void {
    this.entries.push(null)
  }

  decided({ orders, claims, now, nextTimerAt, result }: DecidedBatch): void {
    this.#decided = { orders: copied(orders), claims: copied(claims), now, nextTimerAt, said: saidBy(result) }
  }

  committed(): void {
    if (this.#decided === null) throw new Error('a commit held no batch')
    this.entries.push(this.#decided)
    this.#decided = null
  }
}

/** A later message may be the same object, changed since. */
const copied = <T>(orders: readonly T[]): readonly T[] => structuredClone(orders)

export const saidBy = ({ answers, claims, changes }: DecidedBatch['result']): string =>
  JSON.stringify({ answers, claims, events: changes.log })
