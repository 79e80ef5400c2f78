import { type Decision, note } from './decision.ts'
import type { Execution } from './execution.ts'

/** The time that a pause held it back does not count: its deadline comes so much later. */
export function decideDeadlineMoved(execution: Execution, byMs: number, now: number): Decision {
  const deadlineAt = (execution.deadlineAt ?? now) + byMs
  return { facts: [note(execution, 'deadline_moved', { deadlineAt, idleSince: now }, { byMs, deadlineAt })] }
}
