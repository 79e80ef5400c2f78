import { rerunAdmission } from '../admit/rerun.ts'
import type { Admission } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { State } from '../execution/machine.ts'
import { publicId } from '../identity/public-id.ts'
import type { ExecutionView } from '../projections/view.ts'
import { timeText } from '../projections/view.ts'
import type { Bulk } from '../store/rows.ts'
import type { Condition } from '../store/search.ts'
import type { Clock } from '../time/clock.ts'
import type { Caller, ControlPlane } from './control-plane.ts'

/** Told of what waits for the store. */
export type BulkLog = (level: 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void

export interface BulkRequest {
  readonly command: Bulk['command']
  /** As it was written, and what it means. */
  readonly query: string
  readonly where: readonly Condition[]
  readonly reason: string | null
}

export interface BulkPreview {
  readonly count: number
  readonly byState: Readonly<Partial<Record<State, number>>>
  /** The newest twenty. */
  readonly items: readonly ExecutionView[]
}

/** The most executions of one bulk command. */
export const bulkMax = 1_000_000
const pageKeys = 5_000
const partItems = 200
const restMs = 1_000
const previewItems = 20

export type BulkView = ReturnType<typeof bulkView>

export interface BulkReport extends BulkView {
  /** How often each code refused, the most frequent first; empty until the command is over. */
  readonly refusals: Readonly<Record<string, number>>
}

export const bulkView = ({ key, createdAt, finishedAt, ...bulk }: Bulk) => ({
  id: String(key),
  ...bulk,
  createdAt: timeText(createdAt),
  finishedAt: finishedAt === null ? null : timeText(finishedAt),
})

/**
 * Commands on everything that a query finds when it is given. The snapshot is stored before the first of it is commanded;
 * what appears afterwards is not touched, and a restart goes on where the store stands.
 */
export class BulkCommands {
  readonly #plane: ControlPlane
  readonly #clock: Clock
  readonly #log: BulkLog
  readonly #running = new Set<number>()
  readonly #stop = new AbortController()
  #work: Promise<unknown> = Promise.resolve()

  constructor(plane: ControlPlane, clock: Clock, log: BulkLog) {
    this.#plane = plane
    this.#clock = clock
    this.#log = log
  }

  async preview({ where }: BulkRequest, by: Caller): Promise<BulkPreview | Refusal> {
    const found = await this.#snapshot(where, by.tenant)
    if (isRefusal(found)) return found
    const byState: Partial<Record<State, number>> = {}
    for (const { state } of found) byState[state] = (byState[state] ?? 0) + 1
    const items: ExecutionView[] = []
    for (const { id } of found.slice(0, previewItems)) {
      const view = await this.#plane.get(publicId(id, this.#plane.host.idKey), by)
      if (!isRefusal(view)) items.push(view)
    }
    return { count: found.length, byState, items }
  }

  async start(request: BulkRequest, by: Caller): Promise<BulkView | Refusal> {
    const { command, query, where, reason } = request
    if (command === 'redrive' && reason === null) return refuse('invalid_input', 'A redrive says why: give a reason.')
    const found = await this.#snapshot(where, by.tenant)
    if (isRefusal(found)) return found
    const { orders } = this.#plane.host
    const bulk = { command, query, reason, tenant: by.tenant, by: by.principal }
    let answer = await orders.give<'bulk_open'>({ kind: 'bulk_open', bulk })
    for (let from = 0; !isRefusal(answer) && (from === 0 || from < found.length); from += pageKeys) {
      const executions = found.slice(from, from + pageKeys).map(({ id }) => id)
      const isLast = from + pageKeys >= found.length
      answer = await orders.give<'bulk_fill'>({ kind: 'bulk_fill', key: answer.key, executions, isLast })
    }
    if (isRefusal(answer)) return answer
    this.#begin(answer)
    return bulkView(answer)
  }

  async get(id: string, by: Caller): Promise<BulkReport | Refusal> {
    const views = this.#plane.host.views.of(by.tenant)
    const bulk = /^\d{1,15}$/.test(id) ? await views.bulk(Number(id)) : null
    if (bulk === null || bulk.tenant !== by.tenant) {
      return refuse('not_found', `There is no bulk command ${id.slice(0, 40)}.`)
    }
    const refusals = bulk.refused > 0 && bulk.finishedAt !== null ? await views.bulkRefusals(bulk.key) : []
    return { ...bulkView(bulk), refusals: Object.fromEntries(refusals.map(({ code, count }) => [code, count])) }
  }

  /** Newest first. */
  async list(by: Caller): Promise<BulkView[]> {
    return (await this.#plane.host.views.of(by.tenant).bulks(by.tenant)).map(bulkView)
  }

  /** What is done stays done; the rest is left alone. */
  async cancel(id: string, by: Caller): Promise<BulkView | Refusal> {
    const found = await this.get(id, by)
    if (isRefusal(found)) return found
    const order = { kind: 'bulk_cancel' as const, key: Number(id), tenant: by.tenant }
    const answer = await this.#plane.host.orders.give<'bulk_cancel'>(order)
    return isRefusal(answer) ? answer : bulkView(answer)
  }

  /**
   * Goes on with what another process left; a snapshot that was begun before a time and is not complete was never answered,
   * and is closed.
   */
  async resume(abandonedBefore: number): Promise<void> {
    const { views, orders } = this.#plane.host
    for (const bulk of await views.openBulks()) {
      if (bulk.state === 'running') this.#begin(bulk)
      else if (bulk.createdAt < abandonedBefore)
        await orders.give<'bulk_cancel'>({ kind: 'bulk_cancel', key: bulk.key, tenant: bulk.tenant })
    }
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#work
  }

  #begin(bulk: Bulk): void {
    if (bulk.state !== 'running' || this.#running.has(bulk.key) || this.#stop.signal.aborted) return
    this.#running.add(bulk.key)
    this.#work = Promise.all([this.#work, this.#workOff(bulk).finally(() => this.#running.delete(bulk.key))])
  }

  async #workOff(bulk: Bulk): Promise<void> {
    const { signal } = this.#stop
    while (!signal.aborted) {
      try {
        const admissions = bulk.command === 'rerun' ? await this.#admissions(bulk) : []
        const order = { kind: 'bulk_work' as const, key: bulk.key, limit: partItems, admissions }
        const answer = await this.#plane.host.orders.give<'bulk_work'>(order)
        if (isRefusal(answer) || answer.state !== 'running') return
      } catch (thrown) {
        this.#log('warn', `Bulk command ${bulk.key} waits: ${classify(thrown).message}`, {})
        await this.#clock.sleep(restMs, signal).catch(() => {})
      }
    }
  }

  async #admissions({ key, tenant, by }: Bulk): Promise<[number, Admission | Refusal][]> {
    const ids = await this.#plane.host.views.of(tenant).bulkItems(key, partItems)
    await this.#plane.policies.refresh({ tenant })
    const caller = { principal: by, tenant }
    return Promise.all(
      ids.map(async (id): Promise<[number, Admission | Refusal]> => [id, await this.#admission(id, caller)]),
    )
  }

  async #admission(id: number, by: Caller): Promise<Admission | Refusal> {
    const found = await this.#plane.host.views.of(by.tenant).find(id)
    if (found === null || found.execution.tenant !== by.tenant) {
      return refuse('not_found', 'The execution is not there any more.')
    }
    return rerunAdmission(found.request, (request) => this.#plane.check(request, by))
  }

  async #snapshot(
    where: readonly Condition[],
    tenant: string,
  ): Promise<readonly { readonly id: number; readonly state: State }[] | Refusal> {
    const all: { id: number; state: State }[] = []
    for (let before: number | undefined; ; ) {
      const { found, next } = await this.#plane.host.views
        .of(tenant)
        .searchKeys({ tenant, where, before, limit: pageKeys })
      for (const one of found) all.push(one)
      if (all.length > bulkMax) {
        return refuse('too_many_items', `The query finds more than ${bulkMax} executions.`, { max: bulkMax })
      }
      if (next === null) return all
      before = next
    }
  }
}
