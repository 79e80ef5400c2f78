import type { Report } from './violation.ts'

/** Handlers as they run, in the process in which they run: a suspect of a crash has nothing beside it. */
export class Beside {
  readonly #report: Report
  readonly #isAlone: (execution: string, fence: number) => boolean
  readonly #count: (name: string) => void
  readonly #running = new Map<string, Map<string, { times: number; isAlone: boolean }>>()

  constructor(ports: {
    readonly report: Report
    /** Whether this claim was one of a suspect. */
    readonly isAlone: (execution: string, fence: number) => boolean
    readonly count: (name: string) => void
  }) {
    this.#report = ports.report
    this.#isAlone = ports.isAlone
    this.#count = ports.count
  }

  /** A plan runs one handler for each of its targets at the same time. */
  async run<T>(
    owner: string,
    { executionId, fence }: { executionId: string; fence: number },
    body: () => T,
  ): Promise<Awaited<T>> {
    const here = this.#running.get(owner) ?? new Map<string, { times: number; isAlone: boolean }>()
    this.#running.set(owner, here)
    const entry = here.get(executionId) ?? { times: 0, isAlone: this.#isAlone(executionId, fence) }
    here.set(executionId, entry)
    entry.times += 1
    if (entry.isAlone) this.#count('suspect runs')
    if (here.size > 1 && [...here.values()].some(({ isAlone }) => isAlone))
      this.#report(
        'suspects',
        `${[...here.keys()].map((id) => id.slice(0, 8)).join(' and ')} run beside each other in ${owner}`,
      )
    try {
      return await body()
    } finally {
      entry.times -= 1
      if (entry.times === 0) here.delete(executionId)
    }
  }
}
