import type { Answer, DrainAsked, Grant, Hold, OrderOf } from '../order.ts'

interface Standing {
  readonly answer: (answer: Answer) => void
  readonly until: number
}

interface Untold {
  readonly cancel: Map<number, Hold>
  /** By execution and step. */
  readonly granted: Map<string, Grant>
  drain?: DrainAsked
}

/** What a worker has not been told is bounded: a heartbeat tells it all the same, and steps in line ask again. */
const untoldMax = 10_000

/**
 * News that workers listen for, so that a wish to cancel reaches a handler at once and not with the next heartbeat, and
 * a permit the step that stands in line for it. It is a hint: what nobody listened for is kept for a while, and
 * heartbeats and every answer say it again.
 */
export class WorkerNews {
  readonly #standing = new Map<number, Standing[]>()
  readonly #untold = new Map<number, Untold>()

  /** Answers at once when there is something to tell. */
  listen({ worker }: OrderOf<'listen'>, answer: (answer: Answer) => void, until: number): void {
    const standing = this.#standing.get(worker)
    if (standing === undefined) this.#standing.set(worker, [{ answer, until }])
    else standing.push({ answer, until })
    if (this.#untold.has(worker)) this.#answer(worker)
  }

  /** Tells holders that somebody wants to cancel; after the commit that says so. */
  cancel(asked: readonly (Hold & { readonly worker: number })[]): void {
    this.#tell(asked, ({ cancel }, { id, fence }) => {
      if (cancel.size < untoldMax) cancel.set(id, { id, fence })
    })
  }

  /** Tells steps that what they stood in line for is theirs; after the commit that says so. */
  grant(grants: readonly (Grant & { readonly worker: number })[]): void {
    this.#tell(grants, ({ granted }, { id, fence, step }) => {
      if (granted.size < untoldMax) granted.set(`${id} ${step}`, { id, fence, step })
    })
  }

  /** Tells workers to take no more; after the commit that says so. */
  drain(asked: readonly (DrainAsked & { readonly worker: number })[]): void {
    this.#tell(asked, (untold, { until }) => {
      untold.drain = { until }
    })
  }

  #tell<T extends { readonly worker: number }>(news: readonly T[], put: (untold: Untold, one: T) => void): void {
    const workers = new Set<number>()
    for (const one of news) {
      const untold: Untold = this.#untold.get(one.worker) ?? { cancel: new Map(), granted: new Map() }
      this.#untold.set(one.worker, untold)
      put(untold, one)
      workers.add(one.worker)
    }
    for (const worker of workers) this.#answer(worker)
  }

  /** The worker signed off or is gone: nobody listens any more. */
  forget(worker: number): void {
    this.#untold.delete(worker)
    this.#answer(worker)
  }

  /** Ends the patience of those that listened until now. */
  expire(now: number): void {
    for (const [worker, standing] of this.#standing) {
      if (standing.some(({ until }) => until <= now)) this.#answer(worker)
    }
  }

  /** When the next one's patience ends. */
  nextUntil(): number | null {
    let least: number | null = null
    for (const standing of this.#standing.values()) {
      for (const { until } of standing) if (least === null || until < least) least = until
    }
    return least
  }

  close(): void {
    for (const worker of this.#standing.keys()) this.forget(worker)
  }

  #answer(worker: number): void {
    const standing = this.#standing.get(worker)
    if (standing === undefined) return
    const untold = this.#untold.get(worker)
    this.#standing.delete(worker)
    this.#untold.delete(worker)
    const [cancel, granted] = [[...(untold?.cancel.values() ?? [])], [...(untold?.granted.values() ?? [])]]
    const drain = untold?.drain === undefined ? {} : { drain: untold.drain }
    for (const { answer } of standing) answer({ cancel, granted, ...drain })
  }
}
