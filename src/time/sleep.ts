/** The only source of time: real outside, virtual in tests and simulations. */
export interface Clock {
  /** Epoch milliseconds, an integer. */
  now(): number
  /** Milliseconds that have passed since some moment, whatever the wall was set to; the same in all threads. */
  elapsed(): number
  /** Calls `fire` once after `ms` milliseconds, however many they are. */
  timer(ms: number, fire: () => void): Timer
  /** Resolves after `ms` milliseconds; rejects with the signal's reason once that is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
}

export interface Timer {
  cancel(): void
}

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
