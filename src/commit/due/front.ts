import type { Asking } from '../reads.ts'

/**
 * The front of a stored index as this batch leaves it. Nothing is written before the end of the batch, so what was read
 * stays as it was; more is read when it is needed, twice as much each time.
 */
export class Front<Row> {
  readonly #read: (limit: number) => Asking<readonly Row[]>
  readonly #isGone: (row: Row) => boolean
  #rows: readonly Row[] = []
  #from = 0
  #asked = 0
  #isWhole = false

  /** @param isGone whether the batch has dealt with a stored row; never false again after it was true */
  constructor(read: (limit: number) => Asking<readonly Row[]>, isGone: (row: Row) => boolean) {
    this.#read = read
    this.#isGone = isGone
  }

  /** How many rows would be read for `count` of them now; null once some were read. */
  firstRead(count: number): number | null {
    return this.#asked === 0 && count > 0 ? count : null
  }

  /** Takes what was read beside other questions: the first `limit` rows. */
  take(limit: number, rows: readonly Row[]): void {
    this.#asked = limit
    this.#rows = rows
    this.#isWhole = rows.length < limit
  }

  /** The next `count` rows that are left, or all there are. */
  *first(count: number): Asking<readonly Row[]> {
    let left = this.#left(count)
    while (left.length < count && !this.#isWhole) {
      const limit = Math.max(count, this.#asked * 2)
      this.take(limit, yield* this.#read(limit))
      left = this.#left(count)
    }
    return left
  }

  /** Everything was read, and nothing of it is left. */
  get isEmpty(): boolean {
    return this.#isWhole && this.#left(1).length === 0
  }

  #left(count: number): Row[] {
    const left: Row[] = []
    for (let index = this.#from; index < this.#rows.length && left.length < count; index++) {
      const row = this.#rows[index] as Row
      if (!this.#isGone(row)) left.push(row)
      else if (index === this.#from) this.#from++
    }
    return left
  }
}
