import { type ActionRegistry, type AnyAction, levelOf } from '../action/action.ts'
import { validate } from '../action/schema.ts'
import type { Orders } from '../commit/order.ts'
import type { WantedPolicy } from '../commit/rights/policies.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Request } from '../execution/execution.ts'
import { faultInPolicy, newestPolicies, type TimeoutPolicy } from '../execution/timeout-policy.ts'
import { type PublicIdKey, publicId } from '../identity/public-id.ts'
import { demandOf } from '../policy/demand.ts'
import { type FlagValue, faultInFlag, type PolicyDocument, policyText } from '../policy/document.ts'
import { KnownPolicies } from '../policy/known-policies.ts'
import { type ActivePolicy, noPolicy, type Policy, readPolicy } from '../policy/policy.ts'
import { differencesOf, type PolicyDifference } from '../policy/policy-diff.ts'
import {
  type DemandView,
  defaultEntry,
  type FlagView,
  flagViews,
  type PolicyEffect,
  type PolicyEntry,
  type PolicySample,
  type PolicyView,
  policyEntry,
  sampleVerdict,
} from '../projections/policies.ts'
import { type TimeoutPolicyView, timeoutPolicyView } from '../projections/timeouts.ts'
import type { Views } from '../store/store.ts'

/** Who changes a policy, and of which tenant. */
export interface PolicyCaller {
  readonly principal: string
  readonly tenant: string
}

interface PolicyPorts {
  readonly host: { readonly orders: Orders; readonly views: Views; readonly idKey: PublicIdKey }
  readonly actions: ActionRegistry
}

export const sampleMax = 1_000
const everyVersion = Number.MAX_SAFE_INTEGER

/** What tenants have laid down: approvals, limits, flags. */
export class Policies extends KnownPolicies {
  readonly #host: PolicyPorts['host']
  readonly #actions: ActionRegistry

  constructor({ host, actions }: PolicyPorts) {
    super()
    this.#host = host
    this.#actions = actions
  }

  /** What is in force as of now, for whoever is not told of a change by a commit at once. */
  async refresh({ tenant }: Pick<PolicyCaller, 'tenant'>): Promise<ActivePolicy> {
    const [newest] = await this.#host.views.of(tenant).policies({ tenant, below: everyVersion, limit: 1 })
    const policy = newest === undefined ? noPolicy : readPolicy(newest.version, newest.document)
    this.learn(tenant, policy)
    return policy
  }

  /** Newest first. */
  async list({ tenant }: PolicyCaller, below = everyVersion, limit = 50) {
    const active = await this.refresh({ tenant })
    const rows = await this.#host.views.of(tenant).policies({ tenant, below, limit })
    const items: PolicyEntry[] = rows.map((row) => policyEntry(row, active.version))
    if (rows.length === limit) return { items, next: String(rows.at(-1)?.version) }
    return { items: below > noPolicy.version ? [...items, defaultEntry(active.version)] : items, next: null }
  }

  /** The one in force when no version is named. */
  async get(version: number | undefined, { tenant }: PolicyCaller): Promise<PolicyView | Refusal> {
    const active = await this.refresh({ tenant })
    const views = this.#host.views.of(tenant)
    const row = await this.#row(tenant, version ?? active.version)
    if (isRefusal(row)) return row
    const timeouts = newestPolicies(await views.timeoutPolicies()).map(timeoutPolicyView)
    const entry = row === null ? defaultEntry(active.version) : policyEntry(row, active.version)
    return { ...entry, document: documentOf(row), timeouts }
  }

