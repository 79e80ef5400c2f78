const leastMs = 1_000
const mostMs = 10_000
/** Each commit takes back so much of what a loss has added. */
const shrinking = 0.9

/**
 * How long the server lets a transaction of this process stand still before it gives its turn to the next: all the others
 * wait meanwhile. Short, for a process that is frozen cannot be told from one that is slow; one whose loop is held up by its
 * own handlers loses a turn, is allowed twice as much for the next, and so gets through.
 */
export class Allowance {
  #ms = leastMs

  /** As a setting of the server. */
  get setting(): string {
    return `${Math.round(this.#ms)}ms`
  }

  lost(): void {
    this.#ms = Math.min(mostMs, this.#ms * 2)
  }

  kept(): void {
    this.#ms = Math.max(leastMs, this.#ms * shrinking)
  }
}
