import { type Refusal, refuse } from '../errors/refusal.ts'
import { seededRandom } from '../identity/random.ts'
import { backoffMs } from '../time/backoff.ts'
import type { Command } from './command.ts'
import { closedGate } from './decide-gates.ts'
import { type Decision, type EventData, illegal, move, nothing, type Surroundings } from './decision.ts'
import { asksPerson, doubtOpen, endRunning } from './ending.ts'
import { type Execution, isOpen, isSuspect } from './execution.ts'

type Of<T extends Command['type']> = Extract<Command, { type: T }>

/** The lease of `fence` holds: the only worker that may still write. */
export function owns(execution: Execution, fence: number): boolean {
  return execution.state === 'running' && execution.fence === fence
}

export function leaseLost(execution: Execution, fence: number): Refusal {
  return refuse(
    'lease_lost',
    `Fence ${fence} is not the holder's: the execution is ${execution.state} under fence ${execution.fence}.`,
    { fence, current: execution.fence, state: execution.state },
  )
}

/** An attempt is spent only by the first claim and by one that follows a failure or a lost lease. */
export function decideClaim(
  execution: Execution,
  { worker, leaseMs }: Of<'claim'>,
  { now }: Surroundings,
): Decision | Refusal {
  if (execution.state !== 'queued' && execution.state !== 'retryable_failed') return illegal(execution, 'claim')
  if (execution.availableAt > now) {
    return refuse('illegal_transition', `It is not due before ${execution.availableAt}.`, {
      availableAt: execution.availableAt,
    })
  }
  if (closedGate(execution, { now }) !== null) {
    return refuse('approval_missing', 'It is not approved as it is now, so it is not run.')
  }
  const reconcileOnly = execution.ending !== null
  const attempt =
    execution.state === 'queued' ? Math.max(1, execution.attempt) : execution.attempt + (reconcileOnly ? 0 : 1)
  const set = {
    attempt,
    worker,
    leaseUntil: now + leaseMs,
    leaseRenewals: 0,
    cancelChecks: 0,
    startedAt: now,
    // The wait is over, and the next one is held through anew.
    holdUntil: null,
    reconciles: reconcileOnly ? execution.reconciles + 1 : execution.reconciles,
  }
  // A suspect is claimed alone; the record says so.
  const alone = isSuspect(execution) ? { alone: true } : undefined
  const told = reconcileOnly ? { attempt, reconcileOnly } : attempt === 1 ? undefined : { attempt }
  const data = alone === undefined ? told : { ...told, ...alone }
  return { facts: [move(execution, 'claim', 'running', set, data)] }
}

export function decideRenew(execution: Execution, command: Of<'renew'>, { now }: Surroundings): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  return {
    facts: [],
    quiet: {
      leaseUntil: Math.max(execution.leaseUntil ?? 0, now + command.leaseMs),
      leaseRenewals: execution.leaseRenewals + 1,
      updatedAt: now,
      cancelChecks: Math.max(execution.cancelChecks, command.cancelChecks),
    },
  }
}

/** A second completion is the same one or it is refused: retries never alter an outcome. */
export function decideSucceed(execution: Execution, command: Of<'succeed'>, around: Surroundings): Decision | Refusal {
  if (execution.state === 'succeeded') {
    if (around.fingerprint === command.fingerprint) return nothing
    return refuse('outcome_differs', 'The execution has succeeded with another result; the first one stands.', {
      recorded: around.fingerprint,
      submitted: command.fingerprint,
    })
  }
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const { now } = around
  if (execution.ending === 'expired') return { facts: [endRunning(execution, 'expired', around.effects, now)] }
  if (around.effects.some(isOpen)) {
    // The handler went on although one of its effects is unknown: success may not be claimed before it is known.
    return decideFail(
      execution,
      {
        type: 'fail',
        fence: command.fence,
        errorClass: 'UnknownOutcome',
        message: 'the handler returned while an effect was still in doubt',
        retryable: true,
        policy: { maxAttempts: execution.maxAttempts, baseMs: 1_000, multiplier: 2, capMs: 60_000, jitter: 'none' },
      },
      around,
    )
  }
  return {
    facts: [move(execution, 'succeed', 'succeeded', { finishedAt: now, ending: null })],
    outcome: { result: command.result, fingerprint: command.fingerprint },
    artifacts: command.artifact ? [command.artifact] : undefined,
  }
}

