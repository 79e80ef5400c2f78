import type { State } from './execution/machine.ts'
import type { ExecutionView, effectView } from './projections/view.ts'
import type { Bulk } from './store/rows.ts'

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface ListRequest {
  /** For instance `state:failed action:crm.sync_quote`. */
  readonly query?: string | undefined
  readonly state?: State | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
  readonly key?: string | undefined
  readonly limit?: number | undefined
  readonly cursor?: string | undefined
}

export interface Submission extends ExecutionView {
  /** The idempotency key was known: this is the first execution, not a new one. */
  readonly replayed: boolean
}

export interface Ran extends Submission {
  readonly ended: boolean
  /** What holds it back, and what can be done, when it has not ended. */
  readonly why: string | null
  readonly next: string | null
}

export interface Download {
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  readonly sha256: string
  readonly content: ReadableStream<Uint8Array<ArrayBuffer>>
}

export type EffectView = ReturnType<typeof effectView>
export type PauseTarget = { readonly action?: string; readonly subject?: string; readonly tenant?: string }
export type Verdict = 'happened' | 'not-happened' | 'accept-unknown'

/** A command on everything that a query finds when it is given. */
export interface BulkAsk {
  readonly command: Bulk['command']
  /** For instance `state:failed action:crm.sync_quote`; without `limit` and `cursor`. */
  readonly query: string
  /** A redrive needs one. */
  readonly reason?: string | undefined
}
