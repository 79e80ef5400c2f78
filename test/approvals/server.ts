import type { StoreHost } from '../../src/commit/host.ts'
import { postgres } from '../../src/postgres.ts'
import { type Clock, systemClock } from '../../src/time/clock.ts'
import { startThrowaway } from '../postgres/throwaway.ts'

/** A PostgreSQL of its own, gone with the last history. */
export async function throwaway(clock: Clock): Promise<{ host: StoreHost; close: () => Promise<void> }> {
  const server = await startThrowaway(['fsync=off'])
  try {
    const host = await postgres({ url: server.url, clock: sleepingReally(clock) })
    const close = async (): Promise<void> => {
      await host.close()
      await server.remove()
    }
    return { host, close }
  } catch (thrown) {
    await server.remove()
    throw thrown
  }
}

/** The server's time passes by itself: whoever begins a lost transaction again must not wait for a clock that stands still. */
const sleepingReally = (clock: Clock): Clock => ({
  now: () => clock.now(),
  elapsed: () => clock.elapsed(),
  timer: (ms, fire) => clock.timer(ms, fire),
  sleep: systemClock.sleep,
})
