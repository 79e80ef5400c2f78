import type { Fact } from '../execution/decision.ts'
import { type Execution, isDueWork, neverAt } from '../execution/execution.ts'
import { isTerminal } from '../execution/machine.ts'
import type { Ready } from '../store/rows.ts'

/** Where an execution stands between runs: in the claim's way, now or later, or waiting for a time. */
export function standing(execution: Execution): { kind: 'available' | 'wake'; at: number } | null {
  if (isDueWork(execution)) {
    return { kind: 'available', at: execution.availableAt }
  }
  const { state, waitingFor, availableAt, gate, ending } = execution
  // The rules dispatch it by themselves; or somebody has to look at what it left behind, approved or not.
  const asksPeople = waitingFor === 'approval' || waitingFor === 'step_approval'
  const goesOn = asksPeople && (gate?.isDue === true || ending !== null)
  if (state === 'approved' && gate?.isDue === true) return { kind: 'wake', at: availableAt }
  const hasTime = waitingFor === 'timer' || (waitingFor === 'signal' && availableAt !== neverAt) || goesOn
  return state === 'waiting' && hasTime ? { kind: 'wake', at: availableAt } : null
}

/** Whether two entries of one execution are the same one: each time that it becomes due it gets a turn of its own. */
export const isSameEntry = (one: Ready, other: Ready): boolean =>
  one.turn === other.turn && one.queue === other.queue && one.rank === other.rank

/** Since when a deadline may stand still, should a pause hold the execution back: a running one's never does. */
export function idleSince(was: Execution, { type, to, set }: Fact, now: number): number | null {
  if (type === 'claim') return null
  const begins = was.state === 'running' || isTerminal(was.state)
  if (begins && !isTerminal(to) && to !== 'running' && was.deadlineAt !== null) return now
  return set.idleSince === undefined ? was.idleSince : set.idleSince
}

/** What a commit leaves under each key: rows to be saved, and keys of those that are gone. */
export const asLeft = <K, Row>(rows: ReadonlyMap<K, Row | null>): { save: readonly Row[]; remove: readonly K[] } => ({
  save: [...rows.values()].filter((row) => row !== null),
  remove: [...rows].flatMap(([key, row]) => (row === null ? [key] : [])),
})
