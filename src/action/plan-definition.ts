import type { RetryPolicy } from '../time/backoff.ts'
import type { LogLevel, RunContext } from './run-context.ts'

/** What `plan()` is given. It reads and never acts: it has no steps, no effects and no artifacts. */
export interface PlanContext<Input = unknown, SecretName extends string = string> {
  readonly input: Input
  readonly executionId: string
  readonly tenant: string
  readonly subject: string | null
  readonly traceId: string
  readonly signal: AbortSignal
  readonly recordOnly: boolean
  readonly secrets: Readonly<Record<SecretName, string>>
  /** Reads something of the world and records it with the plan, so that people see what it stands on. */
  read<T>(name: string, fn: () => T | Promise<T>): Promise<T>
  log(message: string, fields?: Readonly<Record<string, unknown>>): void
  log(level: LogLevel, message: string, fields?: Readonly<Record<string, unknown>>): void
  /** Seeded: the same sequence whenever it is planned. */
  random(): number
  uuid(): string
  /** Time of admission in epoch ms. */
  now(): number
  /** Wall clock in epoch ms. */
  clock(): number
}

/** What `plan()` returns; at most 10,000 steps and 4 MiB of canonical JSON. */
export interface ProposedPlan<Args = unknown> {
  /** What people read first; at most 2,000 characters. */
  readonly summary: string
  /** Keep the order of `steps`. Otherwise they run as the action declares them, and by target within one step. */
  readonly ordered?: boolean
  readonly steps: readonly ProposedStep<Args>[]
}

export interface ProposedStep<Args = unknown> {
  /** One of the action's `steps`. */
  readonly step: string
  /** What it is done to; at most 120 characters, once for each step. */
  readonly target: string
  /** JSON that the step is given. */
  readonly args: Args
  /** Names of the effects it will ask for. */
  readonly effects?: readonly string[]
}

export interface StepContext<Input = unknown, Args = unknown, SecretName extends string = string>
  extends RunContext<Input, SecretName> {
  readonly target: string
  readonly args: Args
  /** Which try of this target it is, from 1, over all claims. */
  readonly attempt: number
}

/** One kind of step: how it is done on any of its targets. */
export interface StepDefinition<Input = unknown, Args = unknown, SecretName extends string = string> {
  /** Milliseconds that one try may take. */
  readonly timeoutMs?: number
  /**
   * Keys that only one step or execution of the tenant may hold at a time, as `locks` of an action are: taken before each
   * try on this target, in line with whoever asked before, and given back after it. At most 64.
   */
  locks?(of: { readonly input: Input; readonly target: string; readonly args: Args }): readonly string[]
  /** What differs from the retry policy of the action; the tries of one claim count. */
  readonly retry?: Partial<RetryPolicy>
  /**
   * What follows when the tries are used up; `stop` by default: what has not begun is skipped. A fallback is another step
   * of the action, done to the same target with the same args; when it succeeds, so has the target, and its own `onFailure`
   * says what follows when it fails, too. No fallback follows an effect of which nobody knows whether it happened.
   */
  readonly onFailure?: 'stop' | 'continue' | { readonly fallback: string }
  run(context: StepContext<Input, Args, SecretName>): unknown
}

/** How an execution with a plan has ended: the aggregate over its targets. */
export interface PlanResult {
  readonly summary: string
  readonly total: number
  readonly succeeded: number
  readonly failed: number
  readonly skipped: number
  /** How many of those that succeeded did so by their fallback. */
  readonly fellBack: number
  /** Failed targets first; cut to what fits in line. */
  readonly targets: readonly TargetResult[]
  /** Targets that did not fit; every one is in the list of plan steps. */
  readonly omitted: number
}

export interface TargetResult {
  readonly step: string
  readonly target: string
  readonly state: 'pending' | 'running' | 'succeeded' | 'failed' | 'skipped'
  readonly value?: unknown
  /** What its step failed with, of one that failed or fell back. */
  readonly error?: string
  readonly fellBack?: true
}
