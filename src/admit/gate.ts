import { type AnyAction, handlerDigest, levelOf } from '../action/action.ts'
import type { Admission } from '../commit/order.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import type { Gate } from '../execution/approval.ts'
import { onlySteps, planHash, planText } from '../execution/plan.ts'
import { demandOf } from '../policy/demand.ts'
import type { ActivePolicy } from '../policy/policy.ts'

/**
 * What people must agree to before this request is queued, by the action and by the policy of its tenant; undefined at
 * level `auto`.
 */
export function gateFor(
  action: AnyAction,
  input: unknown,
  of: Pick<Admission, 'action' | 'version' | 'input' | 'recordOnly' | 'subject' | 'actionClass' | 'requestedBy'>,
  { document, version }: ActivePolicy,
): Gate | Refusal | undefined {
  const level = levelOf(action, input)
  if (isRefusal(level)) return level
  const demand = demandOf(document, action, level, of)
  if (isRefusal(demand)) return demand
  if (demand === null) return undefined
  const open = { plannedAt: null, approvedHash: null, useBy: null, isDue: false, replan: null, isFrozen: false }
  if (action.plan !== undefined) return { ...demand, planHash: null, ...open }
  const effects = action.effects ?? null
  return { ...demand, effects, planHash: hashWithoutPlan(action, of, effects, version), ...open }
}

/** What an action without `plan()` is going to do follows from its code and its input. */
function hashWithoutPlan(
  action: AnyAction,
  { action: name, version, input, recordOnly, subject }: Parameters<typeof gateFor>[2],
  effects: readonly string[] | null,
  policyVersion: number,
): string {
  const request = { action: name, actionVersion: version, input, recordOnly, policyVersion }
  const { secrets = [] } = action
  const steps = onlySteps({ action: name, subject }, effects)
  return planHash(planText(request, { handlerDigest: handlerDigest(action), secrets }, steps))
}
