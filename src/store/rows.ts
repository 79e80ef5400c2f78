import type { Vote } from '../execution/approval.ts'
import type { StoredArtifact } from '../execution/command.ts'
import type { EventData } from '../execution/decision.ts'
import type { Awaited, Effect, Execution, LogLine, Outcome, Request, Signal, Step } from '../execution/execution.ts'
import type { EventType, State } from '../execution/machine.ts'
import type { Permit } from '../execution/permit.ts'
import type { Plan, PlanStepChanges } from '../execution/plan.ts'
import type { TimeoutPolicy } from '../execution/timeout-policy.ts'
import type { Policy } from '../policy/policy.ts'
import type { RightsChange } from '../rights/change.ts'
import type { FleetProcess, Leader } from './fleet.ts'
import type { TakenUp } from './inbox.ts'
import type { Quarantined } from './quarantine.ts'
import type { SignIn, Token } from './sign-in.ts'

/** Rows as rules and stores exchange them. How a store keeps them is its own affair; `execution_events` is a view. */

/**
 * One commit's events of one kind: one row for up to `eventsMax` executions of one tenant and principal.
 * The arrays run in parallel.
 */
export interface LogRow {
  readonly position: number
  readonly tenant: string
  readonly type: EventType
  readonly from: State | null
  /** Null where it concerns a tenant and none of its executions: its data alone tell of it. */
  readonly to: State | null
  readonly principal: string
  /** Incarnation key of the worker that acted, if one did. */
  readonly worker: number | null
  readonly at: number
  readonly executions: readonly number[]
  readonly numbers: readonly number[]
  /** Position of each execution's event before; 0 for its first. */
  readonly previous: readonly number[]
  /** Null when no event of the row carries data. */
  readonly data: readonly (EventData | null)[] | null
}

/** At this length a row still stays near one page. */
export const eventsMax = 256

/** One event of one execution, as `execution_events` shows it. */
export interface Event {
  readonly execution: number
  readonly n: number
  readonly position: number
  readonly tenant: string
  readonly type: EventType
  readonly from: State | null
  readonly to: State
  readonly principal: string
  readonly worker: number | null
  readonly at: number
  readonly data: EventData | null
}

/**
 * Work that is due: the claim's index. Ordered by rank and turn. An entry of work that was ended may stay until a claim
 * meets it: the execution's row is the truth.
 */
export interface Ready {
  readonly queue: number
  readonly rank: number
  /** Its place in line: alternates between tenants, and grows with the time for one of them. */
  readonly turn: number
  readonly id: number
  readonly availableAt: number
  /** It has paid its share of a rate already. */
  readonly paid: boolean
}

/** The newest turn that a tenant was given. */
export interface Turn {
  readonly queue: number
  readonly rank: number
  readonly tenant: string
  readonly last: number
}

/**
 * `available`: due work becomes ready · `wake`: a waiting execution goes on · `deadline`: it expires · `rate`: a limit has
 * tokens again · `release`: the next part of what a pause held back · `hold`: permits kept through a wait are given back ·
 * `cascade`: a cancel goes on to the children that it has not come to.
 */
export const timerKinds = ['available', 'wake', 'deadline', 'rate', 'release', 'hold', 'cascade'] as const
export type TimerKind = (typeof timerKinds)[number]

export interface Timer {
  readonly at: number
  readonly kind: TimerKind
  readonly id: number
}

/** Work taken out of the claim's way until `key` is freed. */
export interface Parked extends Ready {
  readonly key: string
}

/** A step of a running execution that stands in line for a permit. */
export interface Waiter {
  readonly tenant: string
  readonly key: string
  readonly rank: number
  /** Grows with everybody who joins this line: who asked first, also within one millisecond. */
  readonly turn: number
  readonly since: number
  readonly execution: number
  readonly fence: number
  readonly step: string
}

/** What an operator has set the capacity of a key to. */
export interface Limit {
  /** Empty for a key that all tenants share. */
  readonly tenant: string
  readonly key: string
  readonly capacity: number
  readonly by: string
  readonly reason: string
  readonly at: number
}

/** The one stored time of a rate (`execution/permit.ts`). */
export interface RateState {
  readonly tenant: string
  readonly key: string
  readonly dueUs: number
  /** When the first of those that wait may start; null while nobody waits. */
  readonly wakeAt: number | null
}

export const pauseScopes = ['all', 'tenant', 'action', 'subject'] as const
export type PauseScope = (typeof pauseScopes)[number]