export function decideFail(execution: Execution, command: Of<'fail'>, around: Surroundings): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  const { now } = around
  const doubt = doubtOpen(execution, around.effects)
  const effects = merge(around.effects, doubt.effects)
  const failed = { ...execution, lastErrorClass: command.errorClass, lastError: command.message }
  const because = { errorClass: command.errorClass, error: command.message, attempt: execution.attempt }
  const conclude = (fact: Decision['facts'][number]): Decision => ({
    facts: [
      ...doubt.facts,
      {
        ...fact,
        set: { ...fact.set, lastErrorClass: command.errorClass, lastError: command.message },
        data: { ...because, ...fact.data },
      },
    ],
    effects: doubt.effects,
    ...(command.result !== undefined && fact.to === 'failed'
      ? { outcome: { result: command.result, fingerprint: null } }
      : {}),
  })
  if (execution.cancelledAt !== null) return conclude(endRunning(failed, 'canceled', effects, now))
  if (execution.deadlineAt !== null && execution.deadlineAt <= now) {
    return conclude(endRunning(failed, 'expired', effects, now))
  }
  if (execution.ending !== null) return conclude(endRunning(failed, execution.ending, effects, now))
  if (!command.retryable || execution.attempt >= execution.maxAttempts) {
    return conclude(endRunning(failed, 'failed', effects, now))
  }
  if (asksPerson(effects)) {
    return conclude(
      move(failed, 'suspend', 'waiting', { waitingFor: 'outcome', availableAt: now }, { reason: 'outcome' }),
    )
  }
  const jitter = seededRandom(`retry:${execution.id}:${execution.attempt}`).next()
  const delayMs = Math.max(backoffMs(command.policy, execution.attempt, jitter), command.retryAfterMs ?? 0)
  return conclude(
    move(failed, 'fail_retryable', 'retryable_failed', { availableAt: now + delayMs }, { retryAt: now + delayMs }),
  )
}

/** Costs no attempt. Cancel beats hand-back. */
export function decideHandBack(
  execution: Execution,
  command: Of<'hand_back'>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  return handBack(execution, around)
}

/** Back to the queue at no cost, or to the end that it has earned meanwhile. */
export function handBack(execution: Execution, around: Surroundings, data?: EventData): Decision {
  const doubt = doubtOpen(execution, around.effects)
  const effects = merge(around.effects, doubt.effects)
  const ending = execution.cancelledAt === null ? execution.ending : 'canceled'
  const fact =
    ending !== null
      ? endRunning(execution, ending, effects, around.now)
      : asksPerson(effects)
        ? move(
            execution,
            'suspend',
            'waiting',
            { waitingFor: 'outcome', availableAt: around.now },
            { reason: 'outcome' },
          )
        : move(execution, 'hand_back', 'queued', { availableAt: around.now }, data)
  return { facts: [...doubt.facts, fact], effects: doubt.effects }
}

/** A claim for reconciliation only has ended without completing the run. */
export function decideEndReconciliation(
  execution: Execution,
  command: Of<'end_reconciliation'>,
  around: Surroundings,
): Decision | Refusal {
  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)
  if (execution.ending === null) return illegal(execution, 'end_reconciliation')
  return { facts: [endRunning(execution, execution.ending, around.effects, around.now)] }
}

/** The deadline has passed. */
export function decideExpire(execution: Execution, around: Surroundings): Decision | Refusal {
  const { now } = around
  if (execution.deadlineAt === null || execution.deadlineAt > now) return nothing
  switch (execution.state) {
    case 'requested':
    case 'approved':
    case 'queued':
    case 'waiting':
    case 'retryable_failed':
      if (around.effects.some(isOpen)) {
        if (execution.ending !== null) return nothing
        // What waits for a time or a signal is woken, so that somebody looks at the effect.
        return { facts: [], quiet: { ending: 'expired', availableAt: Math.min(execution.availableAt, now) } }
      }
      return {
        facts: [move(execution, 'expire', 'expired', { finishedAt: now, waitingFor: null, ending: null })],
      }
    case 'running': {
      const doubt = doubtOpen(execution, around.effects)
      const fact = endRunning(execution, 'expired', merge(around.effects, doubt.effects), now)
      return { facts: [...doubt.facts, fact], effects: doubt.effects }
    }
    case 'succeeded':
    case 'failed':
    case 'expired':
    case 'canceled':
      return nothing
  }
}

/** The ledger with what has changed of it. */
export function merge(effects: Surroundings['effects'], changed: Surroundings['effects']): Surroundings['effects'] {
  if (changed.length === 0) return effects
  const byKey = new Map(changed.map((effect) => [effect.effectKey, effect]))
  return effects.map((effect) => byKey.get(effect.effectKey) ?? effect)
}
