import { type Clock, sleepOn } from './sleep.ts'
import { SteadyTime, type TimeSources } from './steady.ts'

export type { Clock, Timer } from './sleep.ts'
export { VirtualClock } from './virtual-clock.ts'

/** The longest time that `setTimeout` can wait; beyond it, Node fires at once. */
const timeoutMsMax = 2 ** 31 - 1

export interface SystemClockOptions {
  /** Timers do not keep the process alive. */
  readonly unref?: boolean | undefined
  /** The newest time that a store holds: this clock begins no earlier, however the machine's was set meanwhile. */
  readonly floorAt?: number | undefined
  /** Replaced in tests. */
  readonly sources?: TimeSources | undefined
}

/** The same in every thread of the process, unlike `performance.now`. */
function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime()
  return seconds * 1_000 + nanoseconds / 1e6
}

const machine: TimeSources = { wall: () => Date.now(), monotonic: monotonicMs }

/** The clock of this machine, made steady: see {@link SteadyTime}. */
export function createSystemClock({ unref, floorAt, sources = machine }: SystemClockOptions = {}): Clock {
  const time = new SteadyTime(sources, floorAt)
  const clock: Clock = {
    now: () => time.now(),
    elapsed: sources.monotonic,
    timer(ms, fire) {
      let leftMs = Math.max(0, Number.isNaN(ms) ? 0 : ms)
      let handle: NodeJS.Timeout
      const arm = (): void => {
        const partMs = Math.min(leftMs, timeoutMsMax)
        leftMs -= partMs
        handle = setTimeout(leftMs > 0 ? arm : fire, partMs)
        if (unref === true) handle.unref()
      }
      arm()
      return { cancel: () => clearTimeout(handle) }
    },
    sleep: (ms, signal) => sleepOn(clock, ms, signal),
  }
  return clock
}

export const systemClock: Clock = createSystemClock()
