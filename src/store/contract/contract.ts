import { describe } from 'vitest'
import { admitsOnce } from './admits-once.ts'
import { claimsInOrder } from './claims-in-order.ts'
import { countsDepth } from './counts-depth.ts'
import { fencesStaleOwners } from './fences-stale-owners.ts'
import { findsBySearch } from './finds-by-search.ts'
import { findsChildren } from './finds-children.ts'
import { findsExpiredLeases } from './finds-expired-leases.ts'
import type { Harness } from './harness.ts'
import { journalsEveryTransition } from './journals-every-transition.ts'
import { keepsApprovals } from './keeps-approvals.ts'
import { keepsArchives } from './keeps-archives.ts'
import { keepsArtifactsAndLogs } from './keeps-artifacts-and-logs.ts'
import { keepsBulkCommands } from './keeps-bulk-commands.ts'
import { keepsPausedTime } from './keeps-paused-time.ts'
import { keepsPermits } from './keeps-permits.ts'
import { keepsPlans } from './keeps-plans.ts'
import { keepsPolicies } from './keeps-policies.ts'
import { keepsQuarantine } from './keeps-quarantine.ts'
import { keepsRights } from './keeps-rights.ts'
import { keepsSchedules } from './keeps-schedules.ts'
import { keepsSignIns } from './keeps-sign-ins.ts'
import { keepsSignals } from './keeps-signals.ts'
import { keepsTheLedger } from './keeps-the-ledger.ts'
import { keepsTheLogAppendOnly } from './keeps-the-log-append-only.ts'
import { keepsTimeoutPolicies } from './keeps-timeout-policies.ts'
import { readsHistory } from './reads-history.ts'
import { refusesIllegalTransitions } from './refuses-illegal-transitions.ts'
import { remembersLeaders } from './remembers-leaders.ts'
import { remembersProcesses } from './remembers-processes.ts'
import { wakesTimers } from './wakes-timers.ts'

/** What any store must keep, a file for each promise. */
export const promises = {
  'admits once': admitsOnce,
  'claims in order': claimsInOrder,
  'fences stale owners': fencesStaleOwners,
  'refuses illegal transitions': refusesIllegalTransitions,
  'journals every transition': journalsEveryTransition,
  'keeps the log append-only': keepsTheLogAppendOnly,
  'keeps the ledger': keepsTheLedger,
  'keeps permits': keepsPermits,
  'keeps plans': keepsPlans,
  'keeps approvals': keepsApprovals,
  'keeps artifacts and logs': keepsArtifactsAndLogs,
  'keeps signals': keepsSignals,
  'finds expired leases': findsExpiredLeases,
  'remembers leaders': remembersLeaders,
  'remembers processes': remembersProcesses,
  'finds by search': findsBySearch,
  'finds children': findsChildren,
  'counts depth': countsDepth,
  'wakes timers': wakesTimers,
  'keeps timeout policies': keepsTimeoutPolicies,
  'keeps rights': keepsRights,
  'keeps policies': keepsPolicies,
  'keeps paused time': keepsPausedTime,
  'reads history': readsHistory,
  'keeps quarantine': keepsQuarantine,
  'keeps schedules': keepsSchedules,
  'keeps sign-ins': keepsSignIns,
  'keeps archives': keepsArchives,
  'keeps bulk commands': keepsBulkCommands,
} as const

/** @param only some of the promises, for a store of which all others are shown elsewhere */
export function storeContract(name: string, harness: Harness, only?: readonly (keyof typeof promises)[]): void {
  const chosen = Object.entries(promises).filter(([promise]) => only?.some((each) => each === promise) ?? true)
  describe.each(chosen)(`${name} %s`, (_, promise) => {
    promise(harness)
  })
}
