import type { AnyAction } from '../action/action.ts'
import type { Claimed } from '../commit/order.ts'
import type { Spawner } from './child.ts'
import type { KeptLog } from './kept-log.ts'
import type { LiveRun } from './live-runs.ts'
import type { Work } from './running.ts'

/** What one run is made of. */
export interface Performance {
  readonly claimed: Claimed
  readonly action: AnyAction
  readonly run: LiveRun
  readonly work: Work
  readonly spawner: Spawner
  readonly kept: KeptLog
}
