import type { ActionRegistry } from '../action/action.ts'
import { checkRequest, type SubmitRequest } from '../admit/request.ts'
import { rerunAdmission } from '../admit/rerun.ts'
import { Archives } from '../archive/archives.ts'
import { admittedOf } from '../commit/admission.ts'
import type { StoreHost } from '../commit/host.ts'
import type { Admission, Answer } from '../commit/order.ts'
import { Watchers } from '../commit/watchers.ts'
import { isRefusal, orThrow, type Refusal, refuse } from '../errors/refusal.ts'
import type { PersonCommand } from '../execution/command.ts'
import { isTerminal } from '../execution/machine.ts'
import { internalId, publicId } from '../identity/public-id.ts'
import {
  type EventView,
  type ExecutionView,
  effectView,
  eventViews,
  executionView,
  type Naming,
  stepView,
} from '../projections/view.ts'
import { Schedules } from '../schedule/schedules.ts'
import type { Transaction } from '../store/inbox.ts'
import type { PauseScope } from '../store/rows.ts'
import { conditionsOf, type FieldQuery } from '../store/search.ts'
import type { Found } from '../store/store.ts'
import type { RetryPolicy } from '../time/backoff.ts'
import type { Clock } from '../time/clock.ts'
import { Kept, type KeptOptions } from './kept.ts'
import { Policies } from './policies.ts'
import { type Ticket, Tickets } from './tickets.ts'
import { WhoMay } from './who-may.ts'

/** Who calls, for which tenant. What they may do is decided before the control plane is reached. */
export interface Caller {
  readonly principal: string
  readonly tenant: string
  /** May replace only what it has asked for itself (`dedupe`). */
  readonly ownOnly?: boolean | undefined
  /** What they are a member of beside their role, where votes of a group are asked for. */
  readonly groups?: readonly string[] | undefined
}

export interface Submitted {
  readonly execution: ExecutionView
  /** The idempotency key was known: this is the first execution, not a new one. */
  readonly replayed: boolean
}

export interface ControlPlaneOptions extends KeptOptions {
  readonly host: StoreHost
  readonly actions: ActionRegistry
  readonly clock: Clock
  readonly retryPolicy: RetryPolicy
  readonly newTraceId: () => string
  /** Executions of one tenant that may run at the same time; no limit without it. */
  readonly tenantConcurrency?: number | null | undefined
  /** The most that may wait of one tenant. */
  readonly queueMax?: number | undefined
}

export interface ListQuery extends FieldQuery {
  readonly cursor?: string | undefined
  readonly limit?: number | undefined
}

const pageMax = 500
/** The most executions of one `submitMany`. */
export const submitManyMax = 10_000
const eventsPageMax = 1_000

/** What people and programs hold: submit, look, command. Every public id is resolved here, within the caller's tenant. */
export class ControlPlane {
  readonly host: StoreHost
  readonly actions: ActionRegistry
  readonly schedules: Schedules
  readonly archives: Archives
  readonly #options: ControlPlaneOptions
  readonly #watchers: Watchers
  readonly #tickets: Tickets
  /** What runs leave behind. */
  readonly kept: Kept<Caller>
  /** Who may do what. */
  readonly whoMay: WhoMay
  readonly policies: Policies

  constructor(options: ControlPlaneOptions) {
    this.#options = options
    this.#watchers = new Watchers(options.host)
    this.host = options.host
    this.#tickets = new Tickets({ clock: options.clock, idKey: options.host.idKey, inbox: options.host.inbox })
    this.actions = options.actions
    this.whoMay = new WhoMay(options)
    this.policies = new Policies(options)
    this.archives = new Archives({ ...options.host, clock: options.clock })
    const { views } = options.host
    this.kept = new Kept({ ...options, views, find: (id, by) => this.find(id, by) })
    this.schedules = new Schedules({
      orders: options.host.orders,
      views,
      check: this.check,
      policies: this.policies,
      clock: options.clock,
      newId: options.newTraceId,
    })
  }

  /** What else of this process people must know: each says it in a few words, or null while all is well. */
  readonly notices: (() => string | null)[] = []

