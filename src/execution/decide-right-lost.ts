import type { Refusal } from '../errors/refusal.ts'
import { type Decision, type EventData, move, note, nothing } from './decision.ts'
import type { Execution } from './execution.ts'

/**
 * Whoever asked may not have this run any more: it is found out before a claim, so nothing has begun. It fails and stays
 * with what has failed for good, where it can be redriven once the right is there again. It is not canceled: nobody has
 * asked for that. With an effect in doubt it is claimed once more, to look at that effect alone.
 */
export function decideRightLost(execution: Execution, lost: Refusal, now: number): Decision {
  if (execution.ending !== null) return nothing
  const error = { lastErrorClass: 'AuthError', lastError: lost.reason }
  const violation = violationOf(lost)
  if (execution.openEffects > 0) {
    return { facts: [note(execution, 'rbac_violation', { ...error, ending: 'failed' }, violation)] }
  }
  const told = { errorClass: 'AuthError', error: lost.reason, attempt: execution.attempt }
  return {
    facts: [
      note(execution, 'rbac_violation', {}, violation),
      move(execution, 'fail', 'failed', { ...error, finishedAt: now }, told),
    ],
  }
}

/** What an event tells of a right that was not there, and of the rights that were looked at. */
export function violationOf({ code, details }: Refusal): EventData {
  const { principal, permission, action, subject, rightsVersion } = details ?? {}
  return Object.fromEntries(
    Object.entries({ code, requester: principal, permission, action, subject, rights: rightsVersion }).filter(
      (entry): entry is [string, string | number | null] =>
        entry[1] === null || typeof entry[1] === 'string' || typeof entry[1] === 'number',
    ),
  )
}