  async diff(
    from: number,
    to: number | undefined,
    { tenant }: PolicyCaller,
  ): Promise<{ from: number; to: number; items: readonly PolicyDifference[] } | Refusal> {
    const until = to ?? (await this.refresh({ tenant })).version
    const [before, after] = [await this.#row(tenant, from), await this.#row(tenant, until)]
    if (isRefusal(before)) return before
    if (isRefusal(after)) return after
    return { from, to: until, items: differencesOf(documentOf(before), documentOf(after)) }
  }

  /** Activates a document as the next version: what is admitted from now on obeys it. */
  async set(document: unknown, reason: string, by: PolicyCaller, ifVersion?: number): Promise<PolicyView | Refusal> {
    const text = policyText(document, this.#actions)
    if (isRefusal(text)) return this.#recorded('policy set', text, by)
    return this.#change('policy set', { kind: 'set', document: text }, { reason, by, ifVersion })
  }

  /** Activates the document of an older version as the next one. */
  async rollback(to: number, reason: string, by: PolicyCaller, ifVersion?: number): Promise<PolicyView | Refusal> {
    const old = await this.#row(by.tenant, to)
    if (isRefusal(old)) return this.#recorded('policy rollback', old, by)
    // Actions and groups may have gone since: an old document is looked at as a new one is.
    const text = policyText(documentOf(old), this.#actions)
    if (isRefusal(text)) return this.#recorded('policy rollback', text, by)
    return this.#change('policy rollback', { kind: 'rollback', to }, { reason, by, ifVersion })
  }

  async flags({ tenant }: PolicyCaller): Promise<readonly FlagView[]> {
    return flagViews((await this.refresh({ tenant })).document)
  }

  /** Null takes it away. */
  async setFlag(
    name: string,
    value: FlagValue | null,
    reason: string,
    by: PolicyCaller,
    ifVersion?: number,
  ): Promise<PolicyView | Refusal> {
    const fault = faultInFlag(name, value ?? false)
    if (fault !== undefined) return this.#recorded('flag set', fault, by)
    return this.#change('flag set', { kind: 'flag', name, value }, { reason, by, ifVersion })
  }

  /** Changes how long work of a pair of classes may take, from the next commit on. */
  async setTimeouts(
    timeouts: Pick<TimeoutPolicy, 'slaClass' | 'actionClass' | 'attemptMs' | 'overallMs' | 'reason'>,
    by: PolicyCaller,
  ): Promise<TimeoutPolicyView | Refusal> {
    const fault = faultInPolicy(timeouts)
    if (fault !== undefined) return refuse('invalid_input', fault)
    const set = { ...timeouts, by: by.principal }
    const answer = await this.#host.orders.give<'timeout_policy'>({ kind: 'timeout_policy', policy: set })
    return isRefusal(answer) ? answer : timeoutPolicyView({ ...set, ...answer, fromPosition: 0 })
  }

  /** What a document would ask for, were the newest executions submitted under it. Nothing is written. */
  async simulate(document: unknown, size: number, { tenant }: PolicyCaller): Promise<PolicySample | Refusal> {
    const text = policyText(document, this.#actions)
    if (isRefusal(text)) return text
    const active = await this.refresh({ tenant })
    const wanted = JSON.parse(text) as PolicyDocument
    const limit = Math.min(size, sampleMax)
    const items: PolicyEffect[] = []
    const counts = { sample: 0, unknown: 0 }
    const views = this.#host.views.of(tenant)
    for (let before: number | undefined; counts.sample < limit; ) {
      const page = await views.search({ tenant, where: [], before, limit: limit - counts.sample })
      for (const { execution, request } of page.found) {
        counts.sample += 1
        const asked = await this.#asked(request)
        if (asked === null) {
          counts.unknown += 1
          continue
        }
        const [was, is] = [demandView(active.document, asked, request), demandView(wanted, asked, request)]
        if (withoutNames(was) === withoutNames(is)) continue
        const { action, subject, requestedBy } = request
        const executionId = publicId(execution.id, this.#host.idKey)
        items.push({ executionId, action, subject, requestedBy, state: execution.state, before: was, after: is })
      }
      if (page.next === null) break
      before = page.next
    }
    const told = { version: active.version, ...counts, changed: items.length }
    return { verdict: sampleVerdict(told), ...told, items }
  }

  /** The action of a request as it is registered here, with its input as it takes it today; null where it does not. */
  async #asked({ action: name, actionVersion, input }: Request) {
    const action = this.#actions.get(name, actionVersion)
    if (action === undefined) return null
    const parsed = await validate(action.input, JSON.parse(input))
    return isRefusal(parsed) ? null : { action, input: parsed.value }
  }

  /** Null stands for version 1. */
  async #row(tenant: string, version: number): Promise<Policy | null | Refusal> {
    if (version === noPolicy.version) return null
    const [row] = await this.#host.views.of(tenant).policies({ tenant, version })
    return row ?? refuse('not_found', `The policy has no version ${version}.`)
  }

  async #change(
    command: string,
    wanted: WantedPolicy,
    {
      reason,
      by,
      ifVersion,
    }: { readonly reason: string; readonly by: PolicyCaller; readonly ifVersion?: number | undefined },
  ): Promise<PolicyView | Refusal> {
    const { tenant, principal } = by
    const order = { kind: 'policy' as const, tenant, wanted, by: principal, reason, ifVersion }
    const answer = await this.#host.orders.give<'policy'>(order)
    if (isRefusal(answer)) return this.#recorded(command, answer, by)
    this.learn(tenant, readPolicy(answer.version, answer.document))
    return this.get(answer.version, by)
  }

  /** Whoever wanted to change a policy and was refused is on record. */
  async #recorded(command: string, refusal: Refusal, { tenant, principal: by }: PolicyCaller): Promise<Refusal> {
    const { code, reason } = refusal
    const why = reason.slice(0, 300).toWellFormed()
    await this.#host.orders.give<'policy_refused'>({ kind: 'policy_refused', tenant, by, command, code, why })
    return refusal
  }
}

const documentOf = (row: Policy | null): PolicyDocument =>
  row === null ? noPolicy.document : (JSON.parse(row.document) as PolicyDocument)

/** What is asked for, whichever rules say so. */
const withoutNames = (demand: DemandView): string =>
  JSON.stringify(demand, (name, value: unknown) => (name === 'byRules' ? undefined : value))

function demandView(
  document: PolicyDocument,
  { action, input }: { readonly action: AnyAction; readonly input: unknown },
  request: Request,
): DemandView {
  const level = levelOf(action, input)
  if (isRefusal(level)) return { refused: level.code }
  const demand = demandOf(document, action, level, request)
  if (isRefusal(demand)) return { refused: demand.code }
  if (demand === null) return { level: 'auto' }
  const { rules, byTargets } = demand
  return byTargets === undefined ? rules : { ...rules, byTargets }
}