  /** Checks a request without submitting it. */
  readonly check = async (request: SubmitRequest, by: Caller): Promise<Admission | Refusal> => {
    const { clock, retryPolicy, newTraceId, tenantConcurrency, queueMax } = this.#options
    const kin = request.parentId === undefined ? undefined : await this.find(request.parentId, by)
    if (isRefusal(kin)) return kin
    const parent = kin === undefined ? undefined : { id: kin.execution.id, depth: kin.request.depth }
    const limits = { tenantConcurrency, queueMax, parent, policy: this.policies.of(by.tenant) }
    const rules = { actions: this.actions, retryPolicy, now: clock.now(), newTraceId, ...limits }
    return await checkRequest(request, by, rules)
  }

  /** @throws Refused */
  async submit(request: SubmitRequest, by: Caller): Promise<Submitted> {
    return orThrow(await this.trySubmit(request, by))
  }

  async trySubmit(request: SubmitRequest, by: Caller): Promise<Submitted | Refusal> {
    return this.policies.underNewest(async () => {
      const admission = await this.check(request, by)
      if (isRefusal(admission)) return admission
      return this.#submitted(admission, await this.host.orders.give({ kind: 'admit', admission }))
    })
  }

  /** Leaves a checked request in a transaction that the caller holds open on the store's own database. */
  async submitWithin(tx: Transaction, request: SubmitRequest, by: Caller): Promise<Ticket | Refusal> {
    await this.policies.refresh(by)
    const admission = await this.check(request, by)
    return isRefusal(admission) ? admission : this.#tickets.leave(admission, tx)
  }

  /**
   * Each is answered for itself, in their order; a refused one keeps none of the others from being admitted. They are one
   * order and one commit, unless the store cannot write some of them: those are refused (`not_stored`), and the others are
   * committed in parts.
   */
  async submitMany(requests: readonly SubmitRequest[], by: Caller): Promise<(Submitted | Refusal)[] | Refusal> {
    if (requests.length > submitManyMax) {
      const details = { given: requests.length, max: submitManyMax }
      return refuse('too_many_items', `One call submits ${submitManyMax} executions at most.`, details)
    }
    const checked = await Promise.all(requests.map((request) => this.check(request, by)))
    const admissions = checked.filter((each): each is Admission => !isRefusal(each))
    const given = admissions.length === 0 ? [] : await this.host.orders.give({ kind: 'admit_many', admissions })
    if (isRefusal(given)) return given
    const answers = given.values()
    return Promise.all(
      checked.map(async (admission, index) => {
        if (isRefusal(admission)) return admission
        const { value: answer } = answers.next()
        if (answer === undefined) throw new Error('an admission was not answered')
        const request = requests[index]
        const isLate = request !== undefined && isRefusal(answer) && answer.code === 'policy_replaced'
        return isLate ? this.trySubmit(request, by) : this.#submitted(admission, answer)
      }),
    )
  }

