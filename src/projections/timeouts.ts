import type { Request } from '../execution/execution.ts'
import { policiesAt, type TimeoutPolicy, timeoutPolicyFor } from '../execution/timeout-policy.ts'
import { timeText } from './view.ts'

export type TimeoutPolicyView = ReturnType<typeof timeoutPolicyView>

/** A change as people ask for it: limits are durations such as `30s`, or `none`. */
export interface TimeoutPolicyRequest {
  readonly slaClass: string
  readonly actionClass: string
  readonly attempt: string
  readonly overall: string
  readonly reason: string
}

export const timeoutPolicyView = ({
  version,
  slaClass,
  actionClass,
  attemptMs,
  overallMs,
  by,
  reason,
  at,
}: TimeoutPolicy) => ({
  slaClass,
  actionClass,
  attemptMs,
  overallMs,
  version,
  by,
  reason,
  at: timeText(at),
})

/**
 * Which policies decided on an execution: the one at its admission set its deadline, the ones at its claims the time of
 * each attempt. It follows from the log: a policy holds from a position on.
 */
export function timeoutsOf(
  history: readonly TimeoutPolicy[],
  { slaClass, actionClass, position }: Request,
  claims: readonly { readonly sequence: number; readonly position: number }[],
) {
  const at = (where: number) => timeoutPolicyFor(policiesAt(history, where), slaClass, actionClass)
  const shown = (policy: TimeoutPolicy | undefined) =>
    policy === undefined ? null : { version: policy.version, of: `${policy.slaClass} ${policy.actionClass}` }
  const admitted = at(position)
  return {
    admission: admitted === undefined ? null : { ...shown(admitted), overallMs: admitted.overallMs },
    claims: claims.map((claim) => {
      const policy = at(claim.position)
      return { sequence: claim.sequence, ...shown(policy), attemptMs: policy?.attemptMs ?? null }
    }),
  }
}
