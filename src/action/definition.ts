import type { RetryPolicy } from '../time/backoff.ts'
import type { ApprovalsDefinition, Level } from './approvals.ts'
import type { PlanContext, PlanResult, ProposedPlan, StepDefinition } from './plan-definition.ts'
import type { RunContext } from './run-context.ts'
import type { InferInput, InferOutput, StandardSchema } from './schema.ts'

/** What every action declares. Functions of the input must be pure: they decide identity, locks and subject. */
interface SharedDefinition<Name extends string, Schema extends StandardSchema, SecretName extends string> {
  /** Letters, digits, `_`, in parts joined by `.` or `:`; at most 100 characters. */
  readonly name: Name
  /** A whole number from 1; executions stay with the version they were submitted for. */
  readonly version: number
  /** Any Standard Schema. */
  readonly input: Schema
  /** What people must agree to before anything happens; `auto`, nothing, by default. A function must be pure. */
  readonly approval?: Level | ((input: InferOutput<Schema>) => Level)
  /** How they agree, where the level is above `auto`. */
  readonly approvals?: ApprovalsDefinition
  /** The key when the caller gives none; at most 255 characters. */
  idempotencyKey?(input: InferOutput<Schema>): string
  /** What the execution is about, for instance `quote:Q-42`. */
  subject?(input: InferOutput<Schema>): string
  /** Keys that only one running execution of the tenant may hold, for instance `asset:web-17`; all or none are taken. */
  locks?(input: InferOutput<Schema>): readonly string[]
  /** How many may run at the same time. */
  readonly concurrency?: Concurrency<InferOutput<Schema>>
  /** How many may start in a time. */
  readonly rateLimit?: RateLimit<InferOutput<Schema>>
  readonly hold?: Hold
  readonly secrets?: readonly SecretName[]
  readonly timeout?: ActionTimeout
  /** What differs from the retry policy of the server. */
  readonly retry?: Partial<RetryPolicy>
  /** Higher first; a whole number from -1000 to 1000. */
  readonly priority?: number
  /** The most that may wait to be claimed, of each tenant; what comes on top is refused with `queue_full`. */
  readonly queue?: { readonly max: number }
  /** Fields of the input that the action computes and nobody may submit: dotted paths, `*` for every element. */
  readonly computed?: readonly string[]
}

/** What a user writes: an action with one handler. */
export interface ActionDefinition<
  Name extends string,
  Schema extends StandardSchema,
  Result,
  SecretName extends string,
  Output,
> extends SharedDefinition<Name, Schema, SecretName> {
  readonly output?: StandardSchema<Result, Output>
  /** Names of its effects: at `plan_review` one that is not named here is refused, and so is a definition without them. */
  readonly effects?: readonly string[]
  /** Each run in a process of its own that can be killed. The worker must know the module that exports the action. */
  readonly isolate?: true | IsolateOptions
  run(context: RunContext<InferOutput<Schema>, SecretName>): Result | Promise<Result>
}

/** What a user writes: an action that first says what it will do, and then does it target by target. */
export interface PlannedActionDefinition<
  Name extends string,
  Schema extends StandardSchema,
  Args,
  SecretName extends string,
> extends SharedDefinition<Name, Schema, SecretName> {
  /** Reads, and says what is to be done. Reads only; it runs under a lease of its own before anything else. */
  plan(context: PlanContext<InferOutput<Schema>, SecretName>): ProposedPlan<Args> | Promise<ProposedPlan<Args>>
  /** The kinds of steps, in the order in which they run unless the plan says otherwise. */
  readonly steps: Readonly<Record<string, StepDefinition<InferOutput<Schema>, Args, SecretName>>>
  /** Targets at a time, from 1 to 64; 1 by default. */
  readonly parallel?: number
}

export interface IsolateOptions {
  /** MiB that a run may use beyond what its process needed to load the actions; from 16. Default 256. */
  readonly memoryMb?: number
  /** Milliseconds between the abort of a run and the kill of its process. Default 5 s. */
  readonly graceMs?: number
  /** Where the action is found: an absolute path or `import.meta.url`. Default: the module the worker was started with. */
  readonly module?: string
  /** Name of the exported list or action. Default: as `pawl serve --actions` reads a module. */
  readonly export?: string
}

export interface Concurrency<Input> {
  /** From 1 to 100,000. */
  readonly limit: number
  /** Counts each key of each tenant for itself; without it, all executions of the action. */
  key?(input: Input): string
}

export interface RateLimit<Input> {
  /** Starts in each `per`, at an even pace; never exceeded. */
  readonly limit: number
  /** A duration such as `1m`, at most a day. */
  readonly per: string | number
  /** Starts that may come at once after a pause; 1 by default. With more, one `per` may see that many more. */
  readonly burst?: number
  /** Counts each key of each tenant for itself; without it, all executions of the action. */
  key?(input: Input): string
}

export interface Hold {
  /** How long permits are kept while the execution waits for a time or a signal; at most a day. */
  readonly throughWait: string | number
}

export interface ActionTimeout {
  readonly slaClass?: string
  readonly actionClass?: string
  /** Milliseconds that one attempt may take. */
  readonly timeoutMs?: number
  /** Milliseconds that a handler may take to end after its abort; what the server says when not given. */
  readonly cancelGraceMs?: number
}

/** A defined action, with the types of its input and result. */
export interface Action<
  Name extends string,
  Schema extends StandardSchema,
  Result,
  SecretName extends string = string,
  Output = Result,
> extends ActionDefinition<Name, Schema, Result, SecretName, Output> {
  readonly approval: Level | ((input: InferOutput<Schema>) => Level)
}

/** A defined action with a plan. Its `run` refuses: whoever claims such an execution without a plan has other code. */
export interface PlannedAction<
  Name extends string,
  Schema extends StandardSchema,
  Args,
  SecretName extends string = string,
> extends PlannedActionDefinition<Name, Schema, Args, SecretName> {
  readonly approval: Level | ((input: InferOutput<Schema>) => Level)
  run(context: RunContext<InferOutput<Schema>, SecretName>): PlanResult
}

/** Any action, for code that does not know its types. */
export interface AnyAction {
  readonly name: string
  readonly version: number
  readonly input: StandardSchema
  readonly output?: StandardSchema
  readonly approval: Level | ((input: never) => Level)
  readonly approvals?: ApprovalsDefinition
  readonly effects?: readonly string[]
  idempotencyKey?(input: unknown): string
  subject?(input: unknown): string
  locks?(input: unknown): readonly string[]
  readonly concurrency?: Concurrency<unknown>
  readonly rateLimit?: RateLimit<unknown>
  readonly hold?: Hold
  readonly secrets?: readonly string[]
  readonly timeout?: ActionTimeout
  readonly retry?: Partial<RetryPolicy>
  readonly priority?: number
  readonly queue?: { readonly max: number }
  readonly computed?: readonly string[]
  readonly isolate?: true | IsolateOptions
  run(context: RunContext): unknown
  plan?(context: PlanContext): ProposedPlan | Promise<ProposedPlan>
  readonly steps?: Readonly<Record<string, StepDefinition>>
  readonly parallel?: number
}

/** What a submitter sends to this action. */
export type InputOf<A extends AnyAction> = InferInput<A['input']>

/** What an execution of this action results in. */
export type OutputOf<A extends AnyAction> = A extends {
  readonly output?: StandardSchema<infer _Result, infer Output>
} & AnyAction
  ? unknown extends Output
    ? Awaited<ReturnType<A['run']>>
    : Output
  : Awaited<ReturnType<A['run']>>
