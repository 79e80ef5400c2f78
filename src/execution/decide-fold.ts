import { frozen } from './decide-gates.ts'
import { type Decision, furthered, note } from './decision.ts'
import type { Execution, Step } from './execution.ts'

/** Begins the names of steps that are committed together with what their handlers write. */
export const transactionPrefix = 'transaction:'

/** What a transaction has written is of the plan that was agreed to, as an effect is: it is not made anew behind it. */
export const frozenBy = (execution: Execution, step: string): Partial<Execution> =>
  step.startsWith(transactionPrefix) ? frozen(execution) : {}

/**
 * A step that was committed together with what its handler wrote enters the journal. It has happened, whatever became of
 * the execution since: the fence was compared in that transaction.
 */
export function decideFold(execution: Execution, step: Omit<Step, 'id'>, now: number): Decision {
  const { name, ordinal, value, fence, startedAt } = step
  const set = { journal: execution.journal + 1, ...furthered(execution), ...frozenBy(execution, name) }
  return {
    facts: [note(execution, 'step_recorded', set, { step: name, ordinal })],
    steps: [{ id: execution.id, name, ordinal, value, fence, startedAt, at: now }],
  }
}
