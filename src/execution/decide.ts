import type { Refusal } from '../errors/refusal.ts'
import type { Command } from './command.ts'
import { decideApprove, decideReject, decideReplan, decideResume, decideRevoke } from './decide-approval.ts'
import { decideCrashed, decideLeaseExpired } from './decide-blame.ts'
import { decideRecordChild } from './decide-child.ts'
import { decideCancel, decideRedrive, decideRetry } from './decide-control.ts'
import {
  decideIntendEffect,
  decideReconcileEffect,
  decideRecordEffect,
  decideRecordStep,
  decideResolveEffect,
} from './decide-effect.ts'
import { decideLog } from './decide-log.ts'
import { decideBeginTarget, decidePlanning, decideSettleTarget, decideSkipRest } from './decide-plan.ts'
import {
  decideClaim,
  decideEndReconciliation,
  decideExpire,
  decideFail,
  decideHandBack,
  decideRenew,
  decideSucceed,
  leaseLost,
  owns,
} from './decide-run.ts'
import { decideProcessGone, decideSignal, decideSuspend, decideWake } from './decide-wait.ts'
import { type Decision, note, nothing, type Surroundings } from './decision.ts'
import type { Execution } from './execution.ts'

/**
 * Every rule of what a command does to an execution, none of its I/O: the same answer on every store.
 */
export function decide(execution: Execution, command: Command, around: Surroundings): Decision | Refusal {
  if (execution.state === 'requested') {
    const decided = decidePlanning(execution, command, around)
    if (decided !== undefined) return decided
  }
  switch (command.type) {
    case 'planned':
      // The answer was lost and the plan is told again.
      return execution.state === 'queued' && execution.fence === command.fence
        ? nothing
        : leaseLost(execution, command.fence)
    case 'begin_target':
      return decideBeginTarget(execution, command, around)
    case 'settle_target':
      return decideSettleTarget(execution, command, around)
    case 'skip_rest':
      return decideSkipRest(execution, command, around)
    case 'claim':
      return decideClaim(execution, command, around)
    case 'renew':
      return decideRenew(execution, command, around)
    case 'progress':
      return owns(execution, command.fence)
        ? { facts: [note(execution, 'progress', {}, { progress: command.value })] }
        : leaseLost(execution, command.fence)
    case 'log':
      return decideLog(execution, command, around)
    case 'record_step':
      return decideRecordStep(execution, command, around)
    case 'intend_effect':
      return decideIntendEffect(execution, command, around)
    case 'record_effect':
      return decideRecordEffect(execution, command, around)
    case 'reconcile_effect':
      return decideReconcileEffect(execution, command, around)
    case 'succeed':
      return decideSucceed(execution, command, around)
    case 'fail':
      return decideFail(execution, command, around)
    case 'crashed':
      return decideCrashed(execution, command, around)
    case 'suspend':
      return decideSuspend(execution, command, around)
    case 'hand_back':
      return decideHandBack(execution, command, around)
    case 'end_reconciliation':
      return decideEndReconciliation(execution, command, around)
    case 'lease_expired':
      return decideLeaseExpired(execution, command, around)
    case 'cancel':
      return decideCancel(execution, command, around)
    case 'retry':
      return decideRetry(execution, around)
    case 'redrive':
      return decideRedrive(execution, command, around)
    case 'wake':
      return decideWake(execution, command, around)
    case 'expire':
      return decideExpire(execution, around)
    case 'approve':
      return decideApprove(execution, command, around)
    case 'reject':
      return decideReject(execution, command, around)
    case 'revoke_approval':
      return decideRevoke(execution, command, around)
    case 'resume':
      return decideResume(execution, command, around)
    case 'replan':
      return decideReplan(execution, command, around)
    case 'record_child':
      return decideRecordChild(execution, command, around)
    case 'signal':
      return decideSignal(execution, command, around)
    case 'process_gone':
      return decideProcessGone(execution, around)
    case 'resolve_effect':
      return decideResolveEffect(execution, command, around)
  }
}
