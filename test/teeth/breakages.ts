import type { Breakage } from './breakage.ts'
import { accessBreakages } from './breakages-access.ts'
import { approvalBreakages } from './breakages-approvals.ts'
import { archiveBreakages } from './breakages-archive.ts'
import { blameBreakages } from './breakages-blame.ts'
import { bulkBreakages } from './breakages-bulk.ts'
import { commitBreakages } from './breakages-commit.ts'
import { dispatchBreakages } from './breakages-dispatch.ts'
import { fleetBreakages } from './breakages-fleet.ts'
import { keptBreakages } from './breakages-kept.ts'
import { logBreakages } from './breakages-log.ts'
import { permitBreakages } from './breakages-permits.ts'
import { planBreakages } from './breakages-plans.ts'
import { policyBreakages } from './breakages-policy.ts'
import { rightsBreakages } from './breakages-rights.ts'
import { ruleBreakages } from './breakages-rules.ts'
import { scheduleBreakages } from './breakages-schedule.ts'
import { timeBreakages } from './breakages-time.ts'
import { waitingBreakages } from './breakages-waiting.ts'

export const allBreakages: readonly Breakage[] = [
  ...ruleBreakages,
  ...commitBreakages,
  ...permitBreakages,
  ...rightsBreakages,
  ...policyBreakages,
  ...planBreakages,
  ...approvalBreakages,
  ...scheduleBreakages,
  ...accessBreakages,
  ...logBreakages,
  ...dispatchBreakages,
  ...fleetBreakages,
  ...archiveBreakages,
  ...timeBreakages,
  ...waitingBreakages,
  ...keptBreakages,
  ...bulkBreakages,
  ...blameBreakages,
]
