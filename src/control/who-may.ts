import type { ActionRegistry } from '../action/action.ts'
import type { Orders } from '../commit/order.ts'
import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { RightsChange } from '../rights/change.ts'
import { grantAt, type WantedChange } from '../rights/decide-change.ts'
import { isPattern, matches } from '../rights/narrowing.ts'
import { Rights } from '../rights/rights.ts'
import { groupsHeld } from '../rights/voter.ts'
import type { Views } from '../store/store.ts'

/** Who changes a right; the role is that of the token it came with. */
export interface RightsCaller {
  readonly principal: string
  readonly tenant: string
  readonly role: string
}

export interface GrantRequest {
  readonly principal: string
  readonly role: string
  readonly actions?: readonly string[] | undefined
  readonly subjects?: readonly string[] | undefined
  readonly levelMax?: number | undefined
}

const unsaid = { principal: null, actions: null, subjects: null, levelMax: null, permissions: null, ref: null } as const

/** Who may do what, as it stands now, and the changes of it. */
export class WhoMay {
  readonly #orders: Orders
  readonly #views: Pick<Views, 'rights'>
  readonly #actions: ActionRegistry
  #rights = Rights.none

  constructor(ports: {
    readonly host: { readonly orders: Orders; readonly views: Pick<Views, 'rights'> }
    readonly actions: ActionRegistry
  }) {
    this.#orders = ports.host.orders
    this.#views = ports.host.views
    this.#actions = ports.actions
  }

  /** Asks each time for what has changed since: a right that was taken back ends with the commit that did so. */
  async current(): Promise<Rights> {
    const changes = await this.#views.rights(this.#rights.version)
    if (changes.length > 0) {
      // Somebody else may have asked meanwhile and be further already.
      const { version } = this.#rights
      this.#rights = this.#rights.after(changes.filter((change) => change.version > version))
    }
    return this.#rights
  }

  /** What somebody votes as a member of: what was granted, or else the role and the groups that he comes with. */
  async groupsOf(by: RightsCaller & { readonly groups?: readonly string[] | undefined }): Promise<readonly string[]> {
    const { tenant, principal, role, groups = [] } = by
    const held = groupsHeld(await this.current(), { tenant, principal, about: 'later', level: undefined })
    return held ?? [...new Set([role, ...groups])]
  }

  /** Every change of the tenant's rights, oldest first. */
  async history(tenant: string): Promise<readonly RightsChange[]> {
    return (await this.#views.rights(0)).filter((change) => change.tenant === tenant)
  }

  async grant(request: GrantRequest, reason: string, by: RightsCaller): Promise<RightsChange | Refusal> {
    const { principal, role, actions = [], subjects = [], levelMax = null } = request
    const illegal = [...actions, ...subjects].find((pattern) => !isPattern(pattern))
    if (illegal !== undefined) {
      return refuse('invalid_pattern', `${JSON.stringify(illegal.slice(0, 200).toWellFormed())} is no pattern.`)
    }
    const names = this.#actions.list().map(({ name }) => name)
    const idle = actions.find((pattern) => !names.some((name) => matches([pattern], name)))
    if (idle !== undefined) {
      return refuse('invalid_pattern', `${JSON.stringify(idle)} matches no action that is registered here.`, {
        pattern: idle,
      })
    }
    const narrowing = { actions: textOf(actions), subjects: textOf(subjects), levelMax }
    return this.#change({ ...unsaid, kind: 'grant', principal, role, ...narrowing }, reason, by)
  }

  async revoke(grant: number, reason: string, by: RightsCaller): Promise<RightsChange | Refusal> {
    const found = grantAt(await this.current(), by.tenant, String(grant))
    const role = found?.role ?? ''
    return this.#change({ ...unsaid, kind: 'revoke', role, ref: String(grant) }, reason, by)
  }

  /** No permissions take the role away from everybody who holds it. */
  async define(
    role: string,
    permissions: readonly string[],
    reason: string,
    by: RightsCaller,
  ): Promise<RightsChange | Refusal> {
    return this.#change({ ...unsaid, kind: 'role', role, permissions: permissions.join(' ') }, reason, by)
  }

  async #change(wanted: WantedChange, reason: string, by: RightsCaller): Promise<RightsChange | Refusal> {
    const { principal, tenant, role } = by
    const answer = await this.#orders.give<'rights'>({
      kind: 'rights',
      wanted,
      by: { principal, tenant, role },
      reason,
    })
    if (!isRefusal(answer)) await this.current()
    return answer
  }
}

/** A blank parts the patterns, for no pattern holds one. */
const textOf = (patterns: readonly string[]): string | null => (patterns.length === 0 ? null : patterns.join(' '))
