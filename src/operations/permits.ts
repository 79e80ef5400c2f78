import type { LimitView, LineView, LockView } from '../projections/locks.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'

/** A key of an action that all tenants share is meant with `shared`. */
export interface Shared {
  readonly shared?: boolean | undefined
}

/** One key: its limit where an operator has set one, who holds it and who stands in line, in order. */
export interface LockReport {
  readonly key: string
  readonly shared: boolean
  readonly limit: LimitView | null
  readonly holders: readonly LockView[]
  readonly waiting: readonly LineView[]
}

/** Permits that are held or reserved. Methods throw `Refused`. */
export class Locks {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** At most 100 when not said otherwise. */
  list(ask: { readonly limit?: number | undefined } = {}): Promise<readonly LockView[]> {
    return itemsOf(this.#carrier, 'lock list', ask)
  }

  get(key: string, { shared }: Shared = {}): Promise<LockReport> {
    return answerOf(this.#carrier, 'lock get', { key, shared })
  }

  /** Hands it to the next in line now, all of it or what one execution holds. The holder is not stopped. */
  break(
    key: string,
    reason: string,
    { execution, shared }: Shared & { readonly execution?: string | undefined } = {},
  ): Promise<{ readonly key: string; readonly broken: number }> {
    return answerOf(this.#carrier, 'lock break', { key, reason, execution, shared })
  }
}

/** Capacities that operators have set in place of what actions declare. Methods throw `Refused`. */
export class Limits {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  list(): Promise<readonly LimitView[]> {
    return itemsOf(this.#carrier, 'limit list')
  }

  /** How many may hold the key at the same time. Returns whether this changed anything. */
  set(key: string, capacity: number, reason: string, { shared }: Shared = {}): Promise<{ readonly changed: boolean }> {
    return answerOf(this.#carrier, 'limit set', { key, capacity, reason, shared })
  }

  /** Goes back to what actions declare. */
  remove(
    key: string,
    { reason, shared }: Shared & { readonly reason?: string | undefined } = {},
  ): Promise<{ readonly changed: boolean }> {
    return answerOf(this.#carrier, 'limit remove', { key, reason, shared })
  }
}