  async #submitted(admission: Admission, answer: Answer<'admit'>): Promise<Submitted | Refusal> {
    if (isRefusal(answer)) return answer
    if (answer.replayed) {
      const { execution, request, isArchived } = answer
      const found = isArchived ? await this.archives.find(execution.id, execution) : null
      if (isRefusal(found)) return found
      return { execution: await this.#view(found ?? { execution, request }), replayed: true }
    }
    const born = admittedOf(admission, answer.born, this.host.idKey)
    return { execution: executionView(born.execution, born.request, null, this.#unnamed), replayed: false }
  }

  /**
   * Runs an execution that has ended once more: a new one, linked to it, with the same input and, unless told otherwise,
   * the same seed. Its key has the next generation, so that its effects happen again.
   */
  async rerun(
    id: string,
    by: Caller,
    { seed, reason }: { readonly seed?: string | number | undefined; readonly reason?: string | undefined } = {},
  ): Promise<ExecutionView | Refusal> {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    if (found.archived !== undefined) return archivedAway(found)
    return this.policies.underNewest(async () => {
      const admission = await rerunAdmission(found.request, (request) => this.check(request, by), seed)
      if (isRefusal(admission)) return admission
      const order = { kind: 'rerun' as const, id: found.request.id, reason: reason ?? null, admission }
      const answer: Answer<'rerun'> = await this.host.orders.give(order)
      return isRefusal(answer) ? answer : this.#view(answer)
    })
  }

  async get(id: string, by: Caller): Promise<ExecutionView | Refusal> {
    const found = await this.find(id, by)
    return isRefusal(found) ? found : this.#view(found)
  }

  /** Newest first. A page may be short, even empty, while there is a `next`: it reads a bounded number of rows. */
  async list(query: ListQuery, by: Caller): Promise<{ items: ExecutionView[]; next: string | null } | Refusal> {
    const before = query.cursor === undefined ? undefined : internalId(query.cursor, this.host.idKey)
    if (before === null) return refuse('invalid_cursor', 'The cursor is not one that a list has given.')
    const limit = Math.min(Math.max(1, query.limit ?? 50), pageMax)
    const { tenant } = by
    const search = { tenant, where: conditionsOf(query), before, limit }
    const { found, next } = await this.host.views.of(tenant).search(search)
    const items = await Promise.all(found.map((one) => this.#view(one)))
    return { items, next: next === null ? null : publicId(next, this.host.idKey) }
  }

  async events(id: string, after: number, limit: number, by: Caller): Promise<EventView[] | Refusal> {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    // From the first on, because attempt and fence of a later event follow from the claims before it.
    const most = after + Math.min(limit, eventsPageMax)
    const events = await this.host.views.of(by.tenant).events(found.execution.id, 0, most)
    return eventViews(events, found.request, await this.naming()).filter(({ sequence }) => sequence > after)
  }

  async steps(id: string, by: Caller) {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    return (found.archived?.steps ?? (await this.host.views.of(by.tenant).steps(found.execution.id))).map(stepView)
  }

  async effects(id: string, by: Caller) {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    const naming = await this.naming()
    const asked = { id: found.execution.id, limit: eventsPageMax }
    const effects = found.archived?.effects ?? (await this.host.views.of(by.tenant).effects(asked))
    return effects.map((effect) => effectView(effect, naming))
  }

  /** Applies a person's command; `ifVersion` refuses when the execution has moved on since it was looked at. */
  async command(id: string, command: PersonCommand, by: Caller, ifVersion?: number): Promise<ExecutionView | Refusal> {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    if (found.archived !== undefined) return archivedAway(found)
    const answer: Answer<'command'> = await this.host.orders.give({
      kind: 'command',
      id: found.execution.id,
      tenant: by.tenant,
      command,
      principal: by.principal,
      ifNumber: ifVersion,
    })
    return isRefusal(answer) ? answer : this.#view({ execution: answer, request: found.request })
  }

  /** Brings an archived execution back as it was. */
  async restore(id: string, by: Caller): Promise<ExecutionView | Refusal> {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    if (found.archived === undefined) return refuse('not_found', `The execution ${id} is not archived.`)
    const { id: key } = found.execution
    const answer = await this.host.orders.give<'restore'>({ kind: 'restore', id: key, ...by })
    return isRefusal(answer) ? answer : this.#view({ execution: answer, request: found.request })
  }

  /** Sets or ends a pause; what it held back is let go at `pacePerSecond` (5,000 when not given). Naming nothing means everything of the caller's tenant. */
  async pause(
    what: {
      readonly tenant?: string | undefined
      readonly action?: string | undefined
      readonly subject?: string | undefined
    },
    reason: string,
    on: boolean,
    by: Caller,
    pacePerSecond?: number,
  ): Promise<{ readonly changed: boolean } | Refusal> {
    const named = Object.entries(what).filter(([, value]) => value !== undefined)
    const [scope, value] = named[0] ?? ['tenant', by.tenant]
    if (named.length > 1) return refuse('invalid_input', 'A pause names one of tenant, action and subject.')
    if (scope === 'tenant' && value !== by.tenant)
      return refuse('not_permitted', 'A pause of another tenant is not yours to set.')
    const pause = { scope: scope as PauseScope, value: String(value), tenant: by.tenant, reason, by: by.principal }
    return this.host.orders.give({ kind: 'pause', pause, on, pacePerSecond })
  }

  /**
   * Yields once for every event above `after`, and ends with the execution. A gap means "wait": events come from
   * the log, in order, never twice.
   */
  async *watch(
    id: string,
    after: number,
    by: Caller,
    signal: AbortSignal,
  ): AsyncGenerator<EventView, Refusal | undefined> {
    const found = await this.find(id, by)
    if (isRefusal(found)) return found
    let seen = after
    let wake = (): void => {}
    const stop = this.#watchers.add(found.execution.id, () => wake())
    const abort = (): void => wake()
    signal.addEventListener('abort', abort)
    try {
      while (!signal.aborted) {
        const changed = new Promise<void>((resolve) => {
          wake = resolve
        })
        const events = await this.events(id, seen, eventsPageMax, by)
        if (isRefusal(events)) return events
        for (const event of events) {
          yield event
          seen = event.sequence
        }
        const last = events.at(-1)
        if (last !== undefined && events.length === eventsPageMax) continue
        const current = await this.find(id, by)
        if (isRefusal(current)) return current
        if (isTerminal(current.execution.state) && current.execution.n <= seen) return undefined
        if (current.execution.n > seen) continue
        if (!signal.aborted) await changed
      }
      return undefined
    } finally {
      stop()
      signal.removeEventListener('abort', abort)
    }
  }

  /** Looks at an execution now and after each commit that touches it, until it is enough or the signal ends the looking. */
  async follow(
    id: string,
    by: Caller,
    isEnough: (found: Found) => Promise<boolean>,
    signal: AbortSignal,
  ): Promise<Found | Refusal> {
    const first = await this.find(id, by)
    if (isRefusal(first)) return first
    let wake = (): void => {}
    const stop = this.#watchers.add(first.execution.id, () => wake())
    const abort = (): void => wake()
    signal.addEventListener('abort', abort)
    try {
      for (;;) {
        const changed = new Promise<void>((resolve) => {
          wake = resolve
        })
        const found = await this.find(id, by)
        if (isRefusal(found) || signal.aborted || (await isEnough(found))) return found
        if (!signal.aborted) await changed
      }
    } finally {
      stop()
      signal.removeEventListener('abort', abort)
    }
  }

  async find(id: string, by: Caller): Promise<Found | Refusal> {
    const shown = internalId(String(id), this.host.idKey)
    const key = shown === null ? null : await this.#tickets.executionOf(shown)
    if (isRefusal(key)) return key
    const views = this.host.views.of(by.tenant)
    const found = key === null ? null : ((await views.find(key)) ?? (await this.archives.find(key, by)))
    if (isRefusal(found)) return found
    if (found === null || found.execution.tenant !== by.tenant) {
      return refuse('not_found', `There is no execution ${String(id).slice(0, 64)}.`)
    }
    return found
  }

  async naming(): Promise<Naming> {
    const workers = new Map((await this.host.views.workers()).map(({ key, identity }) => [key, identity]))
    return { idOf: (id) => publicId(id, this.host.idKey), workerOf: (key) => workers.get(key) ?? null }
  }

  /** For rows that name no worker. */
  readonly #unnamed: Naming = { idOf: (id) => publicId(id, this.host.idKey), workerOf: () => null }

  async #view({ execution, request, archived }: Found): Promise<ExecutionView> {
    const views = this.host.views.of(execution.tenant)
    const isTold = execution.state === 'succeeded' || execution.lastErrorClass === 'PartialFailure'
    const outcome = isTold ? (archived?.outcomes.at(-1) ?? (await views.outcome(execution.id))) : null
    const plan = execution.journal > 0 ? await views.plan(execution.id) : null
    const naming = execution.worker === null ? this.#unnamed : await this.naming()
    return executionView(execution, request, outcome, naming, archived?.archivedAt ?? null, plan?.hash)
  }
}

const archivedAway = ({ request }: Found): Refusal =>
  refuse('execution_archived', `The execution ${request.publicId} is archived.`)
