import type { Fact } from './decision.ts'
import { move, note } from './decision.ts'
import { type Effect, type Ending, type Execution, isOpen, needsPerson } from './execution.ts'
import type { EventType, State } from './machine.ts'

/** Claims spent on reconciliation alone before a person is asked. */
export const reconcilesMax = 3
const reconcilePauseMs = 5_000

const endEvents = { failed: 'fail', canceled: 'cancel', expired: 'expire' } as const satisfies Record<Ending, EventType>

/**
 * Marks every effect whose call was under way as in doubt: whatever ended the run, nobody knows whether it arrived.
 */
export function doubtOpen(execution: Execution, effects: readonly Effect[]): { facts: Fact[]; effects: Effect[] } {
  const doubted = effects
    .filter((effect) => effect.state === 'intended')
    .map((effect): Effect => ({ ...effect, state: 'in_doubt' }))
  return {
    facts: doubted.map((effect) =>
      note(execution, 'effect_in_doubt', {}, { effectKey: effect.effectKey, name: effect.name, target: effect.target }),
    ),
    effects: doubted,
  }
}

export const asksPerson = (effects: readonly Effect[]): boolean => effects.some(needsPerson)

/**
 * Where a running execution goes that has earned a terminal state. No terminal state while an effect is in doubt:
 * it is claimed again for reconciliation only, and a person is asked where nobody else can tell.
 */
export function endRunning(execution: Execution, ending: Ending, effects: readonly Effect[], now: number): Fact {
  if (!effects.some(isOpen)) {
    return move(execution, endEvents[ending], ending, { ...endedAs(execution, ending, now), ending: null })
  }
  if (asksPerson(effects) || execution.reconciles >= reconcilesMax) {
    return move(
      execution,
      'suspend',
      'waiting',
      { waitingFor: 'outcome', ending, availableAt: now },
      { reason: 'outcome' },
    )
  }
  return move(
    execution,
    'fail_retryable',
    'retryable_failed',
    { ending, availableAt: now + (execution.ending === null ? 0 : reconcilePauseMs) },
    { ending },
  )
}

/** Columns that go with a terminal state. `cancelled_by` and `cancelled_at` are set together, by whoever asked. */
export function endedAs(execution: Execution, ending: Ending, now: number): Partial<Execution> {
  const ended: Partial<Execution> = { finishedAt: now, waitingFor: null }
  return ending === 'canceled' && execution.cancelledAt === null
    ? { ...ended, cancelledAt: now, cancelledBy: execution.cancelledBy ?? 'system:engine' }
    : ended
}

/** The first that holds, in the order the state machine declares for a lost lease. */
export function afterLeaseLoss(
  execution: Execution,
  effects: readonly Effect[],
  now: number,
  blame: Blame,
): { to: State; set: Partial<Execution> } {
  const ending = earned(execution, now, blame)
  if (asksPerson(effects)) {
    return { to: 'waiting', set: { waitingFor: 'outcome', ending, availableAt: now } }
  }
  if (ending === null) {
    // The next claim spends an attempt anew. One that waits for a person first is queued then, which spends none.
    const attempt = blame.isSpared ? execution.attempt - 1 : execution.attempt
    return { to: 'retryable_failed', set: { availableAt: now, attempt } }
  }
  if (!effects.some(isOpen)) return { to: ending, set: { ...endedAs(execution, ending, now), ending: null } }
  if (execution.reconciles >= reconcilesMax) {
    return { to: 'waiting', set: { waitingFor: 'outcome', ending, availableAt: now } }
  }
  return { to: 'retryable_failed', set: { ending, availableAt: now } }
}

/** What a lost run says about the execution itself. */
export interface Blame {
  /** It took its process down too often while nothing else ran there. */
  readonly isPoison: boolean
  /** Somebody else may have done it: it must not end for that, and its attempt is given back. */
  readonly isSpared: boolean
}

function earned(execution: Execution, now: number, { isPoison, isSpared }: Blame): Ending | null {
  if (execution.cancelledAt !== null) return 'canceled'
  if (execution.deadlineAt !== null && execution.deadlineAt <= now) return 'expired'
  if (execution.ending !== null) return execution.ending
  if (isPoison) return 'failed'
  return !isSpared && execution.attempt >= execution.maxAttempts ? 'failed' : null
}
