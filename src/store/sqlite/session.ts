import type { DatabaseSync } from 'node:sqlite'
import type { Vote } from '../../execution/approval.ts'
import type { Effect, Execution, LogLine, Request, Signal, SignalHead, Step } from '../../execution/execution.ts'
import type { Permit } from '../../execution/permit.ts'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import type { PolicyAsk } from '../../policy/policy.ts'
import type { Leader } from '../fleet.ts'
import { nothingWaits } from '../inbox.ts'
import type { Quarantined } from '../quarantine.ts'
import type {
  Bulk,
  Changes,
  Depth,
  Limit,
  Parked,
  Pause,
  PauseInterval,
  Queue,
  RateState,
  Ready,
  Schedule,
  Timer,
  Turn,
  Waiter,
  Worker,
} from '../rows.ts'
import type { ArchivableAsk, KeyLookup, KeyOwner, StoreSession } from '../store.ts'
import { archivableIn, archivedOf } from './archive.ts'
import { type Counters, countOn, readCounters } from './counters.ts'
import { Decoding, type Place, places, quarantinedOf, wholeWorkerOf } from './decoding.ts'
import { inPlainWords } from './failures.ts'
import { leaderOf } from './fleet-rows.ts'
import { headsOf, virtualTimeOf } from './heads.ts'
import { keyOwnerOf } from './key-owners.ts'
import { pausedTimeIn } from './paused-time.ts'
import { leases, namedSteps, newestPlans, wholePlans } from './plan-reads.ts'
import { voteOf } from './plan-rows.ts'
import { askPolicies, policyOf } from './policy-rows.ts'
import type { Prepared } from './prepared.ts'
import { rightsChangeOf } from './rights-rows.ts'
import * as read from './rows-of.ts'
import { signInOf, tokenOf } from './sign-in-rows.ts'
import { signalHeadOf, signalOf } from './waiting-rows.ts'
import { writeChanges } from './write.ts'

type SingleRow = 'execution' | 'request' | 'worker' | 'archived' | 'newestLog' | 'childCount'

/** The one writer's door. Synchronous: every answer is there when the call returns. */
export class SqliteSession implements StoreSession {
  readonly waiting = nothingWaits
  readonly #db: DatabaseSync
  readonly #prepared: Prepared
  readonly #onClose: () => void
  // Nobody else writes, so the counters are read once and counted on in memory.
  #committed: Counters
  #counters: Counters
  // Where nothing was ever archived, a new key costs no second question.
  #mayHoldArchives: boolean
  readonly #decoding: Decoding

  constructor(db: DatabaseSync, prepared: Prepared, onClose: () => void) {
    this.#db = db
    this.#prepared = prepared
    this.#onClose = onClose
    this.#committed = readCounters(db)
    this.#mayHoldArchives = prepared.one('anyArchive') !== undefined
    this.#counters = this.#committed
    this.#decoding = new Decoding((id) => (prepared.one('tenantOf', id)?.[0] ?? null) as string | null)
  }

  begin(): void {
    this.#attempt(() => this.#prepared.run('begin'))
  }

