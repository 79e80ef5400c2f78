import type { StoreHost } from './host.ts'

/**
 * Wakes whoever watches one execution when a commit has changed it. One listener serves all of them, so that a commit
 * costs what it changed and not how many watch.
 */
export class Watchers {
  readonly #host: Pick<StoreHost, 'onCommit'>
  readonly #wakes = new Map<number, Set<() => void>>()
  #stop: (() => void) | undefined

  constructor(host: Pick<StoreHost, 'onCommit'>) {
    this.#host = host
  }

  /** Returns how to stop. */
  add(id: number, wake: () => void): () => void {
    const wakes = this.#wakes.get(id) ?? new Set()
    this.#wakes.set(id, wakes.add(wake))
    this.#stop ??= this.#host.onCommit((ids) => {
      for (const changed of ids) for (const each of this.#wakes.get(changed) ?? []) each()
    })
    return () => {
      wakes.delete(wake)
      if (wakes.size === 0) this.#wakes.delete(id)
      if (this.#wakes.size > 0) return
      this.#stop?.()
      this.#stop = undefined
    }
  }
}
