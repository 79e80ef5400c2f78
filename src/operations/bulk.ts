import type { BulkPreview, BulkReport, BulkView } from '../control/bulk-commands.ts'
import { answerOf, type Carrier, itemsOf } from './carrier.ts'
import type { BulkAsk } from './shapes.ts'

/** Commands on everything that a query finds. Methods throw `Refused`. */
export class Bulk {
  readonly #carrier: Carrier

  constructor(carrier: Carrier) {
    this.#carrier = carrier
  }

  /** Shows what a bulk command would command, and does nothing. */
  preview(request: BulkAsk): Promise<BulkPreview> {
    return answerOf(this.#carrier, 'bulk', { ...request, dryRun: true })
  }

  /** Commands everything that the query finds now; `get` says how far it is. */
  start(request: BulkAsk): Promise<BulkView> {
    return answerOf(this.#carrier, 'bulk', request)
  }

  get(id: string): Promise<BulkReport> {
    return answerOf(this.#carrier, 'bulk get', { bulkId: id })
  }

  /** Newest first, the last hundred. */
  list(): Promise<readonly BulkView[]> {
    return itemsOf(this.#carrier, 'bulk list')
  }

  /** What is done stays done; the rest is left alone. */
  cancel(id: string): Promise<BulkView> {
    return answerOf(this.#carrier, 'bulk cancel', { bulkId: id })
  }
}
