import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Gate } from '../execution/approval.ts'
import type { Command, PermitCommand, Principal, WorkerCommand } from '../execution/command.ts'
import type { Effect, Execution, OnParentCancel, Request, Signal, Step } from '../execution/execution.ts'
import type { State } from '../execution/machine.ts'
import type { Plan, PlanStep } from '../execution/plan.ts'
import type { TimeoutPolicy } from '../execution/timeout-policy.ts'
import type { RightsChange } from '../rights/change.ts'
import type { WaitingMax } from '../store/inbox.ts'
import type { UndecodableRow } from '../store/quarantine.ts'
import type { Admitted, Bulk, Pause, Ready, Schedule, Worker, WorkerDrain, WorkerRole } from '../store/rows.ts'
import type { Token } from '../store/sign-in.ts'
import type { Place } from './due/due-news.ts'
import type { FleetAnswers, FleetOrder } from './fleet/fleet-orders.ts'
import type { PolicyAnswers, PolicyOrder } from './rights/policies.ts'
import type { RightsOrder } from './rights/rights-orders.ts'
import type { SignInChange, TokenChange } from './rights/sign-in-orders.ts'

/** `first`: it stands · `supersede`: other input takes its place · `debounce`: any input does, and starts anew to wait. */
export const dedupes = ['first', 'supersede', 'debounce'] as const
export type Dedupe = (typeof dedupes)[number]

/** A checked request to create one execution; everything text is canonical already. */
export interface Admission {
  readonly tenant: string
  readonly action: string
  readonly version: number
  readonly subject: string | null
  readonly key: string | null
  readonly recordOnly: boolean
  readonly input: string
  readonly inputHash: string
  readonly seed: string
  readonly traceId: string
  readonly requestedBy: Principal
  readonly mode: 'immediate' | 'background'
  readonly priority: number
  readonly slaClass: string
  readonly actionClass: string
  readonly maxAttempts: number
  /** Null is "now". */
  readonly availableAt: number | null
  readonly delayMs: number | null
  readonly deadlineAt: number | null
  readonly parentId: number | null
  /** What becomes of an older execution that holds the key and was never claimed; `first` when not given. */
  readonly dedupe?: Dedupe | undefined
  /** Whether only an execution that the same principal asked for may be replaced. */
  readonly ownOnly?: boolean | undefined
  /** The most that may wait in its queue, and in all queues, of its tenant. */
  readonly queueMax?: number | undefined
  readonly tenantMax?: number | undefined
  /** Named when a schedule asks: told as an event of the new execution. */
  readonly schedule?: { readonly name: string; readonly occurrence: string } | undefined
  /** What every run needs, as `execution/permit.ts` writes it; null when it needs nothing. */
  readonly permits: string | null
  /** Somebody has to plan it before it may be queued. */
  readonly isPlanned?: boolean | undefined
  /** What people must agree to before it is queued; an action without `plan()` brings its plan along. */
  readonly gate?: Gate | undefined
  /** The policy it was checked under; 1 when not given. */
  readonly policyVersion?: number | undefined
  /** Ancestors; 0 without a parent. */
  readonly depth: number
  readonly onParentCancel: OnParentCancel | null
}

/** A child as the run of its parent asks for it; who asks and for which tenant is the parent's. */
export interface Spawn {
  readonly fence: number
  readonly name: string
  readonly ordinal: number
  readonly startedAt: number
  readonly admission: Admission
}

/** What a worker is handed: all it needs to run, and what earlier claims have recorded. */
export interface Claimed {
  readonly execution: Execution
  readonly request: Request
  readonly steps: readonly Step[]
  readonly effects: readonly Effect[]
  /** Milliseconds that this attempt may take, by the policy as it was at the claim; null is no limit. */
  readonly attemptMs: number | null
  /** The plan that is to be carried out, and how far each of its steps has come. */
  readonly plan?: Plan | undefined
  readonly targets?: readonly PlanStep[] | undefined
  /** What was sent and not taken yet, by name and number. */
  readonly signals: readonly Signal[]
}

