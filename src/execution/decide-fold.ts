import { type Decision, furthered, note } from './decision.ts'
import type { Execution, Step } from './execution.ts'

/**
 * A step that was committed together with what its handler wrote enters the journal. It has happened, whatever became of
 * the execution since: the fence was compared in that transaction.
 */
export function decideFold(execution: Execution, step: Omit<Step, 'id'>, now: number): Decision {
  const { name, ordinal, value, fence, startedAt } = step
  const set = { journal: execution.journal + 1, ...furthered(execution) }
  return {
    facts: [note(execution, 'step_recorded', set, { step: name, ordinal })],
    steps: [{ id: execution.id, name, ordinal, value, fence, startedAt, at: now }],
  }
}