  write(changes: Changes): { readonly stale: readonly number[] } {
    return this.#attempt(() => {
      const stale = writeChanges(this.#prepared, changes)
      if (changes.archive.length > 0) this.#mayHoldArchives = true
      this.#counters = countOn(this.#counters, changes)
      return { stale }
    })
  }

  commit(): void {
    this.#attempt(() => this.#prepared.run('commit'))
    this.#committed = this.#counters
  }

  /** Also after a failure that made SQLite end the transaction by itself. */
  rollback(): void {
    this.#counters = this.#committed
    if (this.#db.isTransaction) this.#attempt(() => this.#prepared.run('rollback'))
  }

  close(): void {
    this.#onClose()
  }

  counters(): Counters {
    return this.#counters
  }

  queues(): readonly Queue[] {
    return this.#attempt(() => this.#prepared.all('queues').map(read.queueOf))
  }

  executions(ids: readonly number[]): readonly Execution[] {
    return this.#eachOne('execution', ids, read.executionOf, places.executions)
  }

  requests(ids: readonly number[]): readonly Request[] {
    return this.#eachOne('request', ids, (row) => read.requestOf(row), places.requests)
  }

  keyOwners(lookups: readonly KeyLookup[]): readonly (KeyOwner | null)[] {
    return this.#attempt(() => lookups.map((lookup) => keyOwnerOf(this.#prepared, lookup, this.#mayHoldArchives)))
  }

  effects(ids: readonly number[]): readonly Effect[] {
    return this.#eachAll('effects', ids, read.effectOf, places.effects)
  }

  steps(ids: readonly number[]): readonly Step[] {
    return this.#eachAll('steps', ids, read.stepOf)
  }

  plans(ids: readonly number[]): readonly Plan[] {
    return this.#attempt(() => newestPlans(this.#prepared, ids))
  }

  planSteps(ids: readonly number[]): readonly PlanStep[] {
    return this.#attempt(() => wholePlans(this.#prepared, ids, this.#decoding))
  }

  planStepsAt(at: Parameters<typeof namedSteps>[1]): readonly PlanStep[] {
    return this.#attempt(() => namedSteps(this.#prepared, at, this.#decoding))
  }

  votes(ids: readonly number[]): readonly Vote[] {
    return this.#eachAll('votes', ids, voteOf, places.votes)
  }

  newestLogs(ids: readonly number[]): readonly LogLine[] {
    return this.#eachOne('newestLog', ids, read.logLineOf, places.logs)
  }

  unreadSignals(ids: readonly number[]): readonly Signal[] {
    return this.#eachAll('unreadSignals', ids, signalOf)
  }

  signalHeads(ids: readonly number[]): readonly SignalHead[] {
    return this.#eachAll('signalHeads', ids, signalHeadOf)
  }

  childCounts(ids: readonly number[]): readonly { id: number; count: number }[] {
    return this.#eachOne('childCount', ids, (row) => ({ id: row[0] as number, count: row[1] as number }))
  }

  openChildren(id: number, limit: number): readonly number[] {
    return this.#attempt(() => this.#prepared.all('openChildren', id, limit).map((row) => row[0] as number))
  }

  fingerprints(ids: readonly number[]): readonly { id: number; fingerprint: string }[] {
    return this.#attempt(() =>
      ids.flatMap((id) => {
        const row = this.#prepared.one('fingerprint', id)
        return row === undefined ? [] : [{ id, fingerprint: row[0] as string }]
      }),
    )
  }

  ready(queue: number, limit: number): readonly Ready[] {
    return this.#attempt(() => this.#prepared.all('ready', queue, limit).map(read.readyOf))
  }

  readyBehind({ queue, rank, turn, id }: Parameters<StoreSession['readyBehind']>[0], limit: number): readonly Ready[] {
    return this.#attempt(() => this.#prepared.all('readyBehind', queue, rank, turn, id, limit).map(read.readyOf))
  }

  readyHeads(queue: number, rank: number, each: number): readonly Ready[] {
    return this.#attempt(() =>
      headsOf(this.#prepared, 'nextReadyRank', 'readyOfRank', queue, rank, each).map(read.readyOf),
    )
  }

  parkedHeads(key: string, rank: number, each: number): readonly Parked[] {
    return this.#attempt(() =>
      headsOf(this.#prepared, 'nextParkedRank', 'parkedOfRank', key, rank, each).map(read.parkedOf),
    )
  }

  turns(pairs: readonly Omit<Turn, 'last'>[]): readonly number[] {
    return this.#attempt(() =>
      pairs.map(({ queue, rank, tenant }) => (this.#prepared.one('turn', queue, rank, tenant)?.[0] ?? 0) as number),
    )
  }

  virtualTime(queue: number, rank: number): number {
    return this.#attempt(() => virtualTimeOf(this.#prepared, queue, rank))
  }

  dueTimers(now: number, limit: number): readonly Timer[] {
    return this.#attempt(() =>
      this.#decoding.all(this.#prepared.all('dueTimers', now, limit), places.timers, read.timerOf),
    )
  }

  nextTimerAt(): number | null {
    return this.#attempt(() => (this.#prepared.one('nextTimerAt')?.[0] ?? null) as number | null)
  }

  expiredLeases(now: number, after: number, limit: number): readonly number[] {
    return this.#attempt(() => leases(this.#prepared, 'expiredLeases', 'expiredPlanning', now, after, limit))
  }

  heldBy(worker: number, after: number, limit: number): readonly number[] {
    return this.#attempt(() => leases(this.#prepared, 'heldBy', 'plannedBy', worker, after, limit))
  }

  doubtedBy(worker: number, after: number, limit: number): readonly number[] {
    return this.#attempt(() => this.#prepared.all('doubtedBy', worker, after, limit).map((row) => row[0] as number))
  }

  parked(key: string, limit: number): readonly Parked[] {
    return this.#attempt(() => this.#prepared.all('parked', key, limit).map(read.parkedOf))
  }

  parkedAt(id: number): Parked | null {
    return this.#attempt(() => this.#prepared.all('parkedAt', id).map(read.parkedOf)[0] ?? null)
  }

  permits(tenant: string, key: string): readonly Permit[] {
    return this.#attempt(() => this.#prepared.all('permits', tenant, key).map(read.permitOf))
  }

  permitsOf(ids: readonly number[]): readonly Permit[] {
    return this.#eachAll('permitsOf', ids, read.permitOf)
  }

  holders(): readonly number[] {
    return this.#attempt(() => this.#prepared.all('holders').map((row) => row[0] as number))
  }

  waiters(tenant: string, key: string): readonly Waiter[] {
    return this.#attempt(() => this.#prepared.all('waiters', tenant, key).map(read.waiterOf))
  }

  waitersOf(ids: readonly number[]): readonly Waiter[] {
    return this.#eachAll('waitersOf', ids, read.waiterOf)
  }

  limits(): readonly Limit[] {
    return this.#attempt(() => this.#prepared.all('limits').map(read.limitOf))
  }

  rate(tenant: string, key: string): RateState | null {
    return this.#attempt(() => this.#prepared.all('rate', tenant, key).map(read.rateOf)[0] ?? null)
  }

  dueRates(now: number, limit: number): readonly RateState[] {
    return this.#attempt(() => this.#prepared.all('dueRates', now, limit).map(read.rateOf))
  }

  bulk(key: number): Bulk | null {
    return this.#attempt(() => this.#prepared.all('bulk', key).map(read.bulkOf)[0] ?? null)
  }

  nextBulk(): number {
    return this.#attempt(() => this.#prepared.one('nextBulk')?.[0] as number)
  }

  bulkItems(key: number, limit: number): readonly number[] {
    return this.#attempt(() => this.#prepared.all('bulkItems', key, limit).map((row) => row[0] as number))
  }

  depths(): readonly Depth[] {
    return this.#attempt(() => this.#prepared.all('depths').map(read.depthOf))
  }

  pauses(): readonly Pause[] {
    return this.#attempt(() => this.#decoding.all(this.#prepared.all('pauses'), places.pauses, read.pauseOf))
  }

  pauseIntervals(since: number): readonly PauseInterval[] {
    return this.#attempt(() =>
      this.#decoding.all(this.#prepared.all('pauseIntervals', since), places.pauseIntervals, read.pauseIntervalOf),
    )
  }

  pausedTime(): { readonly open: number; readonly until: number } {
    return this.#attempt(() => pausedTimeIn(this.#prepared))
  }

  releases() {
    return this.#attempt(() => this.#decoding.all(this.#prepared.all('releases'), places.releases, read.releaseOf))
  }

  timeoutPolicies() {
    return this.#attempt(() => this.#prepared.all('timeoutPolicies').map(read.timeoutPolicyOf))
  }

  rights(after: number) {
    return this.#attempt(() => this.#prepared.all('rights', after).map(rightsChangeOf))
  }

  policies(ask: PolicyAsk) {
    return this.#attempt(() => this.#prepared.all(...askPolicies(ask)).map(policyOf))
  }

  workers(keys: readonly number[] | 'live'): readonly Worker[] {
    if (keys !== 'live') return this.#eachOne('worker', keys, wholeWorkerOf, places.workers)
    return this.#attempt(() => this.#decoding.all(this.#prepared.all('liveWorkers'), places.workers, wholeWorkerOf))
  }

  leader(epoch: number | 'newest'): Leader | null {
    const [name, which] = epoch === 'newest' ? (['leaders', 1] as const) : (['leaderAt', epoch] as const)
    return this.#attempt(() => this.#prepared.all(name, which).map(leaderOf)[0] ?? null)
  }

  schedule(tenant: string, name: string): Schedule | null {
    return this.#attempt(() => this.#prepared.all('schedule', tenant, name).map(read.scheduleOf)[0] ?? null)
  }

  token(id: string) {
    return this.#attempt(() => this.#prepared.all('token', id).map(tokenOf)[0] ?? null)
  }

  signIn(hash: string) {
    return this.#attempt(() => this.#prepared.all('signIn', hash).map(signInOf)[0] ?? null)
  }

  signInsOf(tenant: string, principal: string) {
    return this.#attempt(() => this.#prepared.all('signInsOf', tenant, principal).map(signInOf))
  }

  expiredSignIns(now: number, limit: number) {
    return this.#attempt(() => this.#prepared.all('expiredSignIns', now, limit).map(signInOf))
  }

  archivable(ask: ArchivableAsk): { readonly ids: readonly number[]; readonly next: number | null } {
    return this.#attempt(() => archivableIn(this.#prepared, ask))
  }

  archived(ids: readonly number[]) {
    return this.#eachOne('archived', ids, archivedOf)
  }

  quarantine(): readonly Quarantined[] {
    return this.#attempt(() => {
      const rows = this.#prepared.all('quarantine').map(quarantinedOf)
      this.#decoding.knows(rows)
      return rows
    })
  }

  #eachOne<T>(
    name: SingleRow,
    ids: readonly number[],
    of: (row: read.Row) => T,
    place: Place = places.rest,
  ): readonly T[] {
    return this.#attempt(() => {
      const statement = this.#prepared.get(name)
      const rows: read.Row[] = []
      for (const id of ids) {
        const row = statement.get(id) as unknown as read.Row | undefined
        if (row !== undefined) rows.push(row)
      }
      return this.#decoding.all(rows, place, of)
    })
  }

  #eachAll<T>(
    name: 'effects' | 'steps' | 'permitsOf' | 'waitersOf' | 'unreadSignals' | 'signalHeads' | 'votes',
    ids: readonly number[],
    of: (row: read.Row) => T,
    place: Place = places.rest,
  ): readonly T[] {
    return this.#attempt(() =>
      this.#decoding.all(
        ids.flatMap((id) => this.#prepared.all(name, id)),
        place,
        of,
      ),
    )
  }

  #attempt<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
  }
}
