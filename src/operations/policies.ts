import type { PolicyDocument } from '../policy/document.ts'
import type { PolicyDifference } from '../policy/policy-diff.ts'
import type { FlagView, PolicyEntry, PolicySample, PolicyView } from '../projections/policies.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'
import type { Page, PageAsk } from './shapes.ts'

/** Refuses unless this version of the policy is in force. */
export interface IfPolicyVersion {
  readonly ifVersion?: number | undefined
}

/** What the tenant has laid down: approvals, limits, flags. Methods throw `Refused`. */
export class PolicyKeeper {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Newest version first. */
  list(page: PageAsk = {}): Promise<Page<PolicyEntry>> {
    return answerOf(this.#carrier, 'policy list', page)
  }

  /** The one in force when no version is named. */
  get(version?: number): Promise<PolicyView> {
    return answerOf(this.#carrier, 'policy get', { version })
  }

  /** In what they differ, place by place; with the one in force when no second is named. */
  diff(
    from: number,
    to?: number,
  ): Promise<{ readonly from: number; readonly to: number; readonly items: readonly PolicyDifference[] }> {
    return answerOf(this.#carrier, 'policy diff', { from, to })
  }

  /** What it would ask for, were the newest executions submitted under it: 200 of them when not said. */
  simulate(document: PolicyDocument, options: { readonly sample?: number | undefined } = {}): Promise<PolicySample> {
    return answerOf(this.#carrier, 'policy simulate', { document, ...options })
  }

  /** What is admitted from now on obeys it. */
  set(document: PolicyDocument, reason: string, options: IfPolicyVersion = {}): Promise<PolicyView> {
    return answerOf(this.#carrier, 'policy set', { document, reason, ...options })
  }

  /** The document of an older version as the next one. */
  rollback(version: number, reason: string, options: IfPolicyVersion = {}): Promise<PolicyView> {
    return answerOf(this.#carrier, 'policy rollback', { version, reason, ...options })
  }

  flags(): Promise<readonly FlagView[]> {
    return itemsOf(this.#carrier, 'flag list')
  }

  /** `none` takes it away. */
  setFlag(name: string, value: boolean | string, reason: string, options: IfPolicyVersion = {}): Promise<PolicyView> {
    return answerOf(this.#carrier, 'flag set', { name, value, reason, ...options })
  }
}
