import type { AnyAction, InputOf } from '../action/action.ts'
import type { SubmitRequest } from '../admit/request.ts'
import type { failurePatterns } from '../projections/failures.ts'
import type { orderedFeed } from '../projections/feed.ts'
import type { traceOf } from '../projections/trace.ts'
import type {
  artifactView,
  ExecutionView,
  effectView,
  LogLineView,
  pauseView,
  signalView,
  stepView,
} from '../projections/view.ts'
import type { Why } from '../projections/why.ts'
import type { Bulk } from '../store/rows.ts'

export type Actions = readonly AnyAction[]
/** The action of that name; any action where the compiler does not know the names. */
export type Named<A extends Actions, N extends string> = [Extract<A[number], { readonly name: N }>] extends [never]
  ? A[number]
  : Extract<A[number], { readonly name: N }>
export type Names<A extends Actions> = A[number]['name']

/** A request for an action that is known to the compiler. */
export type TypedRequest<A extends Actions, N extends Names<A>> = Omit<SubmitRequest, 'action' | 'input'> & {
  readonly action: N
  readonly input: InputOf<Named<A, N>>
}

export interface Submission extends ExecutionView {
  /** The idempotency key was known: this is the first execution, not a new one. */
  readonly replayed: boolean
}

/** An execution together with the action it runs, so that its result has a type. */
export interface TypedExecution<A extends AnyAction> extends Submission {
  readonly of?: A
}

/** A submission in a transaction of the caller's, together with the action that it asks for. */
export interface TypedTicket<A extends AnyAction> {
  /** Leads to its execution once the caller has committed, wherever an execution's id is asked for. */
  readonly id: string
  readonly of?: A
}

/** What became of an execution whose end was waited for. */
export interface Ending {
  readonly ended: boolean
  /** What holds it back, and what can be done, when it has not ended. */
  readonly why: string | null
  readonly next: string | null
}

export type Ran = Submission & Ending

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface PageAsk {
  readonly limit?: number | undefined
  /** `next` of the page before. */
  readonly cursor?: string | undefined
}

export interface ListRequest extends PageAsk {
  /** For instance `state:failed action:crm.sync_quote`; docs/operate/queries.md. */
  readonly query?: string | undefined
  /** One state or several, separated by commas. */
  readonly state?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
  readonly key?: string | undefined
}

export interface Download {
  readonly name: string
  readonly mediaType: string
  readonly bytes: number
  readonly sha256: string
  /** Comes piece by piece, once. */
  readonly content: ReadableStream<Uint8Array<ArrayBuffer>>
}

export type ArtifactView = ReturnType<typeof artifactView>
export type EffectView = ReturnType<typeof effectView>
export type FailurePattern = Awaited<ReturnType<typeof failurePatterns>>[number]
export type FeedPage = Awaited<ReturnType<typeof orderedFeed>>
export type PauseView = ReturnType<typeof pauseView>
export type SignalView = ReturnType<typeof signalView>
export type StepView = ReturnType<typeof stepView>
export type Trace = ReturnType<typeof traceOf>
export type WhyView = Why & Pick<ExecutionView, 'id' | 'state'>
export type Verdict = 'happened' | 'not-happened' | 'accept-unknown'

/** Exactly one of the three, or none for everything of the tenant. */
export interface PauseTarget {
  readonly tenant?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

export interface LogsAsk {
  /** Only lines with a greater `seq`. */
  readonly after?: number | undefined
  readonly limit?: number | undefined
  /** Only lines of at least this level. */
  readonly level?: LogLineView['level'] | undefined
}

/** Refuses with `state_changed` unless the execution still has this `stateVersion`. */
export interface IfVersion {
  readonly ifVersion?: number | undefined
}

/** One step of a plan, by its index or by name and target; the plan as a whole when not given. */
export interface OfStep extends IfVersion {
  readonly step?: number | string | undefined
}

/** A command on everything that a query finds when it is given. */
export interface BulkAsk {
  readonly command: Bulk['command']
  /** For instance `state:failed action:crm.sync_quote`; without `limit` and `cursor`. */
  readonly query: string
  /** A redrive needs one. */
  readonly reason?: string | undefined
}

/** What a code means and what to do next. */
export interface CodeView {
  readonly code: string
  readonly [field: string]: unknown
}