/** What a worker says of itself when it signs on. */
export type Hello = Pick<
  Worker,
  'identity' | 'incarnation' | 'host' | 'pid' | 'startedTicks' | 'bootId' | 'actions' | 'slots'
> & { readonly isolates?: boolean | undefined; readonly role?: WorkerRole | undefined }

/** One lease, by what tells it from every other. */
export interface Hold {
  readonly id: number
  readonly fence: number
}

/** What a step stood in line for is its own now. */
export interface Grant extends Hold {
  readonly step: string
}

/** Take no more; what still runs at `until` goes back, and null lets it come to its end. */
export type DrainAsked = Pick<WorkerDrain, 'until'>

export interface Held extends Hold {
  readonly cancelChecks: number
}

/** One thing to be done in some next transaction. */
export type Order = Duty & Errand

/** Given by the leader of this epoch, as one of its duties: refused once another one has begun. */
export interface Duty {
  readonly duty?: number | undefined
}

type Errand =
  | { readonly kind: 'admit'; readonly admission: Admission }
  /** Many at once, in one commit, or in parts where one cannot be written; each is answered for itself, in their order. */
  | { readonly kind: 'admit_many'; readonly admissions: readonly Admission[] }
  /** Runs an execution that has ended once more, as a new one: its admission says the same, but for the seed. */
  | { readonly kind: 'rerun'; readonly id: number; readonly reason: string | null; readonly admission: Admission }
  | {
      readonly kind: 'command'
      readonly id: number
      readonly tenant: string | null
      readonly command: Command
      readonly principal: Principal
      /** Refuses when the execution's newest event is another (`If-Match`). */
      readonly ifNumber?: number | undefined
    }
  | { readonly kind: 'work'; readonly worker: number; readonly id: number; readonly command: WorkerCommand }
  /** Admits a child of the execution that a worker runs, and records it in the journal, in one commit. */
  | { readonly kind: 'spawn'; readonly worker: number; readonly id: number; readonly spawn: Spawn }
  /** Takes due work; stays until there is some, for `waitMs` at most. */
  | {
      readonly kind: 'claim'
      readonly worker: number
      readonly limit: number
      /** How many of them may be suspects: those run alone. */
      readonly alone?: number | undefined
      /** Takes these alone, as far as they still are where a hint has seen them; then it does not stay. */
      readonly only?: readonly Place[] | undefined
      readonly leaseMs: number
      readonly waitMs: number
    }
  /** Reads a part of all that is due, behind a place: for whoever has lost hints of it. */
  | { readonly kind: 'due'; readonly behind: Place | null; readonly limit: number }
  | {
      readonly kind: 'heartbeat'
      readonly worker: number
      readonly leaseMs: number
      readonly held: readonly Held[]
      /** How long the handlers' event loop has not ticked; leases are not renewed when it is over the limit. */
      readonly stalledMs: number | null
    }
  /** Waits for news about what the worker holds; stays until there is some, for `waitMs` at most. */
  | { readonly kind: 'listen'; readonly worker: number; readonly waitMs: number }
  | { readonly kind: 'register'; readonly hello: Hello }
  | FleetOrder
  /** A person wants the living workers of this identity to take no more; what still runs at `until` is handed back. */
  | {
      readonly kind: 'ask_drain'
      readonly identity: string
      readonly by: string
      readonly reason: string
      /** Milliseconds that what runs has to come to its end; null sets it no limit. */
      readonly graceMs: number | null
    }
  /** Handlers that ignore their abort keep the worker from claiming, or do so no longer. */
  | { readonly kind: 'drain'; readonly worker: number; readonly on: boolean }
  /** The worker takes no more work and holds none. */
  | { readonly kind: 'sign_off'; readonly worker: number }
  /** The process behind a worker is gone: its leases end now. */
  | {
      readonly kind: 'gone'
      readonly worker: number
      readonly proof: string
      readonly cause: 'exit' | 'restart'
      /** The worker that says so: it may speak only of processes that it started itself. */
      readonly by?: number | undefined
      readonly poisonLosses?: number | undefined
    }
  /** Ends leases that had run out at `now`, or at the time of the commit; never ones that have not. */
  | { readonly kind: 'sweep'; readonly now?: number | undefined; readonly poisonLosses?: number | undefined }
  | {
      readonly kind: 'pause'
      readonly pause: Omit<Pause, 'at'>
      readonly on: boolean
      /** How many executions a second are let go when it ends. */
      readonly pacePerSecond?: number | undefined
    }
  /** Takes effect with the next commit; history is kept. */
  | { readonly kind: 'timeout_policy'; readonly policy: Omit<TimeoutPolicy, 'version' | 'at' | 'fromPosition'> }
  /** `by`: who gives it, or changes it; its own principal when not said. */
  | { readonly kind: 'token'; readonly token: Token; readonly by?: string | undefined }
  | {
      readonly kind: 'token_change'
      readonly id: string
      readonly tenant: string
      readonly change: TokenChange
      readonly by?: string | undefined
    }
  | { readonly kind: 'sign_in'; readonly change: SignInChange }
  | RightsOrder
  | PolicyOrder
  /** Puts a part of what ended before a time into the archive; says with `next` where to go on. */
  | {
      readonly kind: 'archive'
      readonly finishedBefore: number
      readonly states?: readonly State[] | undefined
      /** Null is every tenant's. */
      readonly tenant: string | null
      readonly after: number
      readonly limit: number
      readonly dryRun: boolean
      readonly principal: Principal
    }
  | { readonly kind: 'restore'; readonly id: number; readonly tenant: string; readonly principal: Principal }
  | { readonly kind: 'bulk_open'; readonly bulk: Pick<Bulk, 'tenant' | 'command' | 'query' | 'reason' | 'by'> }
  | {
      readonly kind: 'bulk_fill'
      readonly key: number
      readonly executions: readonly number[]
      readonly isLast: boolean
    }
  | { readonly kind: 'bulk_cancel'; readonly key: number; readonly tenant: string }
  /** Does the next part of a bulk command; a rerun needs what its executions were admitted with, checked anew. */
  | {
      readonly kind: 'bulk_work'
      readonly key: number
      readonly limit: number
      readonly admissions: readonly (readonly [number, Admission | Refusal])[]
    }
  | { readonly kind: 'schedule_create'; readonly schedule: Omit<Schedule, 'createdAt' | 'updatedAt' | 'version'> }
  /** Changes what a person may change, or deletes with `set: null`; refuses when `ifVersion` is not the present one. */
  | {
      readonly kind: 'schedule_change'
      readonly tenant: string
      readonly name: string
      readonly set: Pick<Schedule, 'isPaused' | 'nextAt'> | null
      readonly ifVersion: number
    }
  /** What was due has been submitted: moves `nextAt` on, if it still is `from`. */
  | {
      readonly kind: 'schedule_advance'
      readonly id: string
      readonly tenant: string
      readonly name: string
      readonly from: number
      readonly to: number | null
      readonly lastAt: number | null
      readonly lastError: string | null
    }
  /** Takes or gives permits of one step of a running execution. */
  | { readonly kind: 'permit'; readonly worker: number; readonly id: number; readonly command: PermitCommand }
  /** Sets the capacity of a key, or goes back to the declared one (null). */
  | {
      readonly kind: 'limit'
      readonly tenant: string
      readonly key: string
      readonly capacity: number | null
      readonly by: string
      readonly reason: string
    }
  /** Frees permits of a key now: all of them, or those of one execution. */
  | {
      readonly kind: 'break'
      readonly tenant: string
      readonly key: string
      readonly execution: number | null
      readonly principal: string
      readonly reason: string
    }
  /** Takes up what callers have left in transactions of their own; `refused` is the submission that cannot be written. */
  | ({ readonly kind: 'take_inbox'; readonly refused: number | null } & WaitingMax)
  /** Rows that somebody could not read. */
  | { readonly kind: 'set_aside'; readonly rows: readonly UndecodableRow[] }
  /** Lets go what was set aside under a key, once it can be read. */
  | { readonly kind: 'release'; readonly key: number; readonly tenant: string }

