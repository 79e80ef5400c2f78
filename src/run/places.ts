/** So many things at a time. Whoever had one and comes back for it goes before those that have not begun. */
export class Places {
  #free: number
  readonly #returning: (() => void)[] = []
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  async take(isReturning = false): Promise<void> {
    if (this.#free > 0) {
      this.#free -= 1
      return
    }
    const { promise, resolve } = Promise.withResolvers<void>()
    const line = isReturning ? this.#returning : this.#waiting
    line.push(resolve)
    await promise
  }

  give(): void {
    const next = this.#returning.shift() ?? this.#waiting.shift()
    if (next === undefined) this.#free += 1
    else next()
  }
}
