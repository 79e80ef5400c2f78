import type { ActionView } from '../commands/action-view.ts'
import type { Role } from '../commands/permissions.ts'
import type { TokenView } from '../commands/token-authority.ts'
import type { WorkerView } from '../projections/view.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'

export interface TokenRequest {
  /** What it is for. */
  readonly name: string
  readonly role: Role
  /** Whom it stands for, for instance `human:alice`; by default `service:` or `agent:` and the name. */
  readonly principal?: string | undefined
  /** For instance `12h`; `90d` when not given. */
  readonly expiresIn?: string | undefined
}

/** Who may sign in. Methods throw `Refused`. */
export class TokenKeeper {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Its text is in this answer and nowhere else. */
  create(request: TokenRequest): Promise<TokenView & { readonly token: string }> {
    return answerOf(this.#carrier, 'token create', request)
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

/** Who runs executions. Methods throw `Refused`. */
export class Workers {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  list(): Promise<readonly WorkerView[]> {
    return itemsOf(this.#carrier, 'worker list')
  }
}
