import type { PolicyDocument } from './document.ts'

/** One version of a tenant's policy, as it is kept for ever. The newest is the one in force. */
export interface Policy {
  /** Counts the changes of all tenants, from 1. */
  readonly id: number
  readonly tenant: string
  /** Counts within the tenant; 1 stands for no policy at all, so that the first one is 2. */
  readonly version: number
  /** Canonical JSON (RFC 8785) of a {@link PolicyDocument}. */
  readonly document: string
  /** SHA-256 of the document. */
  readonly hash: string
  /** What made it: a document of its own, an older one again, or one flag changed. */
  readonly kind: (typeof policyKinds)[number]
  /** Of a rollback: the version whose document it is. */
  readonly restored: number | null
  readonly by: string
  readonly reason: string
  readonly at: number
  /** Position of the event that tells of it: what was admitted behind it obeys it. */
  readonly position: number
}

export const policyKinds = ['set', 'rollback', 'flag'] as const

/**
 * Which policies are read: of each tenant the newest, where it was made behind a change, oldest first · one version of a
 * tenant · the newest of a tenant below a version.
 */
export type PolicyAsk =
  | { readonly newestBehind: number }
  | { readonly tenant: string; readonly version: number }
  | { readonly tenant: string; readonly below: number; readonly limit: number }

/** What is in force for a tenant. */
export interface ActivePolicy {
  readonly version: number
  /** As it is kept. */
  readonly text: string
  readonly document: PolicyDocument
}

/** Rules of the definitions alone. */
export const noPolicy: ActivePolicy = { version: 1, text: '{}', document: {} }

/** A text that was validated before it was kept, or handed on. */
export const readPolicy = (version: number, text: string): ActivePolicy => ({
  version,
  text,
  document: JSON.parse(text) as PolicyDocument,
})

/** The policies in force, by tenant. Never altered: a change makes another one. */
export class ActivePolicies {
  /** Of the newest change of any tenant; 0 before the first. */
  readonly id: number
  readonly #byTenant: ReadonlyMap<string, ActivePolicy>

  private constructor(id: number, byTenant: ReadonlyMap<string, ActivePolicy>) {
    this.id = id
    this.#byTenant = byTenant
  }

  static readonly none = new ActivePolicies(0, new Map())

  /** @param changes in their order */
  after(changes: readonly Pick<Policy, 'id' | 'tenant' | 'version' | 'document'>[]): ActivePolicies {
    const last = changes.at(-1)
    if (last === undefined) return this
    const byTenant = new Map(this.#byTenant)
    for (const { tenant, version, document } of changes) byTenant.set(tenant, readPolicy(version, document))
    return new ActivePolicies(last.id, byTenant)
  }

  of(tenant: string): ActivePolicy {
    return this.#byTenant.get(tenant) ?? noPolicy
  }
}
