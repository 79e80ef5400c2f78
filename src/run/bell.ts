/** Rings for steps whose turn has come. What rang before anybody listened is heard nevertheless. */
export class Bell {
  readonly #rung = new Set<string>()
  readonly #listening = new Map<string, () => void>()
  #forward: ((step: string) => void) | undefined

  ring(step: string): void {
    const hear = this.#listening.get(step)
    if (this.#forward !== undefined) this.#forward(step)
    else if (hear === undefined) this.#rung.add(step)
    else hear()
  }

  /** The steps run elsewhere, and hear it there. */
  forward(to: (step: string) => void): void {
    this.#forward = to
  }

  /** From now on only what rings later counts. */
  quiet(step: string): void {
    this.#rung.delete(step)
  }

  /** Calls at once when it has rung since {@link quiet}. Gives what ends the listening. */
  listen(step: string, hear: () => void): () => void {
    this.#listening.set(step, hear)
    if (this.#rung.delete(step)) hear()
    return () => this.#listening.delete(step)
  }
}
