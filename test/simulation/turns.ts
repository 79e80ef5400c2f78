/** One that stands in a line, or stood there until it was taken out of it. */
export interface InLine {
  readonly id: number
  /** Lower goes first. */
  readonly rank: number
  /** Its place within the rank. */
  readonly turn: number
  /** Since when it could go. */
  readonly since: number
  /** Lines that are served together are told apart by this. */
  readonly line: number
}

interface Tally {
  sinceOldest: number
  sinceOut: number
}

/** Of sixteen in a row one is the oldest in front of its rank: the bound of architecture.md, said anew. */
const rowOf = 16

/**
 * Watches the order in which lines are served: within a rank strictly by turn; past a better rank only the oldest, and
 * only once in sixteen; and of sixteen in a row one is the oldest, so that nobody starves.
 */
export class Turns {
  readonly #tallies = new Map<string, Tally>()
  readonly #count: (kind: string) => void

  constructor(count: (kind: string) => void) {
    this.#count = count
  }

  /** What is wrong with taking `taken` while `left` stay; null when nothing is. */
  take(name: string, taken: InLine, left: readonly InLine[]): string | null {
    const heads = headsOf(left)
    const own = heads.find(({ line, rank }) => line === taken.line && rank === taken.rank)
    if (own !== undefined && (own.turn - taken.turn || own.id - taken.id) < 0)
      return `${taken.id} went before ${own.id}, which stood before it in the same rank`
    // It stood in front of its own rank itself.
    const others = heads.filter((head) => head !== own)
    const older = others.find((head) => isOlder(head, taken))
    const better = others.find((head) => isBetter(head, taken))
    const tally = this.#tallies.get(name) ?? { sinceOldest: 0, sinceOut: Number.POSITIVE_INFINITY }
    this.#tallies.set(name, tally)
    tally.sinceOldest = older === undefined ? 0 : tally.sinceOldest + 1
    const sinceOut = tally.sinceOut
    tally.sinceOut = better === undefined ? tally.sinceOut + 1 : 0
    if (tally.sinceOldest >= rowOf) return `${tally.sinceOldest} went in a row and none was the oldest, ${older?.id}`
    if (better === undefined) return null
    this.#count('line served past a better rank')
    if (older !== undefined) return `${taken.id} went before ${better.id} of a better rank, and was not the oldest`
    return sinceOut < rowOf - 1 ? `${taken.id} went before ${better.id}, and so did one ${sinceOut} before it` : null
  }

  /** From here on one line counts anew. */
  forgetLine(name: string): void {
    this.#tallies.delete(name)
  }

  /** From here on everything counts anew. */
  forget(): void {
    this.#tallies.clear()
  }
}

/** Between lines that stand beside each other, equal times say nothing. */
const isOlder = (one: InLine, other: InLine): boolean =>
  one.since < other.since || (one.since === other.since && one.line === other.line && one.id < other.id)

/** Of a better rank, or due for longer in another line of the same rank. */
const isBetter = (one: InLine, other: InLine): boolean =>
  one.rank < other.rank || (one.rank === other.rank && one.line !== other.line && one.since < other.since)

function headsOf(left: readonly InLine[]): InLine[] {
  const heads = new Map<string, InLine>()
  for (const one of left) {
    const place = `${one.line} ${one.rank}`
    const head = heads.get(place)
    if (head === undefined || (one.turn - head.turn || one.id - head.id) < 0) heads.set(place, one)
  }
  return [...heads.values()]
}
