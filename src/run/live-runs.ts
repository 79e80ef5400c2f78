import type { Claimed, Grant } from '../commit/order.ts'
import { Canceled, LeaseLost } from '../errors/failures.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { Bell } from './bell.ts'
import { ShuttingDown } from './halt.ts'
import type { Lease } from './heart.ts'

/** One execution that this process runs, from its claim until it is settled. */
export interface LiveRun {
  readonly lease: Lease
  readonly publicId: string
  readonly abort: AbortController
  /** Rings for its steps when the permits are theirs that they stood in line for. */
  readonly bell: Bell
  /** The lease cannot hold any more, whatever the abort said first. */
  isLost: boolean
  done: Promise<void>
  /** Ends at once the process in which it runs; not there for a handler of this process. */
  kill?: (() => void) | undefined
}

/** What becomes of a handler that was told to end. */
export interface AbortRules {
  readonly clock: Clock
  /** Milliseconds that its handler has after the abort. */
  graceMs(claimed: Claimed): number
  /** It goes on nevertheless and cannot be killed: it keeps its slot until it ends. */
  ignored(run: LiveRun): void
  /** It has ended, whatever it was told, and is no longer among the runs. */
  ended(run: LiveRun): void
}

/** What one worker runs. An execution whose lease was lost may be here twice: its old run is on its way out. */
export class LiveRuns {
  readonly #runs = new Set<LiveRun>()
  readonly #newest = new Map<number, LiveRun>()
  readonly #rules: AbortRules

  constructor(rules: AbortRules) {
    this.#rules = rules
  }

  get size(): number {
    return this.#runs.size
  }

  publicIds(): string[] {
    return [...this.#runs].map(({ publicId }) => publicId)
  }

  /** Begins `body` once no earlier run of the same execution is left: nothing runs beside it. `body` must not throw. */
  begin(claimed: Claimed, body: (run: LiveRun) => Promise<void>): void {
    const { execution, request } = claimed
    const { id, fence } = execution
    const earlier = this.#newest.get(id)
    if (earlier !== undefined) lose(earlier, 'the execution was claimed again')
    const abort = new AbortController()
    const run: LiveRun = {
      lease: { id, fence },
      publicId: request.publicId,
      abort,
      bell: new Bell(),
      isLost: false,
      done: Promise.resolve(),
    }
    const grace = this.#watchAbort(claimed, run)
    this.#runs.add(run)
    this.#newest.set(id, run)
    run.done = Promise.resolve(earlier?.done)
      .then(() => body(run))
      .finally(() => {
        grace.cancel()
        this.#runs.delete(run)
        if (this.#newest.get(id) === run) this.#newest.delete(id)
        this.#rules.ended(run)
      })
  }

  /** A shutdown has a patience of its own: it ends with the process. */
  #watchAbort(claimed: Claimed, run: LiveRun): Timer {
    const { clock, graceMs, ignored } = this.#rules
    const { signal } = run.abort
    let timer: Timer | undefined
    let isOver = false
    const onAbort = (): void => {
      if (isOver || signal.reason instanceof ShuttingDown) return
      timer = clock.timer(graceMs(claimed), () => {
        if (run.kill === undefined) ignored(run)
        else run.kill()
      })
    }
    signal.addEventListener('abort', onAbort, { once: true })
    return {
      cancel() {
        isOver = true
        timer?.cancel()
      },
    }
  }

  lose({ id, fence }: Lease, reason: string): void {
    const run = this.#newest.get(id)
    if (run?.lease.fence === fence) lose(run, reason)
  }

  loseAll(reason: string): void {
    for (const run of this.#runs) lose(run, reason)
  }

  cancel({ id, fence }: Lease): void {
    const run = this.#newest.get(id)
    if (run?.lease.fence === fence) run.abort.abort(new Canceled('Somebody asked to cancel this execution.'))
  }

  grant({ id, fence, step }: Grant): void {
    const run = this.#newest.get(id)
    if (run?.lease.fence === fence) run.bell.ring(step)
  }

  shutDown(): void {
    for (const { abort } of this.#runs) abort.abort(new ShuttingDown())
  }

  /** Waits for every run to be settled, for `ms` at most. */
  async allEnd(clock: Clock, ms: number): Promise<void> {
    if (this.#runs.size === 0) return
    const patience = new AbortController()
    const ended = Promise.all([...this.#runs].map((run) => run.done)).then(() => patience.abort())
    await Promise.race([ended, clock.sleep(ms, patience.signal).catch(() => {})])
  }
}

function lose(run: LiveRun, reason: string): void {
  run.isLost = true
  run.abort.abort(new LeaseLost(`The lease is lost: ${reason}.`))
}
