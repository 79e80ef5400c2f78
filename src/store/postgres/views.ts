import { Refused } from '../../errors/refusal.ts'
import type { Vote } from '../../execution/approval.ts'
import type { Effect, LogLine, Outcome, Step } from '../../execution/execution.ts'
import { type State, stateCodes, stateOf } from '../../execution/machine.ts'
import type { Permit } from '../../execution/permit.ts'
import type { Plan, PlanStep } from '../../execution/plan.ts'
import type { TimeoutPolicy } from '../../execution/timeout-policy.ts'
import type { PolicyAsk } from '../../policy/policy.ts'
import type { RightsChange } from '../../rights/change.ts'
import type { FeedStanding } from '../feed-standing.ts'
import type { FleetProcess, Leader } from '../fleet.ts'
import { type Quarantined, quarantined } from '../quarantine.ts'
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
import { archivedOf } from '../sqlite/archive.ts'
import { type Place, places, quarantinedOf, wholePlanStepOf, wholeWorkerOf } from '../sqlite/decoding.ts'
import { leaderOf, processOf } from '../sqlite/fleet-rows.ts'
import { logEntryOf, logRowOf, type Whereabouts } from '../sqlite/log-rows.ts'
import { planOf, voteOf } from '../sqlite/plan-rows.ts'
import { askPolicies, policyOf } from '../sqlite/policy-rows.ts'
import { rightsChangeOf } from '../sqlite/rights-rows.ts'
import * as rowsOf from '../sqlite/rows-of.ts'
import { signInOf, tokenOf } from '../sqlite/sign-in-rows.ts'
import type { OnUndecodable } from '../sqlite/views.ts'
import { signalOf } from '../sqlite/waiting-rows.ts'
import type { ExecutionFilter, FailurePattern, Found, ShownSignal, Views } from '../store.ts'
import type { Readers, Value } from './connection.ts'
import { CallersInbox } from './inbox.ts'
import { Reading } from './reading.ts'
import { Searches } from './search.ts'
import { standingOf } from './standing.ts'
import type { StatementName } from './statements.ts'

/** Connections of their own that only read: they see committed rows and never hold up a writer. */
export class PostgresViews implements Views {
  readonly inbox: CallersInbox
  readonly #readers: Readers
  readonly #searches: Searches
  readonly #reading: Reading
  readonly #onUndecodable: OnUndecodable

  constructor(readers: Readers, onUndecodable: OnUndecodable = () => {}) {
    this.inbox = new CallersInbox(readers)
    this.#readers = readers
    this.#searches = new Searches(readers, (rows, read) => this.#read(rows, places.executions, read))
    this.#reading = new Reading((ids) => readers.all('tenantsOf', ids))
    this.#onUndecodable = onUndecodable
  }