export interface Pause {
  readonly scope: PauseScope
  /** Empty for `all`. */
  readonly value: string
  /** Null pauses every tenant's. */
  readonly tenant: string | null
  readonly reason: string
  readonly by: string
  readonly at: number
}

/** How long a pause, and the letting go of what it had held, lasted: no deadline runs meanwhile. Open with `toAt` null. */
export interface PauseInterval extends Pick<Pause, 'scope' | 'value' | 'tenant'> {
  readonly fromAt: number
  readonly toAt: number | null
}

/** What a pause held back and lets go in parts, now that it has ended. */
export interface Release extends Pick<Pause, 'scope' | 'value' | 'tenant'> {
  /** The key under which the work is parked. */
  readonly key: string
  /** What its timer names. */
  readonly id: number
  readonly pacePerSecond: number
  readonly since: number
}

/** One incarnation of a worker: the same identity after a restart is a new row. */
export interface Worker {
  readonly key: number
  readonly identity: string
  readonly incarnation: string
  readonly host: string
  readonly pid: number
  /** Kernel's start time of the process and boot id of the machine: what proves a death. */
  readonly startedTicks: string | null
  readonly bootId: string | null
  readonly actions: readonly { readonly action: string; readonly version: number }[]
  readonly slots: number
  readonly registeredAt: number
  readonly seenAt: number
  /** When the process was proven dead. Signing off leaves it open and takes the slots away. */
  readonly goneAt: number | null
  readonly goneProof: string | null
  /** It runs suspects in processes of their own, beside its other work. */
  readonly isolates: boolean
  /** Since when it claims nothing, because handlers ignore their abort; null while it claims. */
  readonly drainingSince: number | null
  readonly role: WorkerRole
  /** What an operator has asked of it; it claims nothing more, whatever it says itself. */
  readonly drain: WorkerDrain | null
}

/** `all`: beside the server · `worker`: a process of its own. */
export const workerRoles = ['all', 'worker'] as const
export type WorkerRole = (typeof workerRoles)[number]

export interface WorkerDrain {
  readonly at: number
  readonly by: string
  readonly reason: string
  /** When what still runs is handed back; null lets it come to its end. */
  readonly until: number | null
}

/** A signal that a run has taken. */
export interface Taken extends Awaited {
  readonly execution: number
  readonly at: number
}

export interface Artifact extends StoredArtifact {
  readonly execution: number
  readonly at: number
}

/** How many executions of a tenant wait to be claimed in a queue, those of immediate mode left out. */
export interface Depth {
  readonly queue: number
  readonly tenant: string
  readonly count: number
}

export const bulkCommands = ['cancel', 'retry', 'redrive', 'rerun'] as const
export const bulkStates = ['collecting', 'running', 'done', 'canceled'] as const

/** A command on every execution that a query found when it was given. */
export interface Bulk {
  readonly key: number
  readonly tenant: string
  readonly command: (typeof bulkCommands)[number]
  readonly query: string
  readonly reason: string | null
  readonly by: string
  readonly state: (typeof bulkStates)[number]
  readonly total: number
  readonly done: number
  readonly refused: number
  readonly createdAt: number
  readonly finishedAt: number | null
}

export interface BulkItem {
  readonly bulk: number
  readonly execution: number
  /** Null until it is done; then `done`, or the code of the refusal. */
  readonly outcome: string | null
}

export interface Queue {
  readonly key: number
  readonly action: string
  readonly version: number
}

/** What becomes of occurrences that nobody saw in time. */
export const misfires = ['skip', 'latest', 'all'] as const
export type Misfire = (typeof misfires)[number]

export interface Schedule {
  readonly id: string
  readonly tenant: string
  /** Unique within its tenant. */
  readonly name: string
  readonly action: string
  /** Null is the newest at the time it fires. */
  readonly actionVersion: number | null
  /** Canonical JSON. */
  readonly input: string
  readonly cron: string
  readonly timeZone: string
  readonly misfire: Misfire
  readonly catchUpMax: number
  readonly isPaused: boolean
  /** The first occurrence that has not fired yet; null when there is none. */
  readonly nextAt: number | null
  /** The newest occurrence that has fired. */
  readonly lastAt: number | null
  /** Why the newest occurrence could not be submitted. */
  readonly lastError: string | null
  readonly createdBy: string
  readonly createdAt: number
  readonly updatedAt: number
  /** Counts what people have changed. */
  readonly version: number
}

