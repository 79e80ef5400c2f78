import type { DatabaseSync, SQLInputValue } from 'node:sqlite'
import { Refused } from '../../errors/refusal.ts'
import type { Vote } from '../../execution/approval.ts'
import type { Effect, LogLine, Outcome, Step } from '../../execution/execution.ts'
import { type State, stateCodes, stateOf } from '../../execution/machine.ts'
import type { Permit } from '../../execution/permit.ts'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import type { TimeoutPolicy } from '../../execution/timeout-policy.ts'
import type { PolicyAsk } from '../../policy/policy.ts'
import type { RightsChange } from '../../rights/change.ts'
import type { FleetProcess, Leader } from '../fleet.ts'
import { type Quarantined, quarantined, type UndecodableRow } from '../quarantine.ts'
import type {
  Archived,
  ArchiveEntry,
  Artifact,
  Bulk,
  Event,
  Limit,
  LogRow,
  Parked,
  Pause,
  Queue,
  Release,
  Schedule,
  Waiter,
  Worker,
} from '../rows.ts'
import type { Search, SearchPage } from '../search.ts'
import type { SignIn, Token } from '../sign-in.ts'
import type { ExecutionFilter, FailurePattern, Found, ShownSignal, Views } from '../store.ts'
import { archivedOf } from './archive.ts'
import { Decoding, type Place, places, quarantinedOf, wholePlanStepOf, wholeWorkerOf } from './decoding.ts'
import { inPlainWords } from './failures.ts'
import { leaderOf, processOf } from './fleet-rows.ts'
import { logEntryOf, logRowOf, type Whereabouts } from './log-rows.ts'
import { planOf, voteOf } from './plan-rows.ts'
import { askPolicies, policyOf } from './policy-rows.ts'
import type { Prepared } from './prepared.ts'
import { rightsChangeOf } from './rights-rows.ts'
import * as rowsOf from './rows-of.ts'
import { Searches } from './search.ts'
import { signInOf, tokenOf } from './sign-in-rows.ts'
import type { StatementName } from './statements.ts'
import { signalOf } from './waiting-rows.ts'

/** Told what a view could not read and has left out. */
export type OnUndecodable = (rows: readonly UndecodableRow[]) => void

/** A connection of its own that only reads: it sees committed rows and never holds up the writer. */
export class SqliteViews implements Views {
  readonly #db: DatabaseSync
  readonly #prepared: Prepared
  readonly #searches: Searches
  readonly #decoding: Decoding
  readonly #onUndecodable: OnUndecodable

  constructor(db: DatabaseSync, prepared: Prepared, onUndecodable: OnUndecodable = () => {}) {
    this.#db = db
    this.#searches = new Searches(db, (rows, read) => this.#read(rows, places.executions, read))
    this.#prepared = prepared
    this.#decoding = new Decoding((id) => (prepared.one('tenantOf', id)?.[0] ?? null) as string | null)
    this.#onUndecodable = onUndecodable
  }

  /** The file belongs to one process, which asks for whom it means. */
  of(_tenant: string): this {
    return this
  }

  find(id: number): Found | null {
    const row = this.#one('find', id)
    return row === undefined ? null : this.#readOne(row, places.executions, rowsOf.foundOf)
  }