  of(tenant: string): PostgresViews {
    return new PostgresViews(this.#readers.of(tenant), this.#onUndecodable)
  }

  standing(now: () => number): Promise<FeedStanding> {
    return standingOf(this.#readers.ofUser(), now)
  }

  async find(id: number): Promise<Found | null> {
    const row = await this.#one('find', id)
    return row === undefined ? null : this.#readOne(row, places.executions, rowsOf.foundOf)
  }

  async list({ tenant, states, action, subject, key, before, limit }: ExecutionFilter): Promise<readonly Found[]> {
    const codes = states === undefined ? null : states.map((state) => stateCodes[state])
    const found: Found[] = []
    for (let below = before ?? Number.MAX_SAFE_INTEGER; ; ) {
      const missing = limit - found.length
      const shared = [below, tenant ?? null, action ?? null, codes, missing] as const
      const rows =
        subject !== undefined
          ? await this.#all('listBySubject', ...shared, subject, key ?? null)
          : key !== undefined
            ? await this.#all('listByKey', ...shared, key)
            : await this.#all('list', ...shared)
      found.push(...(await this.#read(rows, places.executions, rowsOf.foundOf)))
      const last = rows.at(-1)
      // What was left out makes no page shorter: a short one is the last.
      if (found.length === limit || rows.length < missing || last === undefined) return found
      below = last[0] as number
    }
  }

  async search(search: Search): Promise<SearchPage<Found>> {
    return this.#searches.found(search)
  }

  async searchKeys(search: Search): Promise<SearchPage<{ readonly id: number; readonly state: State }>> {
    return this.#searches.keys(search)
  }

  async outcome(id: number): Promise<Outcome | null> {
    const row = await this.#one('outcome', id)
    return row === undefined ? null : ((await this.#read([row], places.outcomes, rowsOf.outcomeOf))[0] ?? null)
  }

  async steps(id: number): Promise<readonly Step[]> {
    return (await this.#all('steps', [id])).map(rowsOf.stepOf)
  }

  async effects(filter: Parameters<Views['effects']>[0]): Promise<readonly Effect[]> {
    const name = filter.open === true ? 'listOpenEffects' : 'listEffects'
    return this.#read(
      await this.#all(name, filter.id ?? null, filter.tenant ?? null, filter.limit),
      places.effects,
      rowsOf.effectOf,
    )
  }

  async plan(id: number): Promise<Plan | null> {
    const row = await this.#one('plans', [id])
    return row === undefined ? null : planOf(row)
  }

  async planSteps(id: number, after: number, limit: number): Promise<readonly PlanStep[]> {
    return this.#read(await this.#all('planSteps', id, after, limit), places.planSteps, wholePlanStepOf)
  }

  async votes(id: number): Promise<readonly Vote[]> {
    return this.#read(await this.#all('votes', [id]), places.votes, voteOf)
  }

  async gated(tenant: string, states: readonly State[], before: number, limit: number): Promise<readonly Found[]> {
    const codes = states.map((state) => stateCodes[state])
    return this.#read(await this.#all('gated', tenant, before, codes, limit), places.executions, rowsOf.foundOf)
  }

  async artifacts(id: number): Promise<readonly Artifact[]> {
    return (await this.#all('artifacts', id)).map(rowsOf.artifactOf)
  }

  async artifactsNamed(sha256s: readonly string[]): Promise<readonly string[]> {
    return (await this.#all('artifactsNamed', sha256s)).map((row) => row[0] as string)
  }

  async logs(id: number, after: number, limit: number, level = 1): Promise<readonly LogLine[]> {
    return this.#read(await this.#all('logs', id, after, limit, level), places.logs, rowsOf.logLineOf)
  }

  async signals(id: number, limit: number): Promise<readonly ShownSignal[]> {
    return (await this.#all('signals', id, limit)).map((row) => ({
      ...signalOf(row),
      takenAt: row[7] as number | null,
    }))
  }

  /** Follows the chain of positions back from the row's head: one log row for each event. */
  async events(id: number, after: number, limit: number): Promise<readonly Event[]> {
    const row = await this.#one('whereabouts', [id])
    if (row === undefined) return []
    const from = whereaboutsOf(row)
    let position = row[2] as number
    const events: Event[] = []
    for (let n = row[1] as number; n > after && position > 0; n -= 1) {
      const found = await this.#one('logRow', position)
      const entry = found === undefined ? null : logEntryOf(found, id, n, () => from)
      if (entry === null) throw new Error(`the log does not hold event ${n} of execution ${id} at position ${position}`)
      events.push(entry.event)
      position = entry.previous
    }
    return events.reverse().slice(0, limit)
  }

  async log(after: number, limit: number, tenant?: string): Promise<readonly LogRow[]> {
    const rows = await this.#all('logAfter', after, tenant ?? null, limit)
    // Only where a row leaves out what follows from other rows are those asked.
    const named = rows.filter((row) => row[10] === null).flatMap((row) => JSON.parse(row[8] as string) as number[])
    const known = new Map<number, Whereabouts>()
    if (named.length > 0) {
      for (const row of await this.#all('whereabouts', [...new Set(named)]))
        known.set(row[0] as number, whereaboutsOf(row))
    }
    return this.#read(rows, places.log, (row) => logRowOf(row, (execution) => known.get(execution) ?? nowhere))
  }

  /** Which executions the log names behind a position, row for row. */
  async changedBehind(
    position: number,
    limit: number,
  ): Promise<readonly { readonly position: number; readonly executions: readonly number[] }[]> {
    const rows = await this.#all('changedBehind', position, limit)
    return rows.map((row) => ({ position: row[0] as number, executions: JSON.parse(row[1] as string) as number[] }))
  }

  async headPosition(): Promise<number> {
    return (await this.#one('headPosition'))?.[0] as number
  }

  async countsByState(tenant?: string): Promise<readonly { action: string; state: State; count: number }[]> {
    const counts = await this.#reading.each(await this.#all('countsByState', tenant ?? null), places.rest, (row) => ({
      action: row[0] as string,
      state: stateOf(row[1] as number),
      count: row[2] as number,
    }))
    return counts.found
  }

  async oldestReadyAt(tenant?: string): Promise<number | null> {
    if (tenant !== undefined) return (await this.#one('oldestReadyAtOf', tenant))?.[0] as number | null
    let oldest: number | null = null
    let first = await this.#one('firstReadyBehind', Number.MIN_SAFE_INTEGER, 0)
    while (first !== undefined) {
      const [queue, rank, availableAt] = first as readonly [number, number, number]
      if (oldest === null || availableAt < oldest) oldest = availableAt
      first = await this.#one('firstReadyBehind', queue, rank)
    }
    return oldest
  }

  async failuresSince(at: number, tenant?: string): Promise<readonly FailurePattern[]> {
    const rows = await this.#all('failuresSince', at, tenant ?? null)
    return (await this.#reading.each(rows, places.rest, rowsOf.failurePatternOf)).found
  }

  async running(tenant?: string, limit = 1000): Promise<readonly Found[]> {
    return this.#read(await this.#all('running', tenant ?? null, limit), places.executions, rowsOf.foundOf)
  }

  async bulk(key: number): Promise<Bulk | null> {
    const row = await this.#one('bulk', key)
    return row === undefined ? null : rowsOf.bulkOf(row)
  }

  async bulkItems(key: number, limit: number): Promise<readonly number[]> {
    return (await this.#all('bulkItems', key, limit)).map((row) => row[0] as number)
  }

  async bulkRefusals(key: number): Promise<readonly { readonly code: string; readonly count: number }[]> {
    return (await this.#all('bulkRefusals', key)).map((row) => ({ code: row[0] as string, count: row[1] as number }))
  }

  async bulks(tenant: string): Promise<readonly Bulk[]> {
    return (await this.#all('bulks', tenant)).map(rowsOf.bulkOf)
  }

  async openBulks(): Promise<readonly Bulk[]> {
    return (await this.#all('openBulks')).map(rowsOf.bulkOf)
  }

  async parkedUnder(id: number): Promise<string | null> {
    return ((await this.#one('parkedUnder', id))?.[0] ?? null) as string | null
  }

  async pauses(): Promise<readonly Pause[]> {
    return this.#read(await this.#all('pauses'), places.pauses, rowsOf.pauseOf)
  }

  async permits({ tenant, key, limit }: Parameters<Views['permits']>[0]): Promise<readonly Permit[]> {
    return (await this.#all('listPermits', tenant ?? null, key ?? null, limit)).map(rowsOf.permitOf)
  }

  async permitsOf(id: number): Promise<readonly Permit[]> {
    return (await this.#all('permitsOf', [id])).map(rowsOf.permitOf)
  }

  async waiters(tenant: string, key: string): Promise<readonly Waiter[]> {
    return (await this.#all('waiters', tenant, key)).map(rowsOf.waiterOf)
  }

  async waitersOf(id: number): Promise<readonly Waiter[]> {
    return (await this.#all('waitersOf', [id])).map(rowsOf.waiterOf)
  }

  async parked(key: string, limit: number): Promise<readonly Parked[]> {
    return (await this.#all('parked', key, limit)).map(rowsOf.parkedOf)
  }

  async parkedAt(id: number): Promise<{ readonly parked: Parked; readonly before: number } | null> {
    const row = await this.#one('parkedAt', id)
    if (row === undefined) return null
    const parked = rowsOf.parkedOf(row)
    const [before] = (await this.#one('parkedBefore', parked.key, parked.rank, parked.turn, id)) ?? []
    return { parked, before: before as number }
  }

  async limits(tenant?: string): Promise<readonly Limit[]> {
    return (await this.#all('limits'))
      .map(rowsOf.limitOf)
      .filter((limit) => tenant === undefined || limit.tenant === tenant || limit.tenant === '')
  }

  async releases(): Promise<readonly Release[]> {
    return this.#read(await this.#all('releases'), places.releases, rowsOf.releaseOf)
  }

  async timeoutPolicies(): Promise<readonly TimeoutPolicy[]> {
    return (await this.#all('timeoutPolicies')).map(rowsOf.timeoutPolicyOf)
  }

  async workers(): Promise<readonly Worker[]> {
    return this.#read(await this.#all('allWorkers'), places.workers, wholeWorkerOf)
  }

  async leaders(limit: number): Promise<readonly Leader[]> {
    return (await this.#all('leaders', limit)).map(leaderOf)
  }

  async processes(): Promise<readonly FleetProcess[]> {
    return (await this.#all('processes')).map(processOf)
  }

  async queues(): Promise<readonly Queue[]> {
    return (await this.#all('queues')).map(rowsOf.queueOf)
  }

  async tokens(): Promise<readonly Token[]> {
    return (await this.#all('tokens')).map(tokenOf)
  }

  async token(id: string): Promise<Token | null> {
    return (await this.#all('token', id)).map(tokenOf)[0] ?? null
  }

  async signIn(hash: string): Promise<SignIn | null> {
    return (await this.#all('signIn', hash)).map(signInOf)[0] ?? null
  }

  async rights(after: number): Promise<readonly RightsChange[]> {
    return (await this.#all('rights', after)).map(rightsChangeOf)
  }

  async policies(ask: PolicyAsk) {
    return (await this.#all(...askPolicies(ask))).map(policyOf)
  }

  async archived(id: number): Promise<Archived | null> {
    const row = await this.#one('archived', [id])
    return row === undefined ? null : archivedOf(row)
  }

  async archives(tenant: string, before: number, limit: number): Promise<readonly ArchiveEntry[]> {
    return (await this.#all('archives', tenant, before, limit)).map(rowsOf.archiveEntryOf)
  }

  async quarantine(): Promise<readonly Quarantined[]> {
    return (await this.#all('quarantine')).map(quarantinedOf)
  }

  async schedules(tenant: string, after: string, limit: number): Promise<readonly Schedule[]> {
    return (await this.#all('schedules', tenant, after, limit)).map(rowsOf.scheduleOf)
  }

  async schedule(tenant: string, name: string): Promise<Schedule | null> {
    const row = await this.#one('schedule', tenant, name)
    return row === undefined ? null : rowsOf.scheduleOf(row)
  }

  async dueSchedules(now: number, limit: number): Promise<readonly Schedule[]> {
    return (await this.#all('dueSchedules', now, limit)).map(rowsOf.scheduleOf)
  }

  close(): Promise<void> {
    return this.#readers.close()
  }

  /** Leaves out what cannot be read, and tells of it. */
  async #read<T>(rows: readonly rowsOf.Row[], place: Place, read: (row: rowsOf.Row) => T): Promise<readonly T[]> {
    const { found, undecodable } = await this.#reading.each(rows, place, read)
    if (undecodable.length > 0) this.#onUndecodable(undecodable)
    return found
  }

  /** @throws Refused `quarantined` */
  async #readOne<T>(row: rowsOf.Row, place: Place, read: (row: rowsOf.Row) => T): Promise<T> {
    const { found, undecodable } = await this.#reading.each([row], place, read)
    const [bad] = undecodable
    if (bad !== undefined) {
      this.#onUndecodable(undecodable)
      throw new Refused(quarantined(bad))
    }
    return found[0] as T
  }

  #one(name: StatementName, ...values: Value[]): Promise<rowsOf.Row | undefined> {
    return this.#readers.one(name, ...values)
  }

  #all(name: StatementName, ...values: Value[]): Promise<readonly rowsOf.Row[]> {
    return this.#readers.all(name, ...values)
  }
}

const whereaboutsOf = (row: rowsOf.Row): Whereabouts => ({ requested: row[4] as number, fence: row[3] as number })
const nowhere: Whereabouts = { requested: 0, fence: 0 }
