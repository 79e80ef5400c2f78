import type { Claimed, WorkAnswer } from '../commit/order.ts'
import { Canceled, Failure, JournalMismatch, LeaseLost, TerminalError } from '../errors/failures.ts'
import { isRefusal, type Refusal } from '../errors/refusal.ts'
import type { PermitCommand, WorkerCommand } from '../execution/command.ts'
import { onlyStep } from '../execution/plan.ts'
import type { Clock } from '../time/clock.ts'
import { Chance, insideOf } from './chance.ts'
import { decoded } from './decoding.ts'
import { type Halt, haltOf, reconciled, Suspended } from './halt.ts'
import { Journal } from './journal.ts'
import type { Unlocked } from './secrets.ts'
import { Inbox, type Suspension, type Wait, Waits } from './waits.ts'

/**
 * Carries one command to the side that holds the store, as often as it takes to get an answer.
 *
 * @throws LeaseLost when no answer came for longer than the lease can have held.
 */
export type Work = (command: WorkerCommand | PermitCommand) => Promise<WorkAnswer | Refusal>

/** What steps, effects and the rest of one run share: the claim, its journal, and whether it may go on. */
export class Running {
  readonly claimed: Claimed
  readonly fence: number
  readonly reconcileOnly: boolean
  readonly journal: Journal
  readonly chance: Chance
  readonly signal: AbortSignal
  readonly mask: Unlocked['mask']
  /** The step and target whose effects these are; an action without a plan has one step. */
  readonly scope: string
  /** Place of the step in the plan; undefined for an action without one. */
  readonly idx: number | undefined
  readonly inbox: Inbox
  halt: Halt | undefined
  readonly #work: Work
  readonly #abort: AbortController
  readonly #inFlight = new Set<Promise<unknown>>()
  readonly #waits = new Waits(
    () => this.#inFlight.size,
    (suspension) => this.#suspend(suspension),
  )
  #isOver = false

  /** @throws Undecodable when what the claim has brought cannot be taken up. */
  constructor(
    claimed: Claimed,
    work: Work,
    abort: AbortController,
    mask: Unlocked['mask'],
    scope: string = onlyStep,
    idx?: number,
  ) {
    this.claimed = claimed
    this.fence = claimed.execution.fence
    this.reconcileOnly = claimed.execution.ending !== null
    this.journal = new Journal(claimed)
    this.chance = new Chance(claimed.request.seed)
    this.signal = abort.signal
    this.mask = mask
    this.scope = scope
    this.idx = idx
    this.inbox = new Inbox(claimed.signals, claimed.steps)
    this.#work = work
    this.#abort = abort
    // What waits for something outside cannot see the signal by itself.
    abort.signal.addEventListener('abort', () => this.#waits.end(() => abort.signal.reason), { once: true })
  }

  /**
   * The time by which a wait is measured: of two clocks the store's is the one that wakes, so a process whose own is
   * behind it must not find that a wait which was over for the store goes on.
   */
  timeOf(clock: Pick<Clock, 'now'>): number {
    return Math.max(clock.now(), this.claimed.execution.startedAt ?? 0)
  }

  /**
   * Whether what the handler says now was said by an earlier claim, whose lines are kept. A claim that was lost may have
   * taken its last lines with it, so the one after it says all of them.
   */
  get hasSaid(): boolean {
    return this.journal.isBehind && this.claimed.execution.losses === 0
  }

  /** How many calls of the handler have not settled yet. */
  get callsInFlight(): number {
    return this.#inFlight.size
  }

  /** One call of the handler into its context, for the time that the run may go on. */
  call<T>(what: string, body: () => Promise<T>): Promise<T> {
    const promise = this.#enter(what, body)
    this.#inFlight.add(promise)
    const settled = (): void => {
      this.#inFlight.delete(promise)
      this.#waits.look()
    }
    // A call that the handler does not await must not take the process down when it fails.
    promise.then(settled, settled)
    return promise
  }

  async #enter<T>(what: string, body: () => Promise<T>): Promise<T> {
    if (this.halt !== undefined) throw this.halt.error
    if (this.#isOver) throw new TerminalError(`${what} was asked for after the handler had ended.`)
    const around = insideOf()
    if (around !== undefined) {
      throw this.stop({
        kind: 'failed',
        error: new JournalMismatch(`${what} was asked for inside ${around}; a replay would skip it. Call it outside.`),
      })
    }
    return await body()
  }

  /** Waits for something outside of this process; the run is suspended once every call of the handler waits. */
  async wait(wait: Wait): Promise<never> {
    if (this.signal.aborted) throw this.signal.reason
    return await this.#waits.add(wait)
  }

  /** The number of the signal that the next wait for this name is for. */
  nextSignal(name: string): number {
    return this.inbox.next(name) + this.#waits.awaiting(name)
  }

  #suspend(suspension: Suspension): void {
    if (this.halt !== undefined || this.#isOver) return
    const halt: Halt = this.reconcileOnly ? reconciled() : { kind: 'suspended', suspension, error: new Suspended() }
    this.stop(halt)
    this.#waits.end(() => halt.error)
  }

  /** Remembers why the run may not go on, and gives what to throw. A lost lease outweighs every other reason. */
  stop(halt: Halt): Error {
    if (this.halt === undefined || (halt.kind === 'lost' && this.halt.kind !== 'lost')) this.halt = halt
    // What runs beside the call that learned of it is told, too.
    const tellsOthers = halt.kind === 'lost' || halt.kind === 'suspended' || halt.error instanceof Canceled
    if (tellsOthers && halt.kind !== 'reconciled') this.#abort.abort(halt.error)
    return halt.error
  }

  /** Reads a record of an earlier claim. One that cannot be read ends the run, whatever the handler makes of it. */
  decode<T>(what: string, text: string | null, fits?: (value: T) => boolean): T {
    try {
      return decoded(what, text, fits)
    } catch (thrown) {
      throw thrown instanceof Failure ? this.stop({ kind: 'failed', error: thrown }) : thrown
    }
  }

  /** Asks the other side for something that is no command; a refusal ends the run as it would there. */
  async ask<T extends object>(call: () => Promise<T | Refusal>): Promise<T> {
    let answer: T | Refusal
    try {
      answer = await call()
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw this.stop({ kind: 'lost', error: thrown })
      throw thrown
    }
    if (isRefusal(answer)) throw this.stop(haltOf(answer))
    return answer
  }

  /** Sends a command; gives the refusal back only if the caller says that it is an answer. */
  async send(
    command: WorkerCommand | PermitCommand,
    answers?: readonly Refusal['code'][],
  ): Promise<Refusal | undefined> {
    let answer: WorkAnswer | Refusal
    try {
      answer = await this.#work(command)
    } catch (thrown) {
      if (thrown instanceof LeaseLost) throw this.stop({ kind: 'lost', error: thrown })
      throw thrown
    }
    if (isRefusal(answer)) {
      if (answers?.includes(answer.code) === true) return answer
      throw this.stop(haltOf(answer))
    }
    // Every answer shows the row: a wish to cancel need not wait for the next heartbeat.
    if (answer.cancelledAt !== null && !this.reconcileOnly && !this.signal.aborted) {
      this.#abort.abort(new Canceled('Somebody asked to cancel this execution.'))
    }
    return undefined
  }

  /** Lets no new call in and waits for those under way, whose outcomes must be on record before the run settles. */
  async finish(): Promise<void> {
    this.#isOver = true
    this.#waits.end(() => new TerminalError('The handler ended while a call of it was waiting.'))
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight)
  }
}
