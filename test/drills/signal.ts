/** Wakes whoever waits for something to have become true; nobody looks at a clock but for the last resort. */
export class Signal {
  readonly #waiting = new Set<() => void>()

  /** Something has happened: every waiter looks again. */
  raise(): void {
    for (const look of this.#waiting) look()
  }

  /**
   * Resolves once `find` gives something.
   *
   * @throws Error that names `what` when it has not happened within `limitMs`, which bounds a drill that hangs.
   */
  until<T>(what: string, find: () => T | undefined | false | null, limitMs = 60_000): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(look)
        reject(new Error(`${what}: not within ${limitMs / 1000} s`))
      }, limitMs)
      const look = (): void => {
        let found: T | undefined | false | null
        try {
          found = find()
        } catch (thrown) {
          this.#waiting.delete(look)
          clearTimeout(timer)
          reject(thrown as Error)
          return
        }
        if (found === undefined || found === false || found === null) return
        this.#waiting.delete(look)
        clearTimeout(timer)
        resolve(found)
      }
      this.#waiting.add(look)
      look()
    })
  }
}
