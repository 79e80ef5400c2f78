import type { ActionView } from '../commands/action-view.ts'
import type { Role } from '../commands/permissions.ts'
import type { TokenView } from '../commands/token-authority.ts'
import type { FleetView } from '../projections/fleet.ts'
import type { GrantView, RightsChangeView, RoleView } from '../projections/rights.ts'
import type { WorkerState, WorkerView } from '../projections/view.ts'
import type { ProcessRole } from '../store/fleet.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'

export interface TokenRequest {
  /** What it is for. */
  readonly name: string
  readonly role: Role
  /** Whom it stands for, for instance `human:alice`; by default `service:` or `agent:` and the name. */
  readonly principal?: string | undefined
  /** For instance `12h`; `90d` when not given. */
  readonly expiresIn?: string | undefined
  /** Narrows it to these permissions of its role. */
  readonly permissions?: readonly string[] | undefined
  /** Narrows it to these actions and their executions. */
  readonly actions?: readonly string[] | undefined
}

export interface TokenRotation {
  /** How long the old text is good beside the new one, for instance `1h`; it ends at once when not given. */
  readonly overlap?: string | undefined
  /** A new end, from now on; the old one stays when not given. */
  readonly expiresIn?: string | undefined
}

/** Who may sign in. Methods throw `Refused`. */
export class TokenKeeper {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Its text is in this answer and nowhere else. */
  create({ permissions, actions, ...request }: TokenRequest): Promise<TokenView & { readonly token: string }> {
    const narrowed = { permissions: permissions?.join(','), actions: actions?.join(',') }
    return answerOf(this.#carrier, 'token create', { ...request, ...narrowed })
  }

  /** A new text, in this answer and nowhere else. */
  rotate(id: string, rotation: TokenRotation = {}): Promise<TokenView & { readonly token: string }> {
    return answerOf(this.#carrier, 'token rotate', { id, ...rotation })
  }

  list(): Promise<readonly TokenView[]> {
    return itemsOf(this.#carrier, 'token list')
  }

  /** It and the sessions it began end at once. */
  revoke(id: string): Promise<TokenView> {
    return answerOf(this.#carrier, 'token revoke', { id })
  }

  /** A path of the server that signs a browser in once, within ten minutes. */
  signInLink(): Promise<{ readonly path: string; readonly expiresAt: string }> {
    return answerOf(this.#carrier, 'sign-in')
  }

  /** Ends every session and unused sign-in link of the principal. */
  signOutEverywhere(): Promise<{ readonly ended: number }> {
    return answerOf(this.#carrier, 'sign-out', { everywhere: true })
  }
}

export interface RoleGrantRequest {
  /** Patterns of actions and of subjects it is narrowed to: names, or beginnings with a star. */
  readonly actions?: readonly string[] | undefined
  readonly subjects?: readonly string[] | undefined
  /** The highest approval level it may approve, 0 to 3. */
  readonly levelMax?: number | undefined
}

/** Who may do what. Methods throw `Refused`. */
export class Roles {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  list(): Promise<readonly RoleView[]> {
    return itemsOf(this.#carrier, 'role list')
  }

  /** The grants in force. */
  holders(principal?: string): Promise<readonly GrantView[]> {
    return itemsOf(this.#carrier, 'role holders', { principal })
  }

  /** Every change, oldest first. */
  history(): Promise<readonly RightsChangeView[]> {
    return itemsOf(this.#carrier, 'role history')
  }

  /** Its `version` is the number of the grant. */
  grant(
    principal: string,
    role: string,
    reason: string,
    { actions, subjects, levelMax }: RoleGrantRequest = {},
  ): Promise<RightsChangeView> {
    const narrowing = { actions: actions?.join(','), subjects: subjects?.join(','), levelMax }
    return answerOf(this.#carrier, 'role grant', { principal, role, reason, ...narrowing })
  }

  revoke(grant: number, reason: string): Promise<RightsChangeView> {
    return answerOf(this.#carrier, 'role revoke', { grant, reason })
  }

  /** `:own` behind a permission lets it reach only what one asked for; no permissions end the role. */
  define(role: string, permissions: readonly string[], reason: string): Promise<RightsChangeView> {
    const holds = permissions.length === 0 ? 'none' : permissions.join(',')
    return answerOf(this.#carrier, 'role define', { role, permissions: holds, reason })
  }
}

/** What can be submitted. Methods throw `Refused`. */
export class ActionCatalog {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  list(): Promise<readonly ActionView[]> {
    return itemsOf(this.#carrier, 'action list')
  }

  /** With the schema of its input; the newest version when none is named. */
  get(name: string, version?: number): Promise<ActionView> {
    return answerOf(this.#carrier, 'action get', { name, version })
  }
}

/** Who runs executions, and the other processes that hold the store. Methods throw `Refused`. */
export class Workers {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  list(
    only: { readonly role?: ProcessRole | undefined; readonly state?: WorkerState | undefined } = {},
  ): Promise<readonly FleetView[]> {
    return itemsOf(this.#carrier, 'worker list', only)
  }

  /** Lets the living workers of that id take no more, finish or hand back what they run, and end. */
  drain(
    id: string,
    reason: string,
    options: { readonly handBackAfter?: string | undefined } = {},
  ): Promise<readonly WorkerView[]> {
    return itemsOf(this.#carrier, 'worker drain', { id, reason, ...options })
  }
}
