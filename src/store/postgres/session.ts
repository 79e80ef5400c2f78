import type { Vote } from '../../execution/approval.ts'
import type { Effect, Execution, LogLine, Request, Signal, SignalHead, Step } from '../../execution/execution.ts'
import type { Permit } from '../../execution/permit.ts'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import type { PolicyAsk } from '../../policy/policy.ts'
import type { Leader } from '../fleet.ts'
import type { Waiting, WaitingMax } from '../inbox.ts'
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
  Timer,
  Turn,
  Waiter,
  Worker,
} from '../rows.ts'
import type { SignIn, Token } from '../sign-in.ts'
import { archivedOf } from '../sqlite/archive.ts'
import { type Counters, countersOf, countOn } from '../sqlite/counters.ts'
import { type Place, places, quarantinedOf, wholePlanStepOf, wholeWorkerOf } from '../sqlite/decoding.ts'
import { leaderOf } from '../sqlite/fleet-rows.ts'
import { planOf, voteOf } from '../sqlite/plan-rows.ts'
import { askPolicies, policyOf } from '../sqlite/policy-rows.ts'
import { rightsChangeOf } from '../sqlite/rights-rows.ts'
import * as read from '../sqlite/rows-of.ts'
import { signInOf, tokenOf } from '../sqlite/sign-in-rows.ts'
import { signalHeadOf, signalOf } from '../sqlite/waiting-rows.ts'
import type { ArchivableAsk, KeyLookup, KeyOwner, StoreSession } from '../store.ts'
import { archivableIn, Shapes } from './archive.ts'
import type { Value } from './connection.ts'
import { Foresight } from './foresight.ts'
import { inOrderOf } from './in-order.ts'
import { waitingIn } from './inbox.ts'
import { keyOwners } from './key-owners.ts'
import { leases } from './leases.ts'
import { Reading } from './reading.ts'
import type { StatementName } from './statements.ts'
import type { Turns } from './turns.ts'
import { holdsAny, writeChanges } from './write.ts'

/**
 * One writer's door among many. Each transaction has the store to itself from its first question to its commit, so that
 * rules decide on rows that nobody changes meanwhile and the log keeps one order; whoever comes later waits in line.
 */
export class PostgresSession implements StoreSession {
  readonly #turns: Turns
  readonly #shapes = new Shapes()
  readonly #foresight = new Foresight()
  #counters: Counters | null = null
  #holdsArchives = true
  readonly #reading = new Reading((ids) => this.#all('tenantsOf', ids))

  constructor(turns: Turns) {
    this.#turns = turns
  }

  async begin(): Promise<void> {
    const row = await this.#turns.begin((connection) => this.#foresight.ask(connection))
    this.#foresight.expect(this.othersWrote())
    this.#counters = countersOf(row)
    this.#holdsArchives = row[4] === true
  }

