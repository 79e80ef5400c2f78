import type { Place } from '../commit/due/due-news.ts'
import type { Answers, Claimed, DrainAsked, Held, Hello, Spawn, WorkAnswer } from '../commit/order.ts'
import type { Refusal } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'

/** What a worker is told when it signs on; all durations in milliseconds. */
export interface Welcome {
  /** Key of this incarnation: named in every later call. */
  readonly worker: number
  readonly leaseMs: number
  readonly heartbeatMs: number
  readonly pollMs: number
  /** Longest time the handlers' event loop may stand still before its leases are no longer renewed. */
  readonly stallLimitMs: number
  /** How long a handler may take to end after its abort, before it counts as one that ignores it. */
  readonly cancelGraceMs: number
}

/** That an execution is due, and where it stands among the due. */
export interface Hint extends Omit<Place, 'id'> {
  /** Its public id. */
  readonly execution: string
}

export interface Beat {
  readonly worker: number
  readonly held: readonly Held[]
  readonly stalledMs: number | null
}

export interface BeatAnswer {
  /** Executions whose lease is somebody else's by now: abort, touch nothing. */
  readonly lost: readonly number[]
  /** Executions that somebody asked to cancel. */
  readonly cancel: readonly number[]
  /** Work that must run alone waits for a worker. */
  readonly suspects?: boolean | undefined
  /** Somebody asked this worker to take no more. */
  readonly drain?: DrainAsked | undefined
}

/**
 * All a worker says to the side that holds the store, whatever carries it: a call in the same process, a local socket
 * or HTTP. Every call may be repeated after a lost reply: a doubled message changes nothing twice.
 *
 * @throws NetworkError when the other side cannot be reached; the caller does not know whether the call took effect.
 */
export interface WorkerProtocol {
  register(hello: Hello): Promise<Welcome>
  /** Due work, at most `limit`; waits up to `waitMs` for some. */
  claim(ask: {
    readonly worker: number
    readonly limit: number
    /** How many of them may be suspects, which run alone; none by default. */
    readonly alone?: number | undefined
    /** Takes these alone, as far as they still are where a hint has seen them; then it does not wait. */
    readonly only?: readonly Hint[] | undefined
    readonly waitMs: number
  }): Promise<readonly Claimed[]>
  heartbeat(beat: Beat): Promise<BeatAnswer>
  /** News about what the worker holds, so that it need not wait for a heartbeat; waits up to `waitMs` for some. */
  listen(ask: { readonly worker: number; readonly waitMs: number }): Promise<Answers['listen']>
  /** Says that handlers that ignore their abort keep it from claiming, or do so no longer; leases are kept. */
  drain(worker: number, on: boolean): Promise<void>
  /** Records, intents, outcomes, permits of steps and the settling of one execution; a refusal is an answer, not an error. */
  work(worker: number, id: number, command: WorkerCommand | PermitCommand): Promise<WorkAnswer | Refusal>
  /** A process that this worker had started to run actions on their own has ended; the worker has waited for it. */
  gone(end: { readonly worker: number; readonly cell: number; readonly proof: string }): Promise<void>
  /** Admits a child of an execution that the worker runs; a refusal is an answer. */
  spawn(worker: number, id: number, spawn: Spawn): Promise<Answers['spawn'] | Refusal>
  /** Nothing is held any more and nothing will be: the incarnation ends. */
  signOff(worker: number): Promise<void>
}