export type OrderKind = Order['kind']
export type OrderOf<K extends OrderKind> = Extract<Order, { kind: K }>

/** What a worker must know of the execution after its command; the rest it was handed at the claim. */
export type WorkAnswer = Pick<Execution, 'state' | 'n' | 'attempt' | 'availableAt' | 'cancelledAt'>

/** What only the commit knows of a new execution. */
export interface Born {
  readonly id: number
  readonly queue: number
  readonly generation: number
  readonly position: number
  readonly at: number
  /** The earlier of the one that was asked for and the one that the timeout policy sets. */
  readonly deadlineAt: number | null
}

export interface Answers extends PolicyAnswers, FleetAnswers {
  /** A new execution follows from its admission, which the caller has, and these; an older one is told whole. */
  admit:
    | { readonly replayed: false; readonly born: Born }
    | {
        readonly replayed: true
        readonly execution: Execution
        readonly request: Request
        readonly isArchived?: true | undefined
      }
  admit_many: readonly Answer<'admit'>[]
  rerun: Admitted
  command: Execution
  work: WorkAnswer
  /** The public id of the child. */
  spawn: { readonly child: string }
  claim: readonly Claimed[]
  due: readonly Ready[]
  /** `suspects`: due work that runs alone waits for a worker. */
  heartbeat: {
    readonly lost: readonly number[]
    readonly cancel: readonly number[]
    readonly suspects?: boolean
    readonly drain?: DrainAsked
  }
  /** `cancel`: somebody asked to cancel them · `granted`: permits that their steps wait for are theirs now. */
  listen: { readonly cancel: readonly Hold[]; readonly granted: readonly Grant[]; readonly drain?: DrainAsked }
  ask_drain: { readonly workers: readonly Worker[] }
  register: { readonly worker: number }
  drain: { readonly worker: number }
  sign_off: { readonly worker: number }
  gone: { readonly recovered: readonly number[] }
  sweep: { readonly recovered: readonly number[]; readonly more: boolean }
  pause: { readonly changed: boolean }
  timeout_policy: Pick<TimeoutPolicy, 'version' | 'at'>
  token: { readonly id: string }
  token_change: Token
  /** Hashes of the links and sessions that are over with it. */
  sign_in: { readonly ended: readonly string[] }
  rights: RightsChange
  denied: { readonly recorded: boolean }
  archive: { readonly count: number; readonly next: number | null }
  restore: Execution
  bulk_open: Bulk
  bulk_fill: Bulk
  bulk_cancel: Bulk
  bulk_work: Bulk
  schedule_create: Schedule
  schedule_change: Schedule
  schedule_advance: { readonly advanced: boolean }
  permit: WorkAnswer
  limit: { readonly changed: boolean }
  break: { readonly broken: readonly number[] }
  take_inbox: { readonly taken: number; readonly more: boolean }
  set_aside: { readonly setAside: number }
  /** How many rows of the execution were let go. */
  release: { readonly released: number }
}

export type Answer<K extends OrderKind = OrderKind> = Answers[K] | Refusal

/** Where orders go: the writer of this process, its thread, or a test's stand-in for either. */
export interface Orders {
  /**
   * Resolves after the commit that holds the order is durable.
   *
   * @throws DatabaseError when the store could not commit it; nothing of the order is written then.
   */
  give<K extends OrderKind>(order: OrderOf<K>): Promise<Answer<K>>
}

export const unknownWorker = (key: number): Refusal =>
  refuse('worker_unknown', `No worker is registered under the key ${key}.`, { worker: key })

export function admissionsOf(order: Order): readonly Admission[] {
  if (order.kind === 'admit_many') return order.admissions
  if (order.kind === 'bulk_work') {
    return order.admissions.flatMap(([, admission]) => (isRefusal(admission) ? [] : [admission]))
  }
  return order.kind === 'admit' || order.kind === 'rerun' ? [order.admission] : []
}
