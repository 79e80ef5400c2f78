import type { LogLevel } from '../action/action.ts'
import type { ActionsModule } from '../action/module.ts'
import type { StoredFile } from '../artifacts/store.ts'
import type { Claimed, WorkAnswer } from '../commit/order.ts'
import { type Classified, classify, failureOf, LeaseLost } from '../errors/failures.ts'
import type { Refusal } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import type { ProcessFacts } from '../recover/this-process.ts'
import type { Spawner, SpawnWish } from '../run/child.ts'
import type { RetryPolicy } from '../time/backoff.ts'

/**
 * What a worker and the process that runs one action for it say to each other. The worker keeps lease, heart and the way
 * to the store; the process has the handler. Input and secrets travel here only, never in arguments or the environment.
 */
export type ToCell =
  | { readonly load: ActionsModule & { readonly action: string; readonly version: number } }
  | { readonly run: RunOrder }
  | { readonly abort: AbortReason }
  /** A step of the run has the permit that it stood in line for. */
  | { readonly granted: string }
  | ({ readonly reply: number } & Reply)

export interface RunOrder {
  readonly claimed: Claimed
  /** Incarnation key of the process itself: what the intents of its effects name. */
  readonly worker: number
  readonly secrets: Secrets
  readonly storesArtifacts: boolean
  readonly retry: RetryPolicy | undefined
}

/** The values, or why there are none. */
export type Secrets = { readonly values: Readonly<Record<string, string>> } | { readonly failed: Classified }

export type Reply =
  | { readonly answer: WorkAnswer | Refusal }
  | { readonly stored: StoredFile }
  | { readonly spawned: Awaited<ReturnType<Spawner>> }
  | { readonly failed: Classified }

export type FromCell =
  | { readonly loaded: Pick<ProcessFacts, 'startedTicks'> }
  | { readonly unloadable: string }
  | { readonly ask: number; readonly command: WorkerCommand | PermitCommand }
  | { readonly ask: number; readonly put: Uint8Array; readonly mediaType: string }
  | { readonly ask: number; readonly spawn: SpawnWish }
  | { readonly log: readonly [LogLevel, string, Readonly<Record<string, unknown>>] }
  | { readonly kept: readonly [LogLevel, string, Readonly<Record<string, unknown>>] }
  /** The command that ends the claim; null when it is somebody else's to end. */
  | { readonly end: WorkerCommand | null }

export interface AbortReason {
  readonly kind: 'canceled' | 'lost' | 'shutdown' | 'timeout'
  readonly message: string
}

/** What was thrown on the other side, as a failure of the same class: a lost lease must stay one. */
export function thrownOf({ errorClass, message }: Classified): Error {
  return errorClass === 'LeaseLost' ? new LeaseLost(message) : failureOf(errorClass, message)
}

/** An error of a port as it travels. */
export const failedOf = (thrown: unknown): { readonly failed: Classified } => ({ failed: classify(thrown) })
