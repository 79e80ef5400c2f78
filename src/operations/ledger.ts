import type { EventView, ExecutionView } from '../projections/view.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'
import type { EffectView, Page, PageAsk, Verdict } from './shapes.ts'

/** The intent and outcome of every effect. Methods throw `Refused`. */
export class Ledger {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Newest first; with `inDoubt` only those whose outcome nobody knows. */
  list(
    ask: { readonly inDoubt?: boolean | undefined; readonly limit?: number | undefined } = {},
  ): Promise<readonly EffectView[]> {
    return itemsOf(this.#carrier, 'effect list', ask)
  }

  /** Says what a person found out about an effect in doubt; the key may be cut to its first 8 characters. */
  resolve(effectKey: string, verdict: Verdict, reason: string, value?: unknown): Promise<ExecutionView> {
    return answerOf(this.#carrier, 'effect resolve', { effectKey, verdict, reason, value })
  }
}

/** An execution under its idempotency key. */
export interface KeyView
  extends Pick<ExecutionView, 'action' | 'generation' | 'recordOnly' | 'inputHash' | 'state' | 'createdAt'> {
  readonly key: string
  readonly executionId: string
}

export interface KeyReport {
  readonly key: string
  readonly items: readonly KeyView[]
  /** Every replay and every conflict of it. */
  readonly events: readonly EventView[]
}

/** Which executions hold which idempotency key. Methods throw `Refused`. */
export class Idempotency {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Newest first. A page may be short while there is a `next`. */
  list(page: PageAsk = {}): Promise<Page<KeyView>> {
    return answerOf(this.#carrier, 'idempotency list', page)
  }

  get(key: string): Promise<KeyReport> {
    return answerOf(this.#carrier, 'idempotency get', { key })
  }
}

/** Executions that failed for good. Methods throw `Refused`. */
export class DeadLetters {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Newest first. */
  list(ask: PageAsk & { readonly action?: string | undefined } = {}): Promise<Page<ExecutionView>> {
    return answerOf(this.#carrier, 'dead-letter list', ask)
  }

  get(id: string): Promise<ExecutionView> {
    return answerOf(this.#carrier, 'dead-letter get', { id })
  }

  /** Runs it again, with a new budget of attempts. */
  redrive(
    id: string,
    reason: string,
    { ifVersion }: { readonly ifVersion?: number | undefined } = {},
  ): Promise<ExecutionView> {
    return answerOf(this.#carrier, 'dead-letter redrive', { id, reason, ifVersion })
  }
}
