import type { Asking } from '../reads.ts'

/** Stands in a line: by rank, then by turn within it. */
interface Ranked {
  readonly id: number
  readonly rank: number
  readonly turn: number
  readonly availableAt: number
}

/**
 * The stored heads of the ranks of one line as this batch leaves it. More of each rank is read, twice as much each time, as
 * long as the batch has dealt with all that was read of one: whoever stands behind them is its head.
 */
export class StoredHeads<Row extends Ranked> {
  readonly #read: (rank: number, each: number) => Asking<readonly Row[]>
  readonly #isGone: (row: Row) => boolean
  #each = 1

  /** @param isGone whether the batch has dealt with a stored row; never false again after it was true */
  constructor(read: (rank: number, each: number) => Asking<readonly Row[]>, isGone: (row: Row) => boolean) {
    this.#read = read
    this.#isGone = isGone
  }

  /** Of each rank behind `rank`. */
  *behind(rank: number): Asking<readonly Row[]> {
    for (;;) {
      const rows = yield* this.#read(rank, this.#each)
      const left = rows.filter((row) => !this.#isGone(row))
      const seen = new Set(left.map((row) => row.rank))
      const gone = new Map<number, number>()
      for (const row of rows) if (!seen.has(row.rank)) gone.set(row.rank, (gone.get(row.rank) ?? 0) + 1)
      if ([...gone.values()].every((count) => count < this.#each)) return left
      this.#each *= 2
    }
  }
}

/** The first of each rank, whatever the order of the rows. */
export class Heads<Row extends Ranked> {
  readonly #ranks = new Map<number, Row>()

  add(row: Row): void {
    const head = this.#ranks.get(row.rank)
    if (head === undefined || inLine(row, head) < 0) this.#ranks.set(row.rank, row)
  }

  /** Whoever could go for the longest time, of all ranks or of all but one. */
  oldest(butOf?: number): Row | null {
    let oldest: Row | null = null
    for (const head of this.#ranks.values())
      if (head.rank !== butOf && (oldest === null || isOlder(head, oldest))) oldest = head
    return oldest
  }
}

export const inLine = (a: Ranked, b: Ranked): number => a.rank - b.rank || a.turn - b.turn || a.id - b.id

export const isOlder = (a: Ranked, b: Ranked): boolean => (a.availableAt - b.availableAt || a.id - b.id) < 0
