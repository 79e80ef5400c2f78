import type { QuarantinedView } from '../projections/quarantine.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'

/** Rows that could not be read; their executions are held back. Methods throw `Refused`. */
export class Quarantine {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  list(): Promise<readonly QuarantinedView[]> {
    return itemsOf(this.#carrier, 'quarantine list')
  }

  /** Lets go what was set aside under a key, and all else of its execution, once it can be read. */
  release(key: number): Promise<{ readonly released: number }> {
    return answerOf(this.#carrier, 'quarantine release', { key })
  }
}
