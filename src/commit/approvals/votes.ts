import type { Vote } from '../../execution/approval.ts'

/** Votes as one transaction knows them, and what it will write of them. */
export class VoteBook {
  readonly #of = new Map<number, Map<number, Vote>>()
  readonly #changed = new Map<string, Vote>()
  /** Executions that a pause held back when they were asked about. */
  readonly paused = new Set<number>()

  has(id: number): boolean {
    return this.#of.has(id)
  }

  of(id: number): readonly Vote[] {
    return [...(this.#of.get(id)?.values() ?? [])]
  }

  loaded(ids: readonly number[], votes: readonly Vote[]): void {
    for (const id of ids) this.#of.set(id, new Map())
    for (const vote of votes) this.#of.get(vote.execution)?.set(vote.seq, vote)
  }

  enter(votes: readonly Vote[]): void {
    for (const vote of votes) {
      this.#changed.set(`${vote.execution} ${vote.seq}`, vote)
      const known = this.#of.get(vote.execution)
      if (known === undefined) this.#of.set(vote.execution, new Map([[vote.seq, vote]]))
      else known.set(vote.seq, vote)
    }
  }

  changes(): readonly Vote[] {
    return [...this.#changed.values()]
  }
}
