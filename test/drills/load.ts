import type { Cluster } from './cluster.ts'

/**
 * Background work: a fixed number of executions under way, the next one submitted when one is at rest. A submit that was
 * not acknowledged is repeated with its key until it is.
 */
export class Load {
  finished = 0
  readonly #cluster: Cluster
  readonly #lanes: Promise<void>[]
  #isStopping = false
  #next = 0

  constructor(cluster: Cluster, lanes: number) {
    this.#cluster = cluster
    this.#lanes = Array.from({ length: lanes }, () => this.#lane())
  }

  async #lane(): Promise<void> {
    const { signal, onlooker } = this.#cluster
    while (!this.#isStopping) {
      const number = this.#next++
      const { id } = await submitUntilTaken(this.#cluster, `load-${number}`, number % 4 === 0)
      await signal.until('background work to come to rest', () => onlooker.isSettled(id))
      this.finished += 1
      signal.raise()
    }
  }

  /** Resolves when so many more executions have come to rest. */
  async more(count: number): Promise<void> {
    const wanted = this.finished + count
    await this.#cluster.signal.until('progress of the background work', () => this.finished >= wanted)
  }

  async stop(): Promise<void> {
    this.#isStopping = true
    await Promise.all(this.#lanes)
  }
}

async function submitUntilTaken(cluster: Cluster, key: string, blind: boolean): Promise<{ id: number }> {
  for (;;) {
    const server = await cluster.signal.until('a server', () => cluster.isServing && cluster.server)
    try {
      return await cluster.submit({ key, hold: null, blind, deaf: false })
    } catch (thrown) {
      const isGone = (): boolean => cluster.server !== server || server.hasExited
      await cluster.signal.until(`the end of a server that did not acknowledge: ${String(thrown)}`, isGone)
      await cluster.signal.until('another server', () => cluster.server !== server)
    }
  }
}
