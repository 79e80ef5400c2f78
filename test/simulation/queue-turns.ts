import type { Execution } from '../../src/execution/execution.ts'
import type { Changes, Ready } from '../../src/store/rows.ts'
import { type InLine, Turns } from './turns.ts'
import type { Report } from './violation.ts'

/** Watches, from the changes of each commit, in which order claims take what is due. */
export class QueueTurns {
  readonly #report: Report
  readonly #turns: Turns
  readonly #due = new Map<string, Ready>()
  readonly #lastTurns = new Map<string, number>()

  constructor(report: Report, count: (name: string) => void) {
    this.#report = report
    this.#turns = new Turns((kind) => count(`queue ${kind}`))
  }

  /** A writer that starts anew has forgotten how many passed whom. */
  restarted(): void {
    this.#turns.forget()
  }

  /** @param isPaused whether some work is passed because it is paused */
  check(changes: Changes, isPaused: boolean): void {
    const { admitted, updates, ready, queues } = changes
    const claimed = new Map<number, Execution>()
    for (const { execution } of admitted) if (isTaken(execution)) claimed.set(execution.id, execution)
    for (const { was, is } of updates) if (isTaken(is) && !isTaken(was)) claimed.set(is.id, is)
    const before = [...this.#due.values()]
    for (const one of ready.remove) this.#due.delete(placeOf(one))
    for (const one of ready.add) this.#due.set(placeOf(one), one)
    // Another set of queues is another line, and paused work may be passed by anybody.
    if (queues.length > 0 || isPaused) this.#turns.forget()
    const unseen = this.#unseenTurns(changes)
    if (claimed.size === 0 || isPaused) return
    const left = before.filter((one) => this.#due.has(placeOf(one)))
    // What became due in this very commit may have stood in front of others, and then it is not known since when.
    const isCrossed = ready.add.some((born) =>
      left.some((one) => one.queue === born.queue && one.rank === born.rank && isBefore(born, one)),
    )
    // What left its place and was given another one was claimed from there, if its turns do not all stand in the index.
    const isMoved = ready.remove.some(({ id }) => unseen.has(lineOf(claimed.get(id))))
    if (isCrossed || isMoved) {
      this.#turns.forget()
      return
    }
    const met = ready.remove.map((one) => ({ one, isClaimed: claimed.delete(one.id) }))
    // What was born and claimed in one commit never stood in a line that could be seen: before whom, nobody knows.
    if (claimed.size > 0) this.#turns.forget()
    const isHidden = [...claimed.values()].some(({ queue, rank }) =>
      before.some((one) => Math.abs(one.queue) === queue && one.rank === rank),
    )
    if (isHidden) return
    // What has ended or must wait stands in line like everybody else, until a claim meets it there.
    for (const [index, { one, isClaimed }] of met.entries()) {
      if (!isClaimed) continue
      const behind = met.slice(index + 1).map((next) => next.one)
      const others = [...left, ...behind].filter(({ queue }) => queue > 0 === one.queue > 0)
      const wrong = this.#turns.take(one.queue > 0 ? 'due' : 'suspects', inLine(one), others.map(inLine))
      if (wrong !== null) this.#report('L3', wrong)
    }
    if (claimed.size > 0) this.#turns.forget()
  }

  /** The lines in which this commit gave out more turns than it has put into the index. */
  #unseenTurns({ admitted, updates, ready, turns }: Changes): ReadonlySet<string> {
    const whole = new Map(
      [...admitted.map(({ execution }) => execution), ...updates.map(({ is }) => is)].map((is) => [is.id, is]),
    )
    const seen = Map.groupBy(ready.add, ({ id }) => lineOf(whole.get(id)))
    const unseen = new Set<string>()
    for (const { last, ...line } of turns) {
      const name = lineOf(line)
      if (last - (this.#lastTurns.get(name) ?? 0) !== (seen.get(name)?.length ?? 0)) unseen.add(name)
      this.#lastTurns.set(name, last)
    }
    return unseen
  }
}

/** A tenant's work of one rank of one queue, which gets its turns one by one. */
const lineOf = (of: Pick<Execution, 'queue' | 'rank' | 'tenant'> | undefined): string =>
  of === undefined ? '' : `${of.queue} ${of.rank} ${of.tenant}`

/** Held by a worker, which runs or plans it. */
const isTaken = ({ state, leaseUntil }: Execution): boolean => state === 'running' || leaseUntil !== null

const isBefore = (one: Ready, other: Ready): boolean => (one.turn - other.turn || one.id - other.id) < 0

const placeOf = ({ queue, rank, turn, id }: Ready): string => `${queue} ${rank} ${turn} ${id}`

const inLine = ({ queue, rank, turn, id, availableAt }: Ready): InLine => ({
  id,
  rank,
  turn,
  since: availableAt,
  line: queue,
})
