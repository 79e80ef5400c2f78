/** Sends progress with at most one message under way; of what is reported meanwhile only the newest is sent. */
export class LatestProgress {
  readonly #send: (value: string) => Promise<void>
  #waiting: string | undefined
  #sending: Promise<void> | undefined

  constructor(send: (value: string) => Promise<void>) {
    this.#send = send
  }

  report(value: string): void {
    this.#waiting = value
    this.#sending ??= this.#drain()
  }

  /** Resolves when the newest report is sent. */
  async sent(): Promise<void> {
    await this.#sending
  }

  async #drain(): Promise<void> {
    try {
      while (this.#waiting !== undefined) {
        const value = this.#waiting
        this.#waiting = undefined
        await this.#send(value)
      }
    } finally {
      this.#sending = undefined
    }
  }
}
