import { type AnyAction, handlerDigest, levelOf, rulesOf } from '../action/action.ts'
import type { Admission } from '../commit/order.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import type { Gate } from '../execution/approval.ts'
import { onlySteps, planHash, planText } from '../execution/plan.ts'

/** The rules that decide today: those that the definitions of the actions carry. */
export const policyVersion = 1

/** What people must agree to before this request is queued; undefined at level `auto`. */
export function gateFor(
  action: AnyAction,
  input: unknown,
  of: Pick<Admission, 'action' | 'version' | 'input' | 'recordOnly' | 'subject'>,
): Gate | Refusal | undefined {
  const level = levelOf(action, input)
  if (isRefusal(level)) return level
  if (level === 'auto') return undefined
  const open = { plannedAt: null, approvedHash: null, useBy: null, isDue: false, replan: null, isFrozen: false }
  const rules = rulesOf(level, action.approvals)
  if (action.plan !== undefined) return { rules, planHash: null, ...open }
  const effects = action.effects ?? null
  return { rules, effects, planHash: hashWithoutPlan(action, of, effects), ...open }
}

/** What an action without `plan()` is going to do follows from its code and its input. */
function hashWithoutPlan(
  action: AnyAction,
  { action: name, version, input, recordOnly, subject }: Parameters<typeof gateFor>[2],
  effects: readonly string[] | null,
): string {
  const request = { action: name, actionVersion: version, input, recordOnly, policyVersion }
  const { secrets = [] } = action
  const steps = onlySteps({ action: name, subject }, effects)
  return planHash(planText(request, { handlerDigest: handlerDigest(action), secrets }, steps))
}
