import type { PublicIdKey } from '../identity/public-id.ts'
import { ActivePolicies } from '../policy/policy.ts'
import { Rights } from '../rights/rights.ts'
import { lockKey } from '../store/place.ts'
import type { Limit, Ready, Worker } from '../store/rows.ts'
import type { Awaitable, Reads } from '../store/store.ts'
import { Depths } from './due/depths.ts'
import { laneOf } from './fleet/registry.ts'
import { PausedTime } from './pauses/paused-time.ts'
import { Quarantine } from './quarantine.ts'
import { RowCache } from './row-cache.ts'
import { TimeoutPolicies } from './timers/timeouts.ts'

/** How a release stands: a part is let go no sooner than most of the one before was met by claims. */
export interface LetGo {
  /** Queue of each that waits yet. */
  readonly waiting: Map<number, number>
  /** How many of each queue claims have met since the part before. */
  readonly met: Map<number, number>
}

/** What the writer remembers between commits, so that it need not ask. */
export interface Memory {
  readonly idKey: PublicIdKey
  /** Key of each (action, version), by `action@version`. */
  readonly queueKeys: Map<string, number>
  /** Queues that may hold due work; all of them at first. */
  readonly maybeReady: Set<number>
  readonly refusals: Map<string, { startedAt: number; suppressed: number }>
  readonly workers: Map<number, Worker>
  readonly rows: RowCache
  /** Newest turn by queue, rank and tenant, of those that came last; and the turn claims have come to, by queue and rank. */
  readonly lastTurns: Map<string, number>
  readonly virtualTimes: Map<string, number>
  /** Executions that have permits or stand in line for one: nobody else is asked about when he stops running. */
  readonly holders: Set<number>
  /** What operators have set capacities to, by `lockKey`. */
  readonly limits: Map<string, Limit>
  /** How many were claimed, or woken, since the oldest last was: by what they stood in line for. */
  readonly passes: Map<string, number>
  readonly timeouts: TimeoutPolicies
  readonly depths: Depths
  readonly pausedTime: PausedTime
  /** How far the unpauses that are under way have looked at what was due, by the number of their release. */
  readonly lookedTo: Map<number, Ready>
  readonly quarantine: Quarantine
  /** What releases have let go and no claim has met yet, with its queue, by the number of the release. */
  readonly letGo: Map<number, LetGo>
  /** Who may do what, as of the last durable commit. */
  rights: Rights
  /** Of each tenant, as of the last durable commit. */
  policies: ActivePolicies
  nextTimerAt: number | null
}

/**
 * Reads what a writer must remember: when it begins, and anew when somebody else has written.
 *
 * @param before what is this writer's own, and stays: which refusals it has recorded, and whom it has passed over;
 *   and the rights and policies it knows, of which only the changes since are read
 * @param liveWorkers reads the workers, for whoever has a way around one that cannot be read
 */
export async function remember(
  reads: Reads,
  idKey: PublicIdKey,
  before?: Pick<Memory, 'refusals' | 'passes' | 'rights' | 'policies'>,
  liveWorkers: (quarantine: Quarantine) => Awaitable<readonly Worker[]> = () => reads.workers('live'),
): Promise<Memory> {
  // First, for what is set aside already is not told of again.
  const quarantine = new Quarantine(await reads.quarantine())
  const [queues, workers, holders, limits, pausedTime, timeouts, depths, rights, policies, nextTimerAt] =
    await Promise.all([
      reads.queues(),
      liveWorkers(quarantine),
      reads.holders(),
      reads.limits(),
      reads.pausedTime(),
      reads.timeoutPolicies(),
      reads.depths(),
      reads.rights(before?.rights.version ?? 0),
      reads.policies({ newestBehind: before?.policies.id ?? 0 }),
      reads.nextTimerAt(),
    ])
  return {
    idKey,
    queueKeys: new Map(queues.map(({ key, action, version }) => [`${action}@${version}`, key])),
    maybeReady: new Set(queues.flatMap(({ key }) => [key, laneOf(key)])),
    refusals: before?.refusals ?? new Map(),
    rows: new RowCache(),
    lastTurns: new Map(),
    virtualTimes: new Map(),
    holders: new Set(holders),
    limits: new Map(limits.map((limit) => [lockKey(limit.tenant, limit.key), limit])),
    passes: before?.passes ?? new Map(),
    pausedTime: new PausedTime(pausedTime),
    timeouts: new TimeoutPolicies(timeouts),
    depths: new Depths(depths),
    workers: new Map(workers.map((worker) => [worker.key, worker])),
    lookedTo: new Map(),
    quarantine,
    rights: (before?.rights ?? Rights.none).after(rights),
    policies: (before?.policies ?? ActivePolicies.none).after(policies),
    letGo: new Map(),
    nextTimerAt,
  }
}
