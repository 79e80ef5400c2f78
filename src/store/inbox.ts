import type { HandlerTransaction } from '../action/action.ts'
import type { Refusal } from '../errors/refusal.ts'

/**
 * What may carry statements inside a transaction that its owner holds open: a client of `pg`, or whatever is wrapped to
 * look like one. Answers with rows, or with an object that has them.
 */
export interface Transaction {
  query(text: string, values: unknown[]): PromiseLike<unknown>
}

/** A checked request that a caller left in a transaction of its own. */
export interface Submission {
  readonly number: number
  readonly tenant: string
  /** JSON, as whoever may insert into the table has written it. */
  readonly admission: string
}

/** What became of a submission. Null while it waits. */
export interface Taken {
  readonly number: number
  readonly at: number
  readonly execution: number | null
  /** JSON of the refusal. */
  readonly refusal: string | null
}

/** A step that was committed together with what its handler wrote. */
export interface TransactionStep {
  readonly execution: number
  readonly name: string
  readonly ordinal: number
  readonly value: string
  readonly fence: number
  readonly startedAt: number
  readonly at: number
}

/** What callers have committed and no commit of Pawl has taken up yet: oldest first. */
export interface Waiting {
  readonly submissions: readonly Submission[]
  readonly steps: readonly TransactionStep[]
}

/** Where nobody but its one writer can write to the store. */
export const nothingWaits = (): Waiting => ({ submissions: [], steps: [] })

/** How many of each are taken up at most. */
export interface WaitingMax {
  readonly submissions: number
  readonly steps: number
}

/** What one commit takes up. */
export interface TakenUp {
  readonly submissions: readonly Taken[]
  readonly steps: readonly Pick<TransactionStep, 'execution' | 'name' | 'ordinal'>[]
}

/** Where submissions are left, and found again. Only a store that callers can reach has one. */
export interface Inbox {
  /**
   * Leaves a submission in the caller's transaction; it is there when the caller has committed.
   *
   * @returns its number, or `submission_elsewhere` where the transaction is of another database
   */
  leave(tx: Transaction, submission: Omit<Submission, 'number'>, at: number): Promise<number | Refusal>
  /** What became of it; what waits is taken up first. Null where nothing was committed under this number. */
  outcome(number: number): Promise<Pick<Taken, 'execution' | 'refusal'> | null>
}

/** The place in the journal that a transaction is recorded at, and under which lease. */
export type StepPlace = Omit<TransactionStep, 'value'>

/** What allowed a transaction to be committed. It is compared at the commit: what has changed since is looked at again. */
export interface LookedAt {
  /** JSON of the execution's gate; null where nobody has to agree. */
  readonly gate: string | null
  /** Version of the rights. */
  readonly rights: number
}

/** Runs what handlers write together with the record of it. Only where the store is a database that they can reach. */
export interface Transactions {
  /**
   * Runs `body`, whose value is canonical JSON, in a transaction that is committed together with the record of it; or gives
   * the value on record, without running it.
   *
   * @returns a refusal where nothing may be committed any more: `lease_lost`, `cancel_requested`, `right_lost`,
   *   `approval_missing`, `effect_not_planned` or `reconcile_only`; nothing was kept then
   * @throws LostTransaction when the connection was lost at the commit and no record is there: the next attempt looks again
   */
  perform(place: StepPlace, body: (tx: HandlerTransaction) => Promise<string>): Promise<string | Refusal>
}
