import type { DatabaseSync, StatementSync } from 'node:sqlite'
import type { TimeoutPolicy } from '../../src/execution/timeout-policy.ts'
import type { Changes } from '../../src/store/rows.ts'
import type { Report } from './violation.ts'

/** Commands on many executions: each part is done once, and the counts say what was done. */
export class BulkTables {
  readonly #report: Report
  readonly #counts: StatementSync
  readonly #outcomes = new Map<string, string>()

  constructor(db: DatabaseSync, report: Report) {
    this.#report = report
    this.#counts = db.prepare(`select count(*) as items, ifnull(sum(outcome = 'done'), 0) as done,
      ifnull(sum(outcome <> 'done'), 0) as refused from bulk_items where bulk = ?`)
  }

  check({ bulks, bulkItems }: Changes): void {
    for (const { bulk, execution, outcome } of bulkItems) {
      const name = `${bulk} ${execution}`
      const known = this.#outcomes.get(name)
      if (known !== undefined) this.#report('bulk', `execution ${execution} was commanded again: ${known}, ${outcome}`)
      if (outcome !== null) this.#outcomes.set(name, outcome)
    }
    for (const { key, state, total, done, refused } of bulks) {
      const counted = this.#counts.get(key) as unknown as { items: number; done: number; refused: number }
      const at = `bulk command ${key} (${state})`
      if (counted.items !== total) this.#report('bulk', `${at}: total ${total}, counted ${counted.items}`)
      if (counted.done !== done || counted.refused !== refused)
        this.#report(
          'I32',
          `${at}: ${done} done and ${refused} refused, counted ${counted.done} and ${counted.refused}`,
        )
      if (state === 'running' && done + refused >= total) this.#report('bulk', `${at}: goes on and has nothing left`)
      if (state === 'done' && done + refused !== total) this.#report('bulk', `${at}: is done with ${done} of ${total}`)
    }
  }
}

/** The timeout policies as somebody reads them who only knows the rows: the one that says most, and of those the newest. */
export class Policies {
  readonly #report: Report
  #history: readonly TimeoutPolicy[]

  constructor(history: readonly TimeoutPolicy[], report: Report) {
    this.#history = history
    this.#report = report
  }

  /** What was admitted in a commit is bound by the policies before it. */
  check({ admitted, updates, timeoutPolicies }: Changes): void {
    for (const { execution, request } of admitted) {
      const overallMs = this.#of(request.slaClass, request.actionClass)?.overallMs ?? null
      const latest = overallMs === null ? Number.POSITIVE_INFINITY : execution.availableAt + overallMs
      if ((execution.deadlineAt ?? Number.POSITIVE_INFINITY) > latest)
        this.#report('deadline', `execution ${execution.id} may last until ${execution.deadlineAt}, not ${latest}`)
    }
    for (const { was, is } of updates) {
      const isClaimed = was.state !== 'running' && is.state === 'running' && is.ending === null
      if (isClaimed && is.deadlineAt !== null && is.deadlineAt <= is.updatedAt)
        this.#report('deadline', `execution ${is.id} was claimed at ${is.updatedAt}, after ${is.deadlineAt}`)
    }
    this.#history = [...this.#history, ...timeoutPolicies]
  }

  #of(slaClass: string, actionClass: string): TimeoutPolicy | undefined {
    const exact = (name: string, of: string): number => (of === name ? 1 : of === '*' ? 0 : Number.NaN)
    const marks = this.#history.map((policy) => ({
      policy,
      mark: 2 * exact(actionClass, policy.actionClass) + exact(slaClass, policy.slaClass),
    }))
    return marks
      .filter(({ mark }) => !Number.isNaN(mark))
      .sort((a, b) => b.mark - a.mark || b.policy.version - a.policy.version)[0]?.policy
  }
}