  list({ tenant, states, action, subject, key, before, limit }: ExecutionFilter): readonly Found[] {
    const codes = states === undefined ? null : JSON.stringify(states.map((state) => stateCodes[state]))
    const found: Found[] = []
    for (let below = before ?? Number.MAX_SAFE_INTEGER; ; ) {
      const missing = limit - found.length
      const shared = [below, tenant ?? null, action ?? null, codes, missing] as const
      const rows =
        subject !== undefined
          ? this.#all('listBySubject', ...shared, subject, key ?? null)
          : key !== undefined
            ? this.#all('listByKey', ...shared, key)
            : this.#all('list', ...shared)
      found.push(...this.#read(rows, places.executions, rowsOf.foundOf))
      const last = rows.at(-1)
      // What was left out makes no page shorter: a short one is the last.
      if (found.length === limit || rows.length < missing || last === undefined) return found
      below = last[0] as number
    }
  }

  search(search: Search): SearchPage<Found> {
    return this.#attempt(() => this.#searches.found(search))
  }

  searchKeys(search: Search): SearchPage<{ readonly id: number; readonly state: State }> {
    return this.#attempt(() => this.#searches.keys(search))
  }

  outcome(id: number): Outcome | null {
    const row = this.#one('outcome', id)
    return row === undefined ? null : (this.#read([row], places.outcomes, rowsOf.outcomeOf)[0] ?? null)
  }

  steps(id: number): readonly Step[] {
    return this.#all('steps', id).map(rowsOf.stepOf)
  }

  effects(filter: Parameters<Views['effects']>[0]): readonly Effect[] {
    const name = filter.open === true ? 'listOpenEffects' : 'listEffects'
    const rows = this.#all(name, filter.id ?? null, filter.tenant ?? null, filter.limit)
    return this.#read(rows, places.effects, rowsOf.effectOf)
  }

  plan(id: number): Plan | null {
    const row = this.#one('plan', id)
    return row === undefined ? null : planOf(row)
  }

  planSteps(id: number, after: number, limit: number): readonly PlanStep[] {
    return this.#read(this.#all('planSteps', id, after, limit), places.planSteps, wholePlanStepOf)
  }

  votes(id: number): readonly Vote[] {
    return this.#read(this.#all('votes', id), places.votes, voteOf)
  }

  gated(tenant: string, states: readonly State[], before: number, limit: number): readonly Found[] {
    const codes = JSON.stringify(states.map((state) => stateCodes[state]))
    return this.#read(this.#all('gated', tenant, before, codes, limit), places.executions, rowsOf.foundOf)
  }

  artifacts(id: number): readonly Artifact[] {
    return this.#all('artifacts', id).map(rowsOf.artifactOf)
  }

  artifactsNamed(sha256s: readonly string[]): readonly string[] {
    return sha256s.filter((sha256) => this.#one('artifactNamed', sha256) !== undefined)
  }

  logs(id: number, after: number, limit: number, level = 1): readonly LogLine[] {
    return this.#read(this.#all('logs', id, after, limit, level), places.logs, rowsOf.logLineOf)
  }

  signals(id: number, limit: number): readonly ShownSignal[] {
    return this.#all('signals', id, limit).map((row) => ({ ...signalOf(row), takenAt: row[7] as number | null }))
  }

  /** Follows the chain of positions back from the row's head: one log row for each event. */
  events(id: number, after: number, limit: number): readonly Event[] {
    const row = this.#one('whereabouts', id)
    if (row === undefined) return []
    let position = row[1] as number
    const events: Event[] = []
    for (let n = row[0] as number; n > after && position > 0; n -= 1) {
      const entry = this.#entry(id, n, position)
      events.push(entry.event)
      position = entry.previous
    }
    return events.reverse().slice(0, limit)
  }

  log(after: number, limit: number, tenant?: string): readonly LogRow[] {
    const known = new Map<number, Whereabouts>()
    return this.#read(this.#all('logAfter', after, tenant ?? null, limit), places.log, (row) =>
      logRowOf(row, (execution) => {
        const found = known.get(execution) ?? this.#whereabouts(execution)
        known.set(execution, found)
        return found
      }),
    )
  }

  headPosition(): number {
    return this.#one('headPosition')?.[0] as number
  }

  countsByState(tenant?: string): readonly { action: string; state: State; count: number }[] {
    const counts = this.#decoding.each(this.#all('countsByState', tenant ?? null), places.rest, (row) => ({
      action: row[0] as string,
      state: stateOf(row[1] as number),
      count: row[2] as number,
    }))
    return counts.found
  }

  oldestReadyAt(tenant?: string): number | null {
    if (tenant !== undefined) return this.#one('oldestReadyAtOf', tenant)?.[0] as number | null
    let oldest: number | null = null
    let first = this.#one('firstReadyBehind', Number.MIN_SAFE_INTEGER, 0)
    while (first !== undefined) {
      const [queue, rank, availableAt] = first as readonly [number, number, number]
      if (oldest === null || availableAt < oldest) oldest = availableAt
      first = this.#one('firstReadyBehind', queue, rank)
    }
    return oldest
  }

  failuresSince(at: number, tenant?: string): readonly FailurePattern[] {
    return this.#decoding.each(this.#all('failuresSince', at, tenant ?? null), places.rest, rowsOf.failurePatternOf)
      .found
  }

  running(tenant?: string, limit = 1000): readonly Found[] {
    return this.#read(this.#all('running', tenant ?? null, limit), places.executions, rowsOf.foundOf)
  }

  bulk(key: number): Bulk | null {
    const row = this.#one('bulk', key)
    return row === undefined ? null : rowsOf.bulkOf(row)
  }

  bulkItems(key: number, limit: number): readonly number[] {
    return this.#all('bulkItems', key, limit).map((row) => row[0] as number)
  }

  bulkRefusals(key: number): readonly { readonly code: string; readonly count: number }[] {
    return this.#all('bulkRefusals', key).map((row) => ({ code: row[0] as string, count: row[1] as number }))
  }

  bulks(tenant: string): readonly Bulk[] {
    return this.#all('bulks', tenant).map(rowsOf.bulkOf)
  }

  openBulks(): readonly Bulk[] {
    return this.#all('openBulks').map(rowsOf.bulkOf)
  }

  parkedUnder(id: number): string | null {
    return (this.#one('parkedUnder', id)?.[0] ?? null) as string | null
  }

  pauses(): readonly Pause[] {
    return this.#read(this.#all('pauses'), places.pauses, rowsOf.pauseOf)
  }

  permits({ tenant, key, limit }: Parameters<Views['permits']>[0]): readonly Permit[] {
    return this.#all('listPermits', tenant ?? null, key ?? null, limit).map(rowsOf.permitOf)
  }

  permitsOf(id: number): readonly Permit[] {
    return this.#all('permitsOf', id).map(rowsOf.permitOf)
  }

  waiters(tenant: string, key: string): readonly Waiter[] {
    return this.#all('waiters', tenant, key).map(rowsOf.waiterOf)
  }

  waitersOf(id: number): readonly Waiter[] {
    return this.#all('waitersOf', id).map(rowsOf.waiterOf)
  }

  parked(key: string, limit: number): readonly Parked[] {
    return this.#all('parked', key, limit).map(rowsOf.parkedOf)
  }

  parkedAt(id: number): { readonly parked: Parked; readonly before: number } | null {
    const row = this.#one('parkedAt', id)
    if (row === undefined) return null
    const parked = rowsOf.parkedOf(row)
    const [before] = this.#one('parkedBefore', parked.key, parked.rank, parked.turn, id) ?? []
    return { parked, before: before as number }
  }

  limits(tenant?: string): readonly Limit[] {
    return this.#all('limits')
      .map(rowsOf.limitOf)
      .filter((limit) => tenant === undefined || limit.tenant === tenant || limit.tenant === '')
  }

  releases(): readonly Release[] {
    return this.#read(this.#all('releases'), places.releases, rowsOf.releaseOf)
  }

  timeoutPolicies(): readonly TimeoutPolicy[] {
    return this.#all('timeoutPolicies').map(rowsOf.timeoutPolicyOf)
  }

  workers(): readonly Worker[] {
    return this.#read(this.#all('workers'), places.workers, wholeWorkerOf)
  }

  leaders(limit: number): readonly Leader[] {
    return this.#all('leaders', limit).map(leaderOf)
  }

  processes(): readonly FleetProcess[] {
    return this.#all('processes').map(processOf)
  }

  queues(): readonly Queue[] {
    return this.#all('queues').map(rowsOf.queueOf)
  }

  tokens(): readonly Token[] {
    return this.#all('tokens').map(tokenOf)
  }

  token(id: string): Token | null {
    return this.#all('token', id).map(tokenOf)[0] ?? null
  }

  signIn(hash: string): SignIn | null {
    return this.#all('signIn', hash).map(signInOf)[0] ?? null
  }

  rights(after: number): readonly RightsChange[] {
    return this.#all('rights', after).map(rightsChangeOf)
  }

  policies(ask: PolicyAsk) {
    return this.#all(...askPolicies(ask)).map(policyOf)
  }

  archived(id: number): Archived | null {
    const row = this.#one('archived', id)
    return row === undefined ? null : archivedOf(row)
  }

  archives(tenant: string, before: number, limit: number): readonly ArchiveEntry[] {
    return this.#all('archives', tenant, before, limit).map(rowsOf.archiveEntryOf)
  }

  quarantine(): readonly Quarantined[] {
    return this.#all('quarantine').map(quarantinedOf)
  }

  schedules(tenant: string, after: string, limit: number): readonly Schedule[] {
    return this.#all('schedules', tenant, after, limit).map(rowsOf.scheduleOf)
  }

  schedule(tenant: string, name: string): Schedule | null {
    const row = this.#one('schedule', tenant, name)
    return row === undefined ? null : rowsOf.scheduleOf(row)
  }

  dueSchedules(now: number, limit: number): readonly Schedule[] {
    return this.#all('dueSchedules', now, limit).map(rowsOf.scheduleOf)
  }

  close(): void {
    if (this.#db.isOpen) this.#db.close()
  }

  #entry(id: number, n: number, position: number): { event: Event; previous: number } {
    const row = this.#one('logRow', position)
    const entry = row === undefined ? null : logEntryOf(row, id, n, () => this.#whereabouts(id))
    if (entry === null) throw new Error(`the log does not hold event ${n} of execution ${id} at position ${position}`)
    return entry
  }

  #whereabouts(id: number): Whereabouts {
    const row = this.#one('whereabouts', id)
    return { requested: row?.[3] as number, fence: row?.[2] as number }
  }

  /** Leaves out what cannot be read, and tells of it. */
  #read<T>(rows: readonly rowsOf.Row[], place: Place, read: (row: rowsOf.Row) => T): readonly T[] {
    try {
      return rows.map(read)
    } catch {
      const { found, undecodable } = this.#decoding.each(rows, place, read)
      if (undecodable.length > 0) this.#onUndecodable(undecodable)
      return found
    }
  }

  /** @throws Refused `quarantined` */
  #readOne<T>(row: rowsOf.Row, place: Place, read: (row: rowsOf.Row) => T): T {
    const { found, undecodable } = this.#decoding.each([row], place, read)
    const [one] = found
    const [bad] = undecodable
    if (bad !== undefined) {
      this.#onUndecodable(undecodable)
      throw new Refused(quarantined(bad))
    }
    return one as T
  }

  #one(name: StatementName, ...values: SQLInputValue[]): rowsOf.Row | undefined {
    return this.#attempt(() => this.#prepared.one(name, ...values))
  }

  #all(name: StatementName, ...values: SQLInputValue[]): readonly rowsOf.Row[] {
    return this.#attempt(() => this.#prepared.all(name, ...values))
  }

  #attempt<T>(work: () => T): T {
    try {
      return work()
    } catch (thrown) {
      throw inPlainWords(thrown)
    }
  }
}
