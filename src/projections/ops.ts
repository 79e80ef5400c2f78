import type { Effect, Execution } from '../execution/execution.ts'
import type { State } from '../execution/machine.ts'
import type { Leader } from '../store/fleet.ts'
import type { Found, Views } from '../store/store.ts'
import { failurePatterns } from './failures.ts'
import { pausesOf } from './pauses.ts'
import { ofTenant, quarantinedView } from './quarantine.ts'
import { effectView, isLive, leaderView, type Naming, pauseView, timeText, workerView } from './view.ts'

export interface OpsAsk {
  readonly views: Views
  readonly naming: Naming
  readonly tenant: string
  readonly now: number
  /** What only this process knows. */
  readonly notices?: readonly string[] | undefined
}

/** Due work older than this, while somebody could run it, is a backlog. */
const backlogMs = 60_000
const recentMs = 60 * 60_000
const listMax = 20

/** The health of everything on one screen: the first line names what is wrong, or says that nothing is. */
export async function opsOf({ views, naming, tenant, now, notices = [] }: OpsAsk) {
  const [counts, oldestReadyAt, running, effects, patterns, pauses, workers, recent, unreadable, leaders] =
    await Promise.all([
      views.countsByState(tenant),
      views.oldestReadyAt(tenant),
      views.running(tenant),
      views.effects({ tenant, open: true, limit: 1000 }),
      failurePatterns(views, now - recentMs, tenant),
      views.pauses(),
      views.workers(),
      views.list({ tenant, states: ['failed'], limit: listMax }),
      views.quarantine(),
      views.leaders(1),
    ])
  // Without slots are those that signed off, and processes of single runs: their worker is counted.
  const live = workers.filter((worker) => isLive(worker, now))
  const draining = live.filter(({ drainingSince, drain }) => drainingSince !== null || drain !== null)
  const quarantine = ofTenant(unreadable, tenant)
  const stale = running.filter(({ execution }) => (execution.leaseUntil ?? 0) < now)
  const doubtful = doubtfulOf(effects, running)
  const paused = pausesOf(pauses, tenant)
  const total = (state: State): number =>
    counts.reduce((sum, entry) => (entry.state === state ? sum + entry.count : sum), 0)
  const served = new Set(
    live.filter(({ drain }) => drain === null).flatMap(({ actions }) => actions.map(({ action }) => action)),
  )
  const unserved = counts.filter(({ state, count, action }) => state === 'queued' && count > 0 && !served.has(action))
  const oldestReadyAgeMs = oldestReadyAt === null ? null : Math.max(0, now - oldestReadyAt)
  const failures = patterns.filter(({ state }) => state === 'failed')
  const failed = failures.reduce((sum, { count }) => sum + count, 0)
  const anomalies = [
    ...notices,
    stale.length > 0 && `${counted(stale.length, 'execution')} running past the lease`,
    doubtful.length > 0 && `${counted(doubtful.length, 'effect')} in doubt`,
    quarantine.length > 0 && `${counted(quarantine.length, 'row')} in quarantine`,
    isLeaderless(leaders[0], now) && 'no process leads: nobody sweeps, and no schedule fires',
    live.length === 0 && total('queued') > 0 && `no live worker while ${total('queued')} queued`,
    live.length > 0 &&
      unserved.length > 0 &&
      `no worker for ${unserved
        .map(({ action }) => action)
        .slice(0, 3)
        .join(', ')}`,
    draining.length > 0 &&
      `${counted(draining.length, 'worker')} claiming nothing (draining, or a handler ignores its abort)`,
    failed > 0 && `${failed} failed in the last hour (most: ${failures[0]?.action}, ${failures[0]?.errorClass})`,
    paused.length > 0 &&
      `paused: ${paused
        .map(({ scope, value }) => (value === '' ? scope : `${scope} ${value}`))
        .slice(0, 3)
        .join(', ')}`,
    oldestReadyAgeMs !== null &&
      oldestReadyAgeMs > backlogMs &&
      paused.length === 0 &&
      `oldest due work is ${Math.round(oldestReadyAgeMs / 1000)} s old`,
    total('waiting') > doubtful.length && `${total('waiting')} waiting`,
  ].filter((entry) => entry !== false)
  const load = `${total('queued')} queued, ${total('running')} running, ${total('retryable_failed')} to be retried, ${counted(live.length, 'live worker')}`
  return {
    ok: anomalies.length === 0,
    verdict: anomalies.length === 0 ? `ok: ${load}` : `attention: ${anomalies.join('; ')}`,
    load,
    anomalies,
    at: timeText(now),
    depth: counts.filter(({ count }) => count > 0),
    oldestReadyAgeMs,
    staleRunning: stale.slice(0, listMax).map(({ execution, request }) => ({
      id: request.publicId,
      action: request.action,
      workerId: workerOf(execution, naming),
      leaseExpiredAt: timeText(execution.leaseUntil ?? execution.updatedAt),
    })),
    effectsInDoubt: doubtful.slice(0, listMax).map((effect) => effectView(effect, naming)),
    quarantine: quarantine.slice(0, listMax).map((row) => quarantinedView(row, naming)),
    failurePatterns: patterns.slice(0, listMax),
    recentFailures: recent.map(failureLine),
    paused: paused.map(pauseView),
    workers: live.map((worker) => workerView(worker, now)),
    leader: leaders[0] === undefined ? null : leaderView(leaders[0]),
  }
}

/** An intended effect of a running execution is being performed; of any other it is as doubtful as one so marked. */
export function doubtfulOf(effects: readonly Effect[], running: readonly Found[]): readonly Effect[] {
  const runningIds = new Set(running.map(({ execution }) => execution.id))
  return effects.filter(({ state, id }) => state === 'in_doubt' || !runningIds.has(id))
}

export type Ops = Awaited<ReturnType<typeof opsOf>>

const workerOf = ({ worker }: Execution, naming: Naming) => (worker === null ? null : naming.workerOf(worker))
const counted = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Another process takes the duties up within seconds, where there is one. */
const leaderlessMs = 15_000

const isLeaderless = (newest: Leader | undefined, now: number): boolean =>
  newest !== undefined && (newest.endedAt ?? newest.until ?? Number.POSITIVE_INFINITY) < now - leaderlessMs

const failureLine = ({ execution, request }: Found) => ({
  id: request.publicId,
  action: request.action,
  errorClass: execution.lastErrorClass,
  error: execution.lastError,
  attempt: execution.attempt,
  finishedAt: execution.finishedAt === null ? null : timeText(execution.finishedAt),
})
