import type { Clock } from '../time/clock.ts'

/**
 * Resolves after so many milliseconds, in two halves: a process that stood still meanwhile reads what has come in before
 * it says that nothing did.
 */
export function patience(clock: Clock, ms: number): { readonly over: Promise<void>; cancel(): void } {
  const { promise, resolve } = Promise.withResolvers<void>()
  let timer = clock.timer(ms / 2, () => {
    timer = clock.timer(ms / 2, resolve)
  })
  return { over: promise, cancel: () => timer.cancel() }
}
