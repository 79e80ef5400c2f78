import { type Gate, isToPlan } from './approval.ts'
import type { State } from './machine.ts'

export const waitReasons = ['step_approval', 'approval', 'outcome', 'timer', 'signal'] as const
export type WaitReason = (typeof waitReasons)[number]

/** The terminal state an execution has earned but may not enter while one of its effects is in doubt. */
export type Ending = 'failed' | 'canceled' | 'expired'

/**
 * The narrow, mutable row of one execution: what rules need to decide. What never changes is in its `Request`.
 * Keys are integers inside; times are epoch milliseconds.
 */
export interface Execution {
  readonly id: number
  readonly tenant: string
  /** Key of the (action, version) it is pinned to. */
  readonly queue: number
  readonly state: State
  /** Number of its newest event; also the version that `If-Match` compares. */
  readonly n: number
  readonly attempt: number
  readonly maxAttempts: number
  /** Grows with every claim; 0 before the first. */
  readonly fence: number
  /** Position in the log of its newest event. */
  readonly head: number
  /** Claim order within its queue, lower first: the negated priority. */
  readonly rank: number
  readonly availableAt: number
  readonly deadlineAt: number | null
  /** Incarnation key of the worker that holds the lease: of a run, or of the planning of a requested one. */
  readonly worker: number | null
  readonly leaseUntil: number | null
  readonly leaseRenewals: number
  readonly waitingFor: WaitReason | null
  readonly ending: Ending | null
  /** Effects with an intent and no outcome. */
  readonly openEffects: number
  /** Steps and effects on record: what a next claim must be handed. */
  readonly journal: number
  /** Claims spent on reconciliation alone since `ending` was set. */
  readonly reconciles: number
  readonly cancelledBy: string | null
  readonly cancelledAt: number | null
  readonly cancelChecks: number
  readonly lastErrorClass: string | null
  readonly lastError: string | null
  readonly updatedAt: number
  readonly startedAt: number | null
  readonly finishedAt: number | null
  /** What a waiting execution waits for, names joined by a blank: signals, or `child:<id>` of children that have not ended. */
  readonly waitingOn: string | null
  /** Crash-type losses since a run last ended by itself or got further: see {@link isSuspect}. */
  readonly losses: number
  /** Those of them that happened while it ran alone. */
  readonly loneLosses: number
  /** Since when it has not run; null while it runs, and before its first run. */
  readonly idleSince: number | null
  /** The execution that is told of its end; null for most. */
  readonly parent: number | null
  /** Until when its permits are kept through a wait; null when it keeps none. */
  readonly holdUntil: number | null
  /** What people must agree to; null at level `auto`. */
  readonly gate: Gate | null
}

export type OnParentCancel = 'cancel' | 'abandon'

/** What was asked, by whom: written once, never changed. It is the payload of the execution's first event. */
export interface Request {
  readonly id: number
  readonly publicId: string
  readonly tenant: string
  readonly action: string
  readonly actionVersion: number
  readonly subject: string | null
  readonly key: string | null
  readonly generation: number
  readonly recordOnly: boolean
  /** Canonical JSON. */
  readonly input: string
  readonly inputHash: string
  readonly seed: string
  readonly traceId: string
  readonly requestedBy: string
  readonly mode: 'immediate' | 'background'
  readonly priority: number
  readonly slaClass: string
  readonly actionClass: string
  readonly policyVersion: number
  readonly parentId: number | null
  /** What a cancel of its parent does to it; null without a parent. */
  readonly onParentCancel: OnParentCancel | null
  /** How many ancestors it has. */
  readonly depth: number
  /** The execution that this one runs again. */
  readonly rerunOf: number | null
  /** Canonical JSON of the permits that every run needs (`execution/permit.ts`); null when it needs none. */
  readonly permits: string | null
  /** Log position and time of the first event. */
  readonly position: number
  readonly at: number
}

