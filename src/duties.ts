import { startRetention } from './archive/retention.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import type { Orders } from './commit/order.ts'
import type { Config } from './config/config.ts'
import type { BulkCommands } from './control/bulk-commands.ts'
import type { ControlPlane } from './control/control-plane.ts'
import { classify } from './errors/failures.ts'
import { orThrow } from './errors/refusal.ts'
import { startSweeps } from './recover/sweep.ts'
import { startScheduler } from './schedule/scheduler.ts'
import type { Clock, Timer } from './time/clock.ts'

export interface DutyPorts {
  /** Of the leader: refused once another one leads. */
  readonly orders: Orders
  readonly plane: ControlPlane
  readonly bulks: BulkCommands
  readonly artifacts: ArtifactStore | undefined
  readonly settings: Pick<Config, 'sweepMs' | 'heartbeatMs' | 'poisonLosses' | 'archiveAfterDays'>
  readonly clock: Clock
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void
}

interface DutyInHand {
  stop(): Promise<void>
}

/** What one process does for all that hold the store, from the moment at which it leads. */
export function beginDuties({ orders, plane, bulks, artifacts, settings, clock, log }: DutyPorts): DutyInHand[] {
  const { views } = plane.host
  const { archiveAfterDays: afterDays } = settings
  return [
    startSweeps({ ...settings, orders, clock, log, atOnce: true }),
    startScheduler({ views, orders, check: plane.check, policies: plane.policies, clock, log }),
    repeated({ clock, log, everyMs: resumeMs, what: 'Bulk commands' }, () => bulks.resume(clock.now() - abandonedMs)),
    ...(afterDays === undefined ? [] : [startRetention({ orders, clock, log, afterDays })]),
    ...(artifacts === undefined ? [] : [sweepArtifacts(plane, clock, log)]),
  ]
}

const dayMs = 86_400_000
/** How often the leader looks for bulk commands whose process is gone. */
const resumeMs = 30_000
/** A snapshot is taken in seconds: one that is not complete after ten minutes never will be. */
const abandonedMs = 600_000

/** Once a day: contents that a crash left without a row go. A sweep that was overtaken is harmless: see `artifacts/sweep.ts`. */
const sweepArtifacts = (plane: ControlPlane, clock: Clock, log: DutyPorts['log']): DutyInHand =>
  repeated({ clock, log, everyMs: dayMs, what: 'A sweep of the artifacts' }, async () => {
    const { deleted, bytes } = orThrow(await plane.kept.sweep({ dryRun: false }))
    if (deleted > 0) log('info', 'Artifacts that no execution names were deleted.', { deleted, bytes })
  })

interface Rhythm extends Pick<DutyPorts, 'clock' | 'log'> {
  readonly everyMs: number
  readonly what: string
}

/** Now, and again so long after each end; one that fails is told, and the next one comes all the same. */
function repeated({ clock, log, everyMs, what }: Rhythm, duty: () => Promise<void>): DutyInHand {
  let isStopped = false
  let timer: Timer | undefined
  let running: Promise<void>
  const begin = (): void => {
    running = duty()
      .catch((thrown: unknown) => log('warn', `${what} failed: ${classify(thrown).message}`, {}))
      .then(() => {
        if (!isStopped) timer = clock.timer(everyMs, begin)
      })
  }
  begin()
  return {
    async stop() {
      isStopped = true
      timer?.cancel()
      await running
    },
  }
}
