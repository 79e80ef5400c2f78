import { type AnyAction, handlerDigest } from '../action/action.ts'
import type { Claimed } from '../commit/order.ts'
import { JournalMismatch } from '../errors/failures.ts'
import { onlySteps, planHash, planText } from '../execution/plan.ts'

/**
 * What was agreed to holds for the code that would have acted then. Another handler of the same version is other code.
 *
 * @throws JournalMismatch when this worker would carry out something else than what was approved.
 */
export function refuseOtherCode({ execution, request, targets }: Claimed, action: AnyAction): void {
  const { gate } = execution
  if (gate === null || execution.ending !== null) return
  const steps = gate.effects === undefined ? (targets ?? []) : onlySteps(request, gate.effects)
  const code = { handlerDigest: handlerDigest(action), secrets: action.secrets ?? [] }
  if (planHash(planText(request, code, steps)) === gate.planHash) return
  throw new JournalMismatch(
    `The code of ${action.name} version ${action.version} here is not the one that was approved; give changed code a new version.`,
  )
}