/** The end of an execution, once per time it ended: the payload of the event that ended it. */
export interface Outcome {
  readonly id: number
  readonly n: number
  readonly tenant: string
  readonly state: State
  /** Canonical JSON of the result, at most 10 KiB; null unless it succeeded. */
  readonly result: string | null
  /** SHA-256 of the canonical result. */
  readonly fingerprint: string | null
  readonly position: number
  readonly at: number
}

export const targetKinds = ['keyed', 'fenced', 'opaque'] as const
export type TargetKind = (typeof targetKinds)[number]

export const effectStates = ['intended', 'in_doubt', 'applied', 'not_applied', 'unknown_accepted'] as const
export type EffectState = (typeof effectStates)[number]

/** One row of the effect ledger. */
export interface Effect {
  readonly id: number
  readonly effectKey: string
  /** The plan step it belongs to; `run` for an action without a plan. */
  readonly step: string
  readonly name: string
  readonly ordinal: number
  readonly target: TargetKind
  readonly reconcilable: boolean
  readonly state: EffectState
  /** How often the call was intended: 1, and one more for each replay or believed "no". */
  readonly intents: number
  /** Fence and worker of the newest intent. */
  readonly fence: number
  readonly worker: number
  readonly intendedAt: number
  readonly concludedAt: number | null
  /** Canonical JSON of what the call returned. */
  readonly value: string | null
  readonly errorClass: string | null
  readonly error: string | null
}

/** One thing that a handler said, as it is kept. */
export interface LogLine {
  readonly id: number
  /** Counts from 1 over all claims of the execution. */
  readonly seq: number
  /** When it was said, by the worker's clock. */
  readonly at: number
  readonly level: LogLineLevel
  readonly message: string
  /** Canonical JSON of an object; null when there are none. */
  readonly fields: string | null
  readonly fence: number
  /** Counts from 1 within the fence, lines that were not kept included. */
  readonly line: number
  /** Bytes of all lines up to this one. */
  readonly bytes: number
  /** How many lines were not kept because the execution had its fill. */
  readonly dropped: number
}

export const logLineLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLineLevel = (typeof logLineLevels)[number]

/** One journaled step: recorded once, replayed to every later claim. */
export interface Step {
  readonly id: number
  readonly name: string
  readonly ordinal: number
  /** Canonical JSON of what the step returned. */
  readonly value: string
  readonly fence: number
  readonly startedAt: number
  readonly at: number
}

/** Something that was sent to an execution by name. The n-th that was sent is taken first. */
export interface Signal {
  readonly execution: number
  readonly name: string
  /** Counts the signals of this name, from 0. */
  readonly seq: number
  /** Canonical JSON. */
  readonly payload: string
  readonly by: string
  readonly at: number
  /** A second signal with the same key is the first one. */
  readonly dedupe: string | null
}

/** What a rule needs to know of a signal: all but its content. */
export type SignalHead = Pick<Signal, 'execution' | 'name' | 'seq' | 'dedupe'> & { readonly isTaken: boolean }

/** One wait of a run: for the signal of this name with this number. */
export interface Awaited {
  readonly name: string
  readonly seq: number
}

/** The due time of what waits without a limit: the last instant that a date can name. */
export const neverAt = 8_640_000_000_000_000

/**
 * Losses in a row from which on an execution may be what takes its workers down. One is no sign of it: machines stop, people
 * kill processes, and nobody who was lost with a worker should wait for a place of its own because of that.
 */
const suspectLosses = 2

/** Whether it runs alone: it was lost with a worker again before it got any further. */
export const isSuspect = ({ losses }: Pick<Execution, 'losses'>): boolean => losses >= suspectLosses

export const isOpen = (effect: Effect): boolean => effect.state === 'intended' || effect.state === 'in_doubt'

/** Nobody but a person can say whether this effect happened. */
export const needsPerson = (effect: Effect): boolean =>
  isOpen(effect) && effect.target === 'opaque' && !effect.reconcilable

/** Whether a claim may take it once its time has come: to run it, or to plan it. */
export const isDueWork = ({ state, leaseUntil, gate }: Execution): boolean =>
  state === 'queued' || state === 'retryable_failed' || (state === 'requested' && leaseUntil === null && isToPlan(gate))
