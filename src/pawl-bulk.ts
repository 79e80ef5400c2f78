import type { BulkPreview, BulkReport, BulkRequest, BulkView } from './bulk-commands.ts'
import type { BulkAsk } from './client-shapes.ts'
import { bulkRequest } from './commands/bulk.ts'
import { readerOf } from './commands/query.ts'
import type { Caller } from './control-plane.ts'
import type { Engine } from './engine.ts'
import { orThrow } from './errors/refusal.ts'

/** Commands on everything that a query finds, for a program that holds the engine. Methods throw `Refused`. */
export class PawlBulk {
  readonly #engine: Engine
  readonly #caller: Caller

  constructor(engine: Engine, caller: Caller) {
    this.#engine = engine
    this.#caller = caller
  }

  /** Shows what a bulk command would command, and does nothing. */
  async preview(asked: BulkAsk, by = this.#caller): Promise<BulkPreview> {
    return orThrow(await this.#engine.bulks.preview(this.#request(asked), by))
  }

  /** Commands everything that the query finds now; `get` says how far it is. */
  async start(asked: BulkAsk, by = this.#caller): Promise<BulkView> {
    return orThrow(await this.#engine.bulks.start(this.#request(asked), by))
  }

  async get(id: string, by = this.#caller): Promise<BulkReport> {
    return orThrow(await this.#engine.bulks.get(id, by))
  }

  /** Newest first, the last hundred. */
  list(by = this.#caller): Promise<readonly BulkView[]> {
    return this.#engine.bulks.list(by)
  }

  /** What is done stays done; the rest is left alone. */
  async cancel(id: string, by = this.#caller): Promise<BulkView> {
    return orThrow(await this.#engine.bulks.cancel(id, by))
  }

  #request({ command, query, reason }: BulkAsk): BulkRequest {
    const { plane, clock } = this.#engine
    return orThrow(bulkRequest({ command, query, reason: reason ?? null }, readerOf(plane, clock.now())))
  }
}
