import type { Refusal } from '../errors/refusal.ts'
import { isApproved } from './approval.ts'
import type { Command } from './command.ts'
import { reopened } from './decide-plan.ts'
import { cleared, type Decision, illegal, move, note, nothing, type Surroundings } from './decision.ts'
import { endedAs } from './ending.ts'
import { type Execution, isOpen } from './execution.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** Asks a running execution to stop; ends any other at once, unless one of its effects must be looked at first. */
export function decideCancel(execution: Execution, command: Of<'cancel'>, around: Surroundings): Decision | Refusal {
  const { now, principal } = around
  const data = command.reason === null ? undefined : { reason: command.reason }
  const asked = { cancelledBy: principal, cancelledAt: now }
  switch (execution.state) {
    case 'succeeded':
    case 'failed':
    case 'expired':
      return illegal(execution, 'cancel')
    case 'canceled':
      return nothing
    case 'running':
      return execution.cancelledAt === null ? { facts: [note(execution, 'cancel_requested', asked, data)] } : nothing
    // Queued, too: work that was handed back may have left an effect in doubt.
    case 'queued':
    case 'waiting':
    case 'retryable_failed':
      if (around.effects.some(isOpen)) {
        if (execution.cancelledAt !== null) return nothing
        const set = { ...asked, ending: 'canceled' as const, availableAt: Math.min(execution.availableAt, now) }
        return { facts: [note(execution, 'cancel_requested', set, data)] }
      }
      return canceled(execution, asked, now, data)
    case 'requested':
    case 'approved':
      return canceled(execution, asked, now, data)
  }
}

function canceled(
  execution: Execution,
  asked: { cancelledBy: string; cancelledAt: number },
  now: number,
  data: { reason: string } | undefined,
): Decision {
  const set = { ...endedAs(execution, 'canceled', now), ...asked, ending: null }
  return { facts: [move(execution, 'cancel', 'canceled', set, data)] }
}

/** Makes a retryable_failed execution due now. The budget of attempts stays as it is. */
export function decideRetry(execution: Execution, { now }: Surroundings): Decision | Refusal {
  if (execution.state !== 'retryable_failed') return illegal(execution, 'retry')
  if (execution.availableAt <= now) return nothing
  return { facts: [note(execution, 'retry_requested', { availableAt: now })] }
}

/** The explicit recovery action: the only way out of a terminal state, with who and why, and a new budget. */
export function decideRedrive(
  execution: Execution,
  command: Of<'redrive'>,
  { now, plan, targets }: Surroundings,
): Decision | Refusal {
  if (execution.state !== 'failed' && execution.state !== 'expired' && execution.state !== 'canceled') {
    return illegal(execution, 'redrive')
  }
  const set: Partial<Execution> = {
    ...cleared,
    attempt: 0,
    worker: null,
    ending: null,
    reconciles: 0,
    cancelledBy: null,
    cancelledAt: null,
    finishedAt: null,
    availableAt: now,
    deadlineAt: execution.deadlineAt !== null && execution.deadlineAt <= now ? null : execution.deadlineAt,
  }
  // Nobody has planned it yet; a plan that was made is never made again by a redrive.
  const isUnplanned = plan !== null && plan.hash === null
  const { gate } = execution
  const holds = gate === null || (isApproved(gate) && gate.replan === null && (gate.useBy === null || gate.useBy > now))
  const to = isUnplanned || !holds ? 'requested' : 'queued'
  if (gate !== null && !holds)
    Object.assign(set, { startedAt: null, gate: { ...gate, approvedHash: null, useBy: null, isDue: false } })
  return {
    facts: [move(execution, 'redrive', to, set, { reason: command.reason })],
    planSteps: reopened(targets),
  }
}
