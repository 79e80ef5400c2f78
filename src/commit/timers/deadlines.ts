import { isPaused, pausedMs } from '../../claim/paused.ts'
import { isRefusal } from '../../errors/refusal.ts'
import { decideDeadlineMoved } from '../../execution/decide-deadline.ts'
import { decideExpire } from '../../execution/decide-run.ts'
import type { Execution, Request } from '../../execution/execution.ts'
import { isTerminal } from '../../execution/machine.ts'
import type { PauseInterval, Timer } from '../../store/rows.ts'
import { around } from '../commands.ts'
import type { Workers } from '../fleet/registry.ts'
import { loadEffects, loadRequests } from '../loading.ts'
import type { Memory } from '../memory.ts'
import { type Asking, ask } from '../reads.ts'
import type { Actor, Workset } from '../workset.ts'

/** How soon a deadline that stands still is looked at again: a quarter of how long it has stood, within these bounds. */
const againMsMin = 5_000
const againMsMax = 60_000

const timer: Actor = { principal: 'system:timer', worker: null }

/** Ends what is out of time, and puts off what only a pause has held back. */
export class Deadlines {
  readonly #work: Workset
  readonly #memory: Memory
  readonly #workers: Workers
  #known: { readonly since: number; readonly intervals: readonly PauseInterval[] } | undefined

  constructor(work: Workset, memory: Memory, workers: Workers) {
    this.#work = work
    this.#memory = memory
    this.#workers = workers
  }

  /** For work that is about to be claimed, rows loaded: as it may run now, or null when its time was over. */
  *inTime(execution: Execution, request: Request): Asking<Execution | null> {
    if (execution.deadlineAt === null) return execution
    const moved = this.#move(execution, request, yield* this.#intervals(idleFrom(execution, request)))
    if ((moved.deadlineAt ?? Number.POSITIVE_INFINITY) > this.#work.now || moved.ending !== null) return moved
    if (moved.openEffects > 0) yield* loadEffects(this.#work, [moved.id])
    const ended = this.#expire(moved)
    return isTerminal(ended.state) ? null : ended
  }

  /** Timers that rang, with the executions and ledgers they name loaded. */
  *fire(timers: readonly Timer[]): Asking<void> {
    const due: Execution[] = []
    // One that stood still has several timers, and more than one may ring by now: it ends once.
    for (const id of new Set(timers.map((each) => each.id))) {
      const execution = this.#work.executions.get(id)
      if (execution === undefined || execution.deadlineAt === null || execution.deadlineAt > this.#work.now) continue
      if (!isTerminal(execution.state)) due.push(execution)
    }
    const idle = due.filter(({ state }) => state !== 'running')
    let intervals: readonly PauseInterval[] = []
    if (idle.length > 0 && this.#memory.pausedTime.until > 0) {
      yield* loadRequests(
        this.#work,
        idle.map(({ id }) => id),
      )
      const since = Math.min(...idle.map((execution) => idleFrom(execution, this.#requestOf(execution))))
      intervals = yield* this.#intervals(since)
    }
    for (const execution of due) {
      if (execution.state === 'running' || intervals.length === 0) this.#expire(execution)
      else this.#expireUnlessPaused(execution, this.#requestOf(execution), intervals)
    }
  }

  #expireUnlessPaused(execution: Execution, request: Request, intervals: readonly PauseInterval[]): void {
    const { now } = this.#work
    const from = idleFrom(execution, request)
    if (!isPaused(intervals, request)) {
      const moved = this.#move(execution, request, intervals)
      if (moved.deadlineAt !== null && moved.deadlineAt <= now) this.#expire(moved)
      return
    }
    // It stands still. The row is left alone: nothing has happened to it, however long the pause lasts.
    const stoodMs = pausedMs(intervals, request, from, now)
    const restMs = (execution.deadlineAt ?? now) + stoodMs - now
    if (restMs <= 0) {
      this.#expire(execution)
      return
    }
    const againMs = Math.max(restMs, Math.min(againMsMax, Math.max(againMsMin, stoodMs / 4)))
    this.#work.addTimer({ at: Math.ceil(now + againMs), kind: 'deadline', id: execution.id })
  }

  #move(execution: Execution, request: Request, intervals: readonly PauseInterval[]): Execution {
    if (intervals.length === 0) return execution
    const { now } = this.#work
    const byMs = pausedMs(intervals, request, idleFrom(execution, request), now)
    return byMs === 0 ? execution : this.#work.apply(execution, decideDeadlineMoved(execution, byMs, now), timer)
  }

  #expire(execution: Execution): Execution {
    const command = { type: 'expire' } as const
    const decision = decideExpire(execution, around(this.#work, execution, command, timer.principal, this.#workers))
    return isRefusal(decision) ? execution : this.#work.apply(execution, decision, timer)
  }

  #requestOf({ id }: Execution): Request {
    const request = this.#work.requests.get(id)
    if (request === undefined) throw new Error(`the request of execution ${id} was not loaded`)
    return request
  }

  /** Those that ended behind `since` or stand yet. An earlier one of this batch that was just set has held nothing. */
  *#intervals(since: number): Asking<readonly PauseInterval[]> {
    if (this.#memory.pausedTime.until <= since) return []
    if (this.#known === undefined || this.#known.since > since) {
      this.#known = { since, intervals: yield* ask('pauseIntervals', since) }
    }
    return this.#known.intervals
  }
}

/** Since when its time may have stood still: it has not run since. */
const idleFrom = (execution: Execution, request: Request): number => execution.idleSince ?? request.at
