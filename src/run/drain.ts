import type { DrainAsked } from '../commit/order.ts'
import type { Clock } from '../time/clock.ts'

export interface StopOptions {
  /** Milliseconds for handlers to end by themselves; 10 s by default. */
  readonly graceMs?: number | undefined
  /** Milliseconds for handlers to end after they were aborted; 2 s by default. */
  readonly abortMs?: number | undefined
}

export interface Stopped {
  /** Executions whose handler ignored the abort. They are not handed back: only the end of the process frees them. */
  readonly abandoned: readonly string[]
}

export interface DrainPorts {
  readonly clock: Pick<Clock, 'now'>
  readonly stop: (options: StopOptions) => Promise<Stopped>
  /** Told at the end, when nothing of the worker runs any more. */
  readonly onDrained?: ((stopped: Stopped) => void) | undefined
}

/** Whoever set no limit means to wait; a year is longer than any process lives. */
const unlimitedMs = 365 * 86_400_000

/** What an operator asked of a worker: it stops as it does at its end, only that what runs may take its time. */
export class OperatorDrain {
  readonly #ports: DrainPorts
  #until: number | null | undefined

  constructor(ports: DrainPorts) {
    this.#ports = ports
  }

  /** The same word comes with every heartbeat; another limit than before is another word. */
  hear({ until }: DrainAsked): void {
    if (this.#until === until) return
    const isFirst = this.#until === undefined
    this.#until = until
    const { clock, stop, onDrained } = this.#ports
    const stopped = stop({ graceMs: until === null ? unlimitedMs : Math.max(0, until - clock.now()) })
    if (isFirst) void stopped.then((end) => onDrained?.(end))
    else void stopped
  }
}
