import type { Classified } from '../errors/classify.ts'
import type { Awaited, WaitReason } from './execution.ts'
import type { Proposal } from './plan.ts'

/** Why a run waits for people to agree. */
export type AsksPeople = Extract<WaitReason, 'approval' | 'step_approval'>

/** 10 KiB inline; what is larger belongs into an artifact. */
export const resultBytesMax = 10 * 1024

/** How a handler's run came to its end: what `run` gives and `settle` turns into a command. Secrets are masked already. */
export type RunOutcome =
  | { readonly kind: 'returned'; readonly value: unknown }
  /** `plan()` has said what is to be done. */
  | { readonly kind: 'planned'; readonly proposal: Proposal }
  /** Targets of the plan failed; `result` is the canonical JSON of the aggregate. */
  | { readonly kind: 'partial'; readonly message: string; readonly result: string }
  /** A record-only run reached an effect that nothing stands in for. */
  | { readonly kind: 'recorded_only'; readonly effect: string }
  | { readonly kind: 'threw'; readonly failure: Classified }
  /** An effect may have happened, and only a person can tell. */
  | { readonly kind: 'unknown_outcome'; readonly message: string }
  /** Every call of the handler waits for a time or a signal; with a reason, people have to agree first. */
  | {
      readonly kind: 'suspended'
      readonly wakeAt: number | null
      readonly awaits: readonly Awaited[]
      readonly reason?: AsksPeople | undefined
    }
  /** A claim for reconciliation only has looked as far as the journal reaches. */
  | { readonly kind: 'reconciled' }
  /** Stopped by the shutdown of its worker, not by itself. */
  | { readonly kind: 'stopped' }
  /** Somebody else's by now: nothing may be written any more. */
  | { readonly kind: 'lost'; readonly message: string }