  async write(changes: Changes): Promise<{ readonly stale: readonly number[] }> {
    this.#foresight.forget()
    const stale = await writeChanges(this.#turns.connection, this.#shapes, changes)
    if (changes.archive.length > 0) this.#holdsArchives = true
    if (this.#counters !== null) this.#counters = countOn(this.#counters, changes)
    if (holdsAny(changes)) this.#turns.hasWritten()
    return { stale }
  }

  async commit(): Promise<void> {
    this.#counters = null
    await this.#turns.commit()
  }

  async rollback(): Promise<void> {
    this.#counters = null
    this.#foresight.forget()
    await this.#turns.rollback()
  }

  close(): Promise<void> {
    return this.#turns.close()
  }

  othersWrote(): boolean {
    return this.#turns.othersWrote
  }

  caughtUp(): void {
    this.#turns.caughtUp()
  }

  async counters(): Promise<Counters> {
    return this.#counters ?? countersOf((await this.#one('counters')) ?? [])
  }

  async queues(): Promise<readonly Queue[]> {
    return (await this.#all('queues')).map(read.queueOf)
  }

  executions(ids: readonly number[]): Promise<readonly Execution[]> {
    return this.#inOrder('executions', ids, read.executionOf, places.executions)
  }

  requests(ids: readonly number[]): Promise<readonly Request[]> {
    return this.#inOrder('requests', ids, (row) => read.requestOf(row), places.requests)
  }

  keyOwners(lookups: readonly KeyLookup[]): Promise<readonly (KeyOwner | null)[]> {
    return keyOwners((name, ...values) => this.#all(name, ...values), lookups, this.#holdsArchives)
  }

  effects(ids: readonly number[]): Promise<readonly Effect[]> {
    return this.#inOrder('effects', ids, read.effectOf, places.effects)
  }

  steps(ids: readonly number[]): Promise<readonly Step[]> {
    return this.#inOrder('steps', ids, read.stepOf)
  }

  plans(ids: readonly number[]): Promise<readonly Plan[]> {
    return this.#inOrder('plans', ids, planOf)
  }

  planSteps(ids: readonly number[]): Promise<readonly PlanStep[]> {
    return this.#inOrder('planStepsOf', ids, wholePlanStepOf, places.planSteps)
  }

  async planStepsAt(at: readonly { readonly id: number; readonly idx: number }[]): Promise<readonly PlanStep[]> {
    const rows = await this.#all(
      'planStepsAt',
      at.map(({ id }) => id),
      at.map(({ idx }) => idx),
    )
    return this.#reading.all(rows, places.planSteps, wholePlanStepOf)
  }

  votes(ids: readonly number[]): Promise<readonly Vote[]> {
    return this.#inOrder('votes', ids, voteOf, places.votes)
  }

  newestLogs(ids: readonly number[]): Promise<readonly LogLine[]> {
    return this.#inOrder('newestLogs', ids, read.logLineOf, places.logs)
  }

  unreadSignals(ids: readonly number[]): Promise<readonly Signal[]> {
    return this.#inOrder('unreadSignals', ids, signalOf)
  }

  signalHeads(ids: readonly number[]): Promise<readonly SignalHead[]> {
    return this.#inOrder('signalHeads', ids, signalHeadOf)
  }

  childCounts(ids: readonly number[]): Promise<readonly { id: number; count: number }[]> {
    return this.#inOrder('childCounts', ids, (row) => ({ id: row[0] as number, count: row[1] as number }))
  }

  openChildren(id: number, limit: number): Promise<readonly number[]> {
    return this.#keys('openChildren', id, limit)
  }

  fingerprints(ids: readonly number[]): Promise<readonly { id: number; fingerprint: string }[]> {
    return this.#inOrder('fingerprints', ids, (row) => ({ id: row[0] as number, fingerprint: row[1] as string }))
  }

  async ready(queue: number, limit: number): Promise<readonly Ready[]> {
    return (await this.#all('ready', queue, limit)).map(read.readyOf)
  }

  async readyBehind(
    { queue, rank, turn, id }: Parameters<StoreSession['readyBehind']>[0],
    limit: number,
  ): Promise<readonly Ready[]> {
    return (await this.#all('readyBehind', queue, rank, turn, id, limit)).map(read.readyOf)
  }

  async readyHeads(queue: number, rank: number, each: number): Promise<readonly Ready[]> {
    return (await this.#all('readyHeads', queue, rank, each)).map(read.readyOf)
  }

  async parkedHeads(key: string, rank: number, each: number): Promise<readonly Parked[]> {
    return (await this.#all('parkedHeads', key, rank, each)).map(read.parkedOf)
  }

  async turns(pairs: readonly Omit<Turn, 'last'>[]): Promise<readonly number[]> {
    const rows = await this.#all(
      'turns',
      pairs.map(({ queue }) => queue),
      pairs.map(({ rank }) => rank),
      pairs.map(({ tenant }) => tenant),
    )
    return rows.map((row) => row[0] as number)
  }

  async virtualTime(queue: number, rank: number): Promise<number> {
    const [first, newest] = await Promise.all([
      this.#one('firstTurn', queue, rank),
      this.#one('newestTurn', queue, rank),
    ])
    return first === undefined ? ((newest?.[0] ?? 0) as number) : (first[0] as number) - 1
  }

  async dueTimers(now: number, limit: number): Promise<readonly Timer[]> {
    return this.#reading.all(await this.#all('dueTimers', now, limit), places.timers, read.timerOf)
  }

  async nextTimerAt(): Promise<number | null> {
    return ((await this.#one('nextTimerAt'))?.[0] ?? null) as number | null
  }

  expiredLeases(now: number, after: number, limit: number): Promise<readonly number[]> {
    return leases((name) => this.#keys(name, now, after, limit), 'expiredLeases', 'expiredPlanning', limit)
  }

  heldBy(worker: number, after: number, limit: number): Promise<readonly number[]> {
    return leases((name) => this.#keys(name, worker, after, limit), 'heldBy', 'plannedBy', limit)
  }

  doubtedBy(worker: number, after: number, limit: number): Promise<readonly number[]> {
    return this.#keys('doubtedBy', worker, after, limit)
  }

  async parked(key: string, limit: number): Promise<readonly Parked[]> {
    return (await this.#all('parked', key, limit)).map(read.parkedOf)
  }

  async parkedAt(id: number): Promise<Parked | null> {
    const row = await this.#one('parkedAt', id)
    return row === undefined ? null : read.parkedOf(row)
  }

  async permits(tenant: string, key: string): Promise<readonly Permit[]> {
    return (await this.#all('permits', tenant, key)).map(read.permitOf)
  }

  async permitsOf(ids: readonly number[]): Promise<readonly Permit[]> {
    return (await this.#all('permitsOf', ids)).map(read.permitOf)
  }

  holders(): Promise<readonly number[]> {
    return this.#keys('holders')
  }

  async waiters(tenant: string, key: string): Promise<readonly Waiter[]> {
    return (await this.#all('waiters', tenant, key)).map(read.waiterOf)
  }

  async waitersOf(ids: readonly number[]): Promise<readonly Waiter[]> {
    return (await this.#all('waitersOf', ids)).map(read.waiterOf)
  }

  async limits(): Promise<readonly Limit[]> {
    return (await this.#all('limits')).map(read.limitOf)
  }

  async rate(tenant: string, key: string): Promise<RateState | null> {
    const row = await this.#one('rate', tenant, key)
    return row === undefined ? null : read.rateOf(row)
  }

  async dueRates(now: number, limit: number): Promise<readonly RateState[]> {
    return (await this.#all('dueRates', now, limit)).map(read.rateOf)
  }

  async bulk(key: number): Promise<Bulk | null> {
    const row = await this.#one('bulk', key)
    return row === undefined ? null : read.bulkOf(row)
  }

  async nextBulk(): Promise<number> {
    return (await this.#one('nextBulk'))?.[0] as number
  }

  bulkItems(key: number, limit: number): Promise<readonly number[]> {
    return this.#keys('bulkItems', key, limit)
  }

  async depths(): Promise<readonly Depth[]> {
    return (await this.#all('depths')).map(read.depthOf)
  }

  async pauses(): Promise<readonly Pause[]> {
    return this.#reading.all(await this.#all('pauses'), places.pauses, read.pauseOf)
  }

  async pauseIntervals(since: number): Promise<readonly PauseInterval[]> {
    return this.#reading.all(await this.#all('pauseIntervals', since), places.pauseIntervals, read.pauseIntervalOf)
  }

  async pausedTime(): Promise<{ readonly open: number; readonly until: number }> {
    const [open, until] = await Promise.all([this.#one('openPauseIntervalCount'), this.#one('lastPauseEnd')])
    return { open: open?.[0] as number, until: (until?.[0] ?? 0) as number }
  }

  async releases() {
    return this.#reading.all(await this.#all('releases'), places.releases, read.releaseOf)
  }

  async timeoutPolicies() {
    return (await this.#all('timeoutPolicies')).map(read.timeoutPolicyOf)
  }

  async rights(after: number) {
    return (await this.#all('rights', after)).map(rightsChangeOf)
  }

  async policies(ask: PolicyAsk) {
    return (await this.#all(...askPolicies(ask))).map(policyOf)
  }

  async workers(keys: readonly number[] | 'live'): Promise<readonly Worker[]> {
    if (keys !== 'live') return this.#inOrder('workersAt', keys, wholeWorkerOf, places.workers)
    return this.#reading.all(await this.#all('liveWorkers'), places.workers, wholeWorkerOf)
  }

  async leader(epoch: number | 'newest'): Promise<Leader | null> {
    const row = epoch === 'newest' ? await this.#one('leaders', 1) : await this.#one('leaderAt', epoch)
    return row === undefined ? null : leaderOf(row)
  }

  async schedule(tenant: string, name: string) {
    const row = await this.#one('schedule', tenant, name)
    return row === undefined ? null : read.scheduleOf(row)
  }

  async token(id: string): Promise<Token | null> {
    return (await this.#all('token', id)).map(tokenOf)[0] ?? null
  }

  async signIn(hash: string): Promise<SignIn | null> {
    return (await this.#all('signIn', hash)).map(signInOf)[0] ?? null
  }

  async signInsOf(tenant: string, principal: string): Promise<readonly SignIn[]> {
    return (await this.#all('signInsOf', tenant, principal)).map(signInOf)
  }

  async expiredSignIns(now: number, limit: number): Promise<readonly SignIn[]> {
    return (await this.#all('expiredSignIns', now, limit)).map(signInOf)
  }

  async archivable(ask: ArchivableAsk): Promise<{ readonly ids: readonly number[]; readonly next: number | null }> {
    return this.#turns.ask((connection) => archivableIn(connection, ask))
  }

  archived(ids: readonly number[]) {
    return this.#inOrder('archived', ids, archivedOf)
  }

  async quarantine(): Promise<readonly Quarantined[]> {
    const rows = (await this.#all('quarantine')).map(quarantinedOf)
    this.#reading.knows(rows)
    return rows
  }

  async waiting(max: WaitingMax): Promise<Waiting> {
    return waitingIn(await this.#turns.connected(), max)
  }

  #all(name: StatementName, ...values: Value[]): Promise<readonly read.Row[]> {
    return this.#foresight.find(name, values) ?? this.#turns.ask((connection) => connection.all(name, ...values))
  }

  async #one(name: StatementName, ...values: Value[]): Promise<read.Row | undefined> {
    return (await this.#all(name, ...values))[0]
  }

  async #keys(name: StatementName, ...values: Value[]): Promise<readonly number[]> {
    return (await this.#all(name, ...values)).map((row) => row[0] as number)
  }

  /** Rows of many executions, named by their first column, in the order of the keys. */
  async #inOrder<T>(
    name: StatementName,
    ids: readonly number[],
    of: (row: read.Row) => T,
    place: Place = places.rest,
  ): Promise<readonly T[]> {
    const rows = await this.#all(name, ids)
    return this.#reading.all(ids.length < 2 ? rows : inOrderOf(ids, rows), place, of)
  }
}
