import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { type ActivePolicy, noPolicy, readPolicy } from './policy.ts'

/** A change between the check and the commit is rare; so many in a row are a fault. */
const triesMax = 20
/** Tenants may be many: who is forgotten is told again with the next admission. */
const tenantsMax = 10_000

/**
 * The policies as this process has heard of them. It never asks: the commit compares, and whoever is refused because the
 * policy was replaced is told the new one and asks again.
 */
export class KnownPolicies {
  readonly #known = new Map<string, ActivePolicy>()

  of(tenant: string): ActivePolicy {
    return this.#known.get(tenant) ?? noPolicy
  }

  learn(tenant: string, policy: ActivePolicy): void {
    if (this.#known.size >= tenantsMax) this.#known.clear()
    this.#known.set(tenant, policy)
  }

  /** @param ask checks a request under what is known and has it admitted; called anew while its policy was replaced */
  async underNewest<T>(ask: () => Promise<T | Refusal>): Promise<T | Refusal> {
    for (let tries = 1; ; tries += 1) {
      const answer = await ask()
      if (!isRefusal(answer) || !this.#hasLearnt(answer)) return answer
      if (tries === triesMax) return refuse('policy_replaced', 'The policy changed again and again meanwhile.')
    }
  }

  #hasLearnt({ code, details }: Refusal): boolean {
    if (code !== 'policy_replaced' || details === undefined) return false
    const { tenant, version, document } = details
    if (typeof tenant !== 'string' || typeof version !== 'number' || typeof document !== 'string') return false
    this.learn(tenant, readPolicy(version, document))
    return true
  }
}
