import { isRefusal, type Refusal, refuse } from '../../errors/refusal.ts'
import { canonicalize } from '../../json/canonical.ts'
import { sha256 } from '../../json/hash.ts'
import { refusePolicy } from '../../policy/decide-policy.ts'
import { type FlagValue, type PolicyDocument, refuseFlags } from '../../policy/document.ts'
import { type ActivePolicies, noPolicy, type Policy } from '../../policy/policy.ts'
import type { Rights } from '../../rights/rights.ts'
import type { Changes } from '../../store/rows.ts'
import type { CommitLog } from '../log.ts'
import type { Admission, Answer, OrderOf } from '../order.ts'
import { type Asking, ask } from '../reads.ts'
import type { Refusals } from '../refusals.ts'

/** A change as it is asked for: a whole document, that of an older version, or one flag; null takes the flag away. */
export type WantedPolicy =
  | { readonly kind: 'set'; readonly document: string }
  | { readonly kind: 'rollback'; readonly to: number }
  | { readonly kind: 'flag'; readonly name: string; readonly value: FlagValue | null }

export type PolicyOrder =
  /** Activates a further version of a tenant's policy, from the next admission on. */
  | {
      readonly kind: 'policy'
      readonly tenant: string
      readonly wanted: WantedPolicy
      readonly by: string
      readonly reason: string
      /** Refuses when another version is in force. */
      readonly ifVersion?: number | undefined
    }
  /** Records that somebody wanted to change it and was refused. */
  | {
      readonly kind: 'policy_refused'
      readonly tenant: string
      readonly by: string
      readonly command: string
      readonly code: string
      readonly why: string
    }

export interface PolicyAnswers {
  readonly policy: Policy
  readonly policy_refused: { readonly recorded: boolean }
}

/** The policies as they stand in one batch: an earlier order of it may have changed some. */
export class PolicyBook {
  readonly #log: CommitLog
  readonly #now: number
  readonly #added: Policy[] = []
  #current: ActivePolicies

  constructor(before: ActivePolicies, log: CommitLog, now: number) {
    this.#current = before
    this.#log = log
    this.#now = now
  }

  get current(): ActivePolicies {
    return this.#current
  }

  /** Why this may not be admitted as it was checked: by a policy that was replaced since. The newest one is told along. */
  refuseReplaced({ tenant, policyVersion = noPolicy.version }: Admission): Refusal | null {
    const { version, text } = this.#current.of(tenant)
    if (policyVersion === version) return null
    return refuse(
      'policy_replaced',
      `It was checked under version ${policyVersion} of the policy; ${version} is in force.`,
      {
        tenant,
        version,
        document: text,
      },
    )
  }

  *change(order: OrderOf<'policy'>, rights: Rights): Asking<Answer<'policy'>> {
    const { tenant, wanted, by, reason, ifVersion } = order
    const before = this.#current.of(tenant)
    if (ifVersion !== undefined && ifVersion !== before.version) {
      return refuse('policy_moved', `Version ${before.version} of the policy is in force, not ${ifVersion}.`, {
        version: before.version,
      })
    }
    const document = yield* this.#documentOf(tenant, wanted)
    if (isRefusal(document)) return document
    // A flag is set in a hurry: what the rules ask for was looked at when they came.
    const refusal = wanted.kind === 'flag' ? null : refusePolicy(JSON.parse(document) as PolicyDocument, rights, tenant)
    if (refusal !== null) return refusal
    const version = before.version + 1
    const restored = wanted.kind === 'rollback' ? wanted.to : null
    const hash = sha256(document)
    const told = {
      version,
      from: before.version,
      kind: wanted.kind,
      hash,
      reason,
      ...(restored === null ? {} : { restored }),
    }
    const position = this.#log.tell({ tenant, type: 'policy_changed', principal: by, data: told })
    const { kind } = wanted
    const id = this.#current.id + 1
    const policy = { id, tenant, version, document, hash, kind, restored, by, reason, at: this.#now, position }
    this.#current = this.#current.after([policy])
    this.#added.push(policy)
    return policy
  }

  /** First, then once a minute with the count of those in between, as refusals of an execution are. */
  refused({ tenant, by, command, code, why }: OrderOf<'policy_refused'>, refusals: Refusals): Answer<'policy_refused'> {
    const suppressed = refusals.due(`policy_refused ${tenant} ${by} ${code}`, this.#now)
    if (suppressed === null) return { recorded: false }
    const data = { command, code, why, ...(suppressed === 0 ? {} : { suppressed }) }
    this.#log.tell({ tenant, type: 'policy_refused', principal: by, data })
    return { recorded: true }
  }

  changes(): Pick<Changes, 'policies'> {
    return { policies: this.#added }
  }

  /** The canonical text of what is asked for, as it would stand. */
  *#documentOf(tenant: string, wanted: WantedPolicy): Asking<string | Refusal> {
    const { text, document } = this.#current.of(tenant)
    switch (wanted.kind) {
      case 'set':
        return wanted.document
      case 'rollback': {
        if (wanted.to === noPolicy.version) return noPolicy.text
        const added = this.#added.find((policy) => policy.tenant === tenant && policy.version === wanted.to)
        const [found] = added === undefined ? yield* ask('policies', { tenant, version: wanted.to }) : [added]
        return found?.document ?? refuse('not_found', `The policy has no version ${wanted.to}.`)
      }
      case 'flag': {
        const { [wanted.name]: _, ...others } = document.flags ?? {}
        const flags = wanted.value === null ? others : { ...others, [wanted.name]: wanted.value }
        return refuseFlags(flags) ?? canonicalize({ ...(JSON.parse(text) as PolicyDocument), flags })
      }
    }
  }
}
