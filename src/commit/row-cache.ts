import type { Execution, Request } from '../execution/execution.ts'

/** Rows a writer keeps beside the store; more would only push each other out. */
const rowsMax = 20_000

/**
 * The rows that will most likely be needed next: what was just admitted, until it is claimed, and what runs, until it is
 * settled. Filled from durable commits only. Every update names the row it expects, so a row that is wrong here is found by
 * the store, never written over.
 */
export class RowCache {
  readonly #executions = new Map<number, Execution>()
  readonly #requests = new Map<number, Request>()

  execution(id: number): Execution | undefined {
    return this.#executions.get(id)
  }

  request(id: number): Request | undefined {
    return this.#requests.get(id)
  }

  /** Takes over the rows as a commit left them. */
  committed(executions: Iterable<Execution>, requests: ReadonlyMap<number, Request>): void {
    for (const execution of executions) {
      const { id, state } = execution
      const waits = state === 'queued' || state === 'retryable_failed' || state === 'requested'
      if (waits || state === 'running') keep(this.#executions, id, execution)
      else this.#executions.delete(id)
      const request = waits ? requests.get(id) : undefined
      if (request !== undefined) keep(this.#requests, id, request)
      else if (!waits) this.#requests.delete(id)
    }
  }

  /** A store that has other writers, or a row that was not as expected: nothing here is known any more. */
  clear(): void {
    this.#executions.clear()
    this.#requests.clear()
  }
}

function keep<T>(rows: Map<number, T>, id: number, row: T): void {
  rows.delete(id)
  rows.set(id, row)
  if (rows.size <= rowsMax) return
  const oldest = rows.keys().next()
  if (!oldest.done) rows.delete(oldest.value)
}
