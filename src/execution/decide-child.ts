import { type Refusal, refuse } from '../errors/refusal.ts'
import type { Command } from './command.ts'
import { leaseLost, owns } from './decide-run.ts'
import { type Decision, note, nothing, type Surroundings } from './decision.ts'
import type { Execution } from './execution.ts'
import { isTerminal } from './machine.ts'

/** Ancestors that an execution may have, and children. */
export const depthMax = 16
export const childrenMax = 1_000

/** The journal's name of a child. */
export const childStep = (name: string): string => `child:${name}`

/** Whether `parent` may get one more child: nothing begins beside or behind a wish to cancel. */
export function refuseChild(parent: Execution, ancestors: number, children: number): Refusal | null {
  if (isTerminal(parent.state)) {
    return refuse('parent_ended', `The parent is ${parent.state}; it gets no more children.`, { state: parent.state })
  }
  if (parent.cancelledAt !== null) {
    return refuse('cancel_requested', 'The parent is to be cancelled; no further child may begin.')
  }
  if (parent.ending !== null) {
    return refuse('reconcile_only', `The parent is on its way to ${parent.ending}; no further child may begin.`)
  }
  if (ancestors > depthMax) {
    return refuse('child_too_deep', `It would have ${ancestors} ancestors, and ${depthMax} is the most.`, { depthMax })
  }
  if (children >= childrenMax) {
    return refuse('too_many_children', `The parent has ${children} children already.`, { childrenMax })
  }
  return null
}

/** A child is admitted once for its place in the journal; a doubled message changes nothing. */
export function decideRecordChild(
  execution: Execution,
  command: Extract<Command, { type: 'record_child' }>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  if (around.stepRecorded) return nothing
  const { name, ordinal, fence, startedAt, child, action } = command
  const step = childStep(name)
  const value = JSON.stringify({ child })
  const data = { step, ordinal, child, action }
  return {
    facts: [note(execution, 'child_spawned', { journal: execution.journal + 1 }, data)],
    steps: [{ id: execution.id, name: step, ordinal, value, fence, startedAt, at: around.now }],
  }
}
