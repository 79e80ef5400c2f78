import type { Orders } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { archiveAll } from './archives.ts'

export interface RetentionOptions {
  readonly orders: Orders
  readonly clock: Clock
  readonly afterDays: number
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void
}

const dayMs = 86_400_000
/** Soon after the start, because a process that is restarted every night would never come to its first day. */
const firstMs = 60_000

/** Archives once a day what ended so many days ago, in every tenant; a run that fails is told and tried the next day. */
export function startRetention(options: RetentionOptions): { stop(): Promise<void> } {
  const { orders, clock, afterDays, log } = options
  let timer: Timer
  let running: Promise<void> = Promise.resolve()
  let isStopped = false
  const run = async (): Promise<void> => {
    const what = { tenant: null, principal: 'system:archive', dryRun: false, limit: Number.MAX_SAFE_INTEGER }
    const finishedBefore = clock.now() - afterDays * dayMs
    try {
      const { count } = await archiveAll({ ...what, finishedBefore }, orders, () => isStopped)
      if (count > 0) log('info', 'Executions were archived.', { count, afterDays })
    } catch (thrown) {
      log('warn', `Executions could not be archived: ${classify(thrown).message}`, {})
    }
    if (!isStopped) timer = clock.timer(dayMs, begin)
  }
  const begin = (): void => {
    running = run()
  }
  timer = clock.timer(firstMs, begin)
  return {
    async stop() {
      isStopped = true
      timer.cancel()
      await running
    },
  }
}