/** Everything of an execution that an archive has put away. */
export interface ArchivedParts extends Admitted {
  readonly outcomes: readonly Outcome[]
  readonly steps: readonly Step[]
  readonly effects: readonly Effect[]
  readonly artifacts: readonly Artifact[]
  readonly logs: readonly LogLine[]
}

export interface Archived {
  readonly id: number
  readonly tenant: string
  readonly inputHash: string
  readonly archivedAt: number
  /** Null when the document is not the one that was put in. */
  readonly parts: ArchivedParts | null
}

/** What a list of archives shows of each. */
export interface ArchiveEntry {
  readonly id: number
  readonly publicId: string
  readonly tenant: string
  readonly action: string
  readonly subject: string | null
  readonly state: State
  readonly finishedAt: number
  readonly archivedAt: number
  readonly key: string | null
  readonly bytes: number
  readonly sha256: string
}

/** A narrow row as it shall be, and as it must still be for the write to happen. */
export interface Update {
  readonly was: Execution
  readonly is: Execution
}

export interface Admitted {
  readonly request: Request
  readonly execution: Execution
}

/**
 * All that one commit writes. Lists are applied in the order of these fields; updates in their own order. Of each index
 * (ready, timers, parked, pauses, permits, waiters, limits) removals come first, of entries that may not be there, then additions.
 */
export interface Changes {
  readonly queues: readonly Queue[]
  readonly workers: readonly Worker[]
  /** As they are from now on, by epoch; an epoch that is another's already is left alone. */
  readonly leaders: { readonly save: readonly Leader[]; readonly remove: readonly number[] }
  /** As they are from now on, by id; first those go that were last heard of before these times. */
  readonly processes: { readonly save: readonly FleetProcess[]; readonly before: readonly number[] }
  readonly log: readonly LogRow[]
  readonly admitted: readonly Admitted[]
  readonly updates: readonly Update[]
  readonly outcomes: readonly Outcome[]
  readonly steps: readonly Step[]
  readonly effects: readonly Effect[]
  readonly artifacts: readonly Artifact[]
  readonly plans: readonly Plan[]
  readonly planSteps: PlanStepChanges
  /** Of one that is there already, only its end is written. */
  readonly votes: readonly Vote[]
  /** A line that is there already is one that counts, and is replaced. */
  readonly logs: readonly LogLine[]
  readonly signals: { readonly add: readonly Signal[]; readonly take: readonly Taken[] }
  readonly ready: { readonly add: readonly Ready[]; readonly remove: readonly Ready[] }
  readonly timers: { readonly add: readonly Timer[]; readonly remove: readonly Timer[] }
  readonly parked: { readonly add: readonly Parked[]; readonly remove: readonly number[] }
  readonly pauses: { readonly add: readonly Pause[]; readonly remove: readonly Pause[] }
  /** Of those to be closed, the one that is open for the same target ends at `toAt`; before others are opened. */
  readonly pauseIntervals: { readonly open: readonly PauseInterval[]; readonly close: readonly PauseInterval[] }
  /** By key. */
  readonly releases: { readonly save: readonly Release[]; readonly remove: readonly string[] }
  readonly tokens: readonly Token[]
  /** By hash; removals come first. */
  readonly signIns: { readonly save: readonly SignIn[]; readonly remove: readonly string[] }
  readonly rights: readonly RightsChange[]
  readonly policies: readonly Policy[]
  /** As they are from now on. */
  readonly depth: readonly Depth[]
  /** As they are from now on; items behind the command they are of. */
  readonly bulks: readonly Bulk[]
  readonly bulkItems: readonly BulkItem[]
  readonly schedules: { readonly save: readonly Schedule[]; readonly remove: readonly string[] }
  readonly turns: readonly Turn[]
  readonly permits: { readonly add: readonly Permit[]; readonly remove: readonly Permit[] }
  readonly waiters: { readonly add: readonly Waiter[]; readonly remove: readonly Waiter[] }
  readonly limits: { readonly add: readonly Limit[]; readonly remove: readonly Limit[] }
  readonly rates: readonly RateState[]
  readonly timeoutPolicies: readonly TimeoutPolicy[]
  /** A row that is there already stays as it is. A timer among them is taken away from where it cannot be read. */
  readonly quarantine: { readonly add: readonly Omit<Quarantined, 'key'>[]; readonly remove: readonly number[] }
  readonly inbox: TakenUp
  /** Brought back before anything else is written. */
  readonly restore: readonly number[]
  /** Put away after everything else is written, as everything else has left it. */
  readonly archive: readonly { readonly id: number; readonly at: number }[]
}
