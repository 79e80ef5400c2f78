import type { RetryPolicy } from '../time/backoff.ts'
import type { Awaited, Effect, EffectState, LogLine, Step, WaitReason } from './execution.ts'
import type { Proposal } from './plan.ts'

/** Who acts: `human:alice`, `service:crm-bridge`, `system:sweep`, `agent:planner`, `worker:web-1`. */
export type Principal = string

/** A stored value or why there is none. All values travel as canonical JSON text. */
export type EffectOutcome =
  | { readonly kind: 'applied'; readonly value: string }
  | { readonly kind: 'not_applied' | 'in_doubt'; readonly errorClass: string; readonly error: string }

/** What is known of a run that took its process down. */
export interface CrashEvidence {
  readonly exitCode: number | null
  readonly signal: string | null
  /** Highest resident set that was seen, in MiB. */
  readonly memoryMb: number | null
  /** Name of the newest step or effect that was heard of. */
  readonly lastStep: string | null
}

export type StepKey = Pick<Step, 'name' | 'ordinal'>

export type SaidLine = Pick<LogLine, 'at' | 'level' | 'message' | 'fields' | 'line'>

export type EffectIntent = Pick<Effect, 'effectKey' | 'step' | 'name' | 'ordinal' | 'target' | 'reconcilable'>

export interface StoredArtifact {
  readonly name: string
  readonly sha256: string
  readonly bytes: number
  readonly mediaType: string
  /** Where the artifact store keeps it; null for text that lies in the row. */
  readonly path: string | null
  /** The text itself, at most 10 KiB, where `path` is null. */
  readonly content?: string | undefined
}

/** Commands of the worker that holds the lease: each names the fence it was given. */
export type WorkerCommand =
  | { readonly type: 'renew'; readonly fence: number; readonly leaseMs: number; readonly cancelChecks: number }
  | { readonly type: 'progress'; readonly fence: number; readonly value: string }
  | ({
      readonly type: 'record_step'
      readonly fence: number
      readonly value: string
      readonly startedAt: number
      readonly artifact?: StoredArtifact | undefined
      /** The signal whose content this step records: nobody takes it again. */
      readonly takes?: Awaited | undefined
    } & StepKey)
  | ({
      readonly type: 'intend_effect'
      readonly fence: number
      readonly worker: number
      /** Place of the step of a plan that the effect belongs to. */
      readonly idx?: number | undefined
    } & EffectIntent)
  | {
      readonly type: 'record_effect'
      readonly fence: number
      readonly effectKey: string
      readonly outcome: EffectOutcome
    }
  | {
      readonly type: 'reconcile_effect'
      readonly fence: number
      readonly effectKey: string
      readonly happened: boolean
      readonly value: string | null
    }
  | {
      readonly type: 'succeed'
      readonly fence: number
      readonly result: string
      readonly fingerprint: string
      /** The whole result, where `result` only refers to it. */
      readonly artifact?: StoredArtifact | undefined
    }
  | {
      readonly type: 'fail'
      readonly fence: number
      readonly errorClass: string
      readonly message: string
      readonly retryable: boolean
      readonly retryAfterMs?: number | undefined
      readonly policy: RetryPolicy
      /** Canonical JSON of what was achieved all the same: the summary of a plan of which a part failed. */
      readonly result?: string | undefined
    }
  /** The process in which it ran on its own has ended before the handler did. */
  | {
      readonly type: 'crashed'
      readonly fence: number
      readonly evidence: CrashEvidence
      readonly poisonLosses?: number | undefined
    }
  /** Waits until `wakeAt`, or for ever when it is null, or until one of the awaited signals is there. */
  | {
      readonly type: 'suspend'
      readonly fence: number
      readonly reason: WaitReason
      readonly wakeAt: number | null
      readonly awaits?: readonly Awaited[] | undefined
    }
  | { readonly type: 'hand_back'; readonly fence: number }
  /** The plan of whoever holds the lease to plan. */
  | ({ readonly type: 'planned'; readonly fence: number } & Proposal)
  | {
      readonly type: 'begin_target'
      readonly fence: number
      readonly idx: number
      readonly tries: number
      /** What its step failed with for good: from now on its fallback answers for the target. */
      readonly instead?: { readonly errorClass: string; readonly error: string } | undefined
    }
  | {
      readonly type: 'settle_target'
      readonly fence: number
      readonly idx: number
      readonly state: 'succeeded' | 'failed'
      readonly value: string | null
      readonly errorClass: string | null
      readonly error: string | null
    }
  /** Targets that have not begun are skipped. */
  | { readonly type: 'skip_rest'; readonly fence: number }
  /** What the handler has said since the last time; `said` counts every line under this fence, kept or not. */
  | { readonly type: 'log'; readonly fence: number; readonly said: number; readonly lines: readonly SaidLine[] }
  /** A claim for reconciliation only has looked at every effect it could. */
  | { readonly type: 'end_reconciliation'; readonly fence: number }

/**
 * Permits that one step of a run needs beside those of the whole run. They decide nothing about the execution itself, so
 * they are not commands of its state machine.
 */
export type PermitCommand =
  | { readonly type: 'take_permits'; readonly fence: number; readonly step: string; readonly keys: readonly string[] }
  | { readonly type: 'give_permits'; readonly fence: number; readonly step: string }

/** Commands of people, services and the engine itself. */
export type ControlCommand =
  | { readonly type: 'claim'; readonly worker: number; readonly leaseMs: number }
  | {
      readonly type: 'lease_expired'
      readonly cause: 'sweep' | 'exit' | 'restart'
      /** The worker runs suspects in processes of their own: its own end says nothing about them. */
      readonly isApart?: boolean | undefined
      readonly poisonLosses?: number | undefined
    }
  | { readonly type: 'cancel'; readonly reason: string | null }
  | { readonly type: 'retry' }
  | { readonly type: 'redrive'; readonly reason: string }
  | { readonly type: 'wake'; readonly reason: string }
  /** Agrees to exactly this plan, or to one step of it; `groups` is what the voter is a member of. */
  | {
      readonly type: 'approve'
      readonly planHash: string
      readonly step: number | null
      readonly groups: readonly string[]
    }
  | { readonly type: 'reject'; readonly step: number | null; readonly reason: string }
  | {
      readonly type: 'revoke_approval'
      readonly voter: Principal
      readonly step: number | null
      readonly reason: string
    }
  | { readonly type: 'resume' }
  | { readonly type: 'replan' }
  | { readonly type: 'expire' }
  /** Sends a signal; `dedupe` makes a repeated one the first. */
  | { readonly type: 'signal'; readonly name: string; readonly payload: string; readonly dedupe: string | null }
  /** Records that a child was admitted, in the commit that admits it. */
  | ({
      readonly type: 'record_child'
      readonly fence: number
      readonly child: string
      readonly action: string
      readonly startedAt: number
    } & StepKey)
  /** A process that may have performed one of its effects in doubt is proven dead. */
  | { readonly type: 'process_gone' }
  | {
      readonly type: 'resolve_effect'
      readonly effectKey: string
      readonly verdict: Extract<EffectState, 'applied' | 'not_applied' | 'unknown_accepted'>
      readonly value: string | null
      readonly reason: string
    }

export type Command = WorkerCommand | ControlCommand
export type CommandType = Command['type']

/** Commands by which people change one execution. */
export type PersonCommand = Extract<
  ControlCommand,
  {
    type:
      | 'cancel'
      | 'retry'
      | 'redrive'
      | 'resolve_effect'
      | 'signal'
      | 'approve'
      | 'reject'
      | 'revoke_approval'
      | 'resume'
      | 'replan'
  }
>
