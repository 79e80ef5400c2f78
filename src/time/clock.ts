/** The only source of time: real outside, virtual in tests and simulations. */
export interface Clock {
  /** Epoch milliseconds, an integer. */
  now(): number
  /** Calls `fire` once after `ms` milliseconds, however many they are. */
  timer(ms: number, fire: () => void): Timer
  /** Resolves after `ms` milliseconds; rejects with the signal's reason once that is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Timer {
  cancel(): void
}

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

/** Sleeps by means of a clock's timer, so that every clock sleeps alike. */
export function sleepOn(clock: Pick<Clock, 'timer'>, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      timer.cancel()
      reject(signal?.reason)
    }
    const timer = clock.timer(ms, () => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    })
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}

export { VirtualClock } from './virtual-clock.ts'
