import type { Refusal } from '../errors/refusal.ts'
import { refuse } from '../errors/refusal.ts'
import type { Vote } from './approval.ts'
import type { StoredArtifact } from './command.ts'
import type { Awaited, Effect, Execution, LogLine, Request, Signal, SignalHead, Step } from './execution.ts'
import { type EventType, isTerminal, type State, targets } from './machine.ts'
import type { Plan, PlanStep } from './plan.ts'

export type EventData = Readonly<Record<string, string | number | boolean | null>>

/** One event and what it changes. Every fact raises the execution's `n` by one. */
export interface Fact {
  readonly type: EventType
  readonly to: State
  readonly set: Partial<Execution>
  readonly data?: EventData | undefined
  /** Who acts, when it is not whoever gave the command. */
  readonly by?: string | undefined
}

/** What a command does to one execution, as data: the store applies it, or none of it. */
export interface Decision {
  readonly facts: readonly Fact[]
  /** Changes no event speaks of: a lease renewed. */
  readonly quiet?: Partial<Execution> | undefined
  readonly outcome?: { readonly result: string | null; readonly fingerprint: string | null } | undefined
  readonly steps?: readonly Step[] | undefined
  readonly artifacts?: readonly StoredArtifact[] | undefined
  /** New lines of its log, and the one that counts what was dropped. */
  readonly logs?: readonly LogLine[] | undefined
  /** New or changed rows of the effect ledger. */
  readonly effects?: readonly Effect[] | undefined
  readonly plan?: Plan | undefined
  /** New or changed steps of its plan. */
  readonly planSteps?: readonly PlanStep[] | undefined
  /** New or ended votes. */
  readonly votes?: readonly Vote[] | undefined
  /** What the command is answered with all the same: what it asked for has come to this instead. */
  readonly refused?: Refusal | undefined
  /** A signal that came in, and one that the run has taken. */
  readonly signal?: Signal | undefined
  readonly takes?: Awaited | undefined
}

/** What a rule may know beside the execution's own row. */
export interface Surroundings {
  readonly now: number
  readonly principal: string
  /** The execution's ledger rows; empty when it has none. */
  readonly effects: readonly Effect[]
  readonly stepRecorded: boolean
  /** The newest line of its log, where that matters; null when there is none. */
  readonly newestLog?: LogLine | null | undefined
  /** The execution's signals, where the command asks about them. */
  readonly signals?: readonly SignalHead[] | undefined
  /** Fingerprint of the recorded success; null when there is none. */
  readonly fingerprint: string | null
  /** Whether the process behind this incarnation key is proven dead. */
  readonly isGone: (worker: number) => boolean
  /** By which right whoever asked may still have this run, or why not; null where no right of his was ever changed. */
  readonly requester?: { readonly by: string; readonly version: number } | Refusal | null | undefined
  /** Null unless the command asks for it. */
  readonly request: Request | null
  /** The newest revision of its plan; null for an action without one, and unless the command asks for it. */
  readonly plan: Plan | null
  /** The steps of its plan that the command speaks of, by their place. */
  readonly targets: ReadonlyMap<number, PlanStep>
  /** Its votes, ended ones too, where the command asks about them. */
  readonly votes?: readonly Vote[] | undefined
  /** Whether a pause holds it back, where the command asks. */
  readonly isPaused?: boolean | undefined
}

export const nothing: Decision = { facts: [] }

/**
 * A fact along a declared transition.
 *
 * @throws when the machine does not declare it: a rule that asks for it is a bug, not a refusal.
 */
export function move(
  execution: Pick<Execution, 'state' | 'losses'>,
  type: EventType,
  to: State,
  set: Partial<Execution> = {},
  data?: EventData,
): Fact {
  if (!targets(execution.state, type).includes(to)) {
    throw new Error(`the state machine has no transition ${execution.state} --${type}--> ${to}`)
  }
  const isLeased = execution.state === 'running' || execution.state === 'requested'
  const leaving = isLeased
    ? isTerminal(to)
      ? { leaseUntil: null }
      : released
    : execution.state === 'waiting'
      ? noLongerWaiting
      : {}
  const isCleared = execution.losses > 0 && execution.state === 'running' && endsByItself.has(type)
  return { type, to, set: { ...leaving, ...(isCleared ? cleared : {}), ...set, state: to }, data }
}

/** The handler has come to an end, whatever it was: it did not take its process down. A run handed back has not. */
const endsByItself: ReadonlySet<EventType> = new Set([
  'succeed',
  'fail',
  'fail_retryable',
  'suspend',
  'cancel',
  'expire',
])
export const cleared: Partial<Execution> = { losses: 0, loneLosses: 0 }

/**
 * Something was put on record that no later run can repeat. What gets further from run to run is not what ends its
 * workers, so its losses are forgotten.
 */
export const furthered = ({ losses }: Pick<Execution, 'losses'>): Partial<Execution> => (losses > 0 ? cleared : {})

/** Whoever is neither running nor planned has no owner; what has ended keeps the name of the worker that ended it. */
const released: Partial<Execution> = { worker: null, leaseUntil: null }

const noLongerWaiting: Partial<Execution> = { waitingFor: null, waitingOn: null }

/** A fact that leaves the state as it is. */
export function note(
  execution: Pick<Execution, 'state'>,
  type: EventType,
  set: Partial<Execution>,
  data?: EventData,
): Fact {
  return { type, to: execution.state, set, data }
}

export function illegal(execution: Execution, command: string): Refusal {
  const advice = isTerminal(execution.state)
    ? execution.state === 'succeeded'
      ? 'A succeeded execution stays as it is; use rerun for a new one.'
      : 'Use redrive to leave a terminal state.'
    : undefined
  return refuse(
    'illegal_transition',
    `The execution is ${execution.state}; ${command} is not allowed from there.`,
    { state: execution.state, command },
    advice,
  )
}
