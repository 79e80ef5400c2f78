import { newestPolicies, type TimeoutPolicy, timeoutPolicyFor } from '../../execution/timeout-policy.ts'
import type { Answer, OrderOf } from '../order.ts'
import type { Workset } from '../workset.ts'

/** Classes are few; whoever makes up a new one for every request must not fill the memory. */
const knownMax = 1_000

/** The timeout policies as the writer remembers them: those of the last durable commit. */
export class TimeoutPolicies {
  #newest: readonly TimeoutPolicy[]
  #nextVersion: number
  readonly #known = new Map<string, TimeoutPolicy | undefined>()

  constructor(history: readonly TimeoutPolicy[]) {
    this.#newest = newestPolicies(history)
    this.#nextVersion = (this.#newest.at(-1)?.version ?? 0) + 1
  }

  get nextVersion(): number {
    return this.#nextVersion
  }

  of(slaClass: string, actionClass: string): TimeoutPolicy | undefined {
    const pair = `${slaClass} ${actionClass}`
    if (this.#known.has(pair)) return this.#known.get(pair)
    if (this.#known.size >= knownMax) this.#known.clear()
    const policy = timeoutPolicyFor(this.#newest, slaClass, actionClass)
    this.#known.set(pair, policy)
    return policy
  }

  committed(added: readonly TimeoutPolicy[]): void {
    if (added.length === 0) return
    this.#newest = newestPolicies([...this.#newest, ...added])
    this.#nextVersion += added.length
    this.#known.clear()
  }
}

export function setTimeoutPolicy(
  work: Workset,
  { policy }: OrderOf<'timeout_policy'>,
  policies: TimeoutPolicies,
): Answer<'timeout_policy'> {
  const version = policies.nextVersion + work.timeoutPolicies.length
  work.timeoutPolicies.push({ ...policy, version, at: work.now })
  return { version, at: work.now }
}
