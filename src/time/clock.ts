import { type Clock, sleepOn } from './sleep.ts'

export type { Clock, Timer } from './sleep.ts'
export { VirtualClock } from './virtual-clock.ts'

/** The longest time that `setTimeout` can wait; beyond it, Node fires at once. */
const timeoutMsMax = 2 ** 31 - 1

/** The clock of this machine. Timers made with `unref` do not keep the process alive. */
export function createSystemClock(options: { readonly unref?: boolean } = {}): Clock {
  const clock: Clock = {
    now: () => Date.now(),
    timer(ms, fire) {
      let leftMs = Math.max(0, Number.isNaN(ms) ? 0 : ms)
      let handle: NodeJS.Timeout
      const arm = (): void => {
        const partMs = Math.min(leftMs, timeoutMsMax)
        leftMs -= partMs
        handle = setTimeout(leftMs > 0 ? arm : fire, partMs)
        if (options.unref === true) handle.unref()
      }
      arm()
      return { cancel: () => clearTimeout(handle) }
    },
    sleep: (ms, signal) => sleepOn(clock, ms, signal),
  }
  return clock
}

export const systemClock: Clock = createSystemClock()
