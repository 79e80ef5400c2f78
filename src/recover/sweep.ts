import type { Orders } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { JumpWatch } from '../time/steady.ts'

export interface SweepOptions {
  readonly orders: Orders
  readonly clock: Clock
  readonly sweepMs: number
  /** What holders get to renew after the clock was set forward, beside one more sweep. */
  readonly heartbeatMs: number
  readonly poisonLosses?: number | undefined
  /** Told the keys of executions whose lease had run out. */
  readonly onRecovered?: ((ids: readonly number[]) => void) | undefined
  /** Sweeps first of all, not only after the first pause. */
  readonly atOnce?: boolean | undefined
  readonly log: (level: 'info' | 'warn', message: string, fields: Readonly<Record<string, unknown>>) => void
}

/**
 * Ends the leases that have run out, or had at `endedAt`, once, however many there are.
 *
 * @throws DatabaseError when the store cannot commit it.
 */
export async function sweepOnce(
  { orders, onRecovered, poisonLosses }: Pick<SweepOptions, 'orders' | 'onRecovered' | 'poisonLosses'>,
  endedAt?: number,
): Promise<number> {
  for (let count = 0; ; ) {
    const answer = await orders.give<'sweep'>({ kind: 'sweep', now: endedAt, poisonLosses })
    if (isRefusal(answer)) return count
    if (answer.recovered.length > 0) onRecovered?.(answer.recovered)
    count += answer.recovered.length
    // Rows that cannot be recovered must not keep the sweep from ever ending.
    if (!answer.more || answer.recovered.length === 0) return count
  }
}

/**
 * Sweeps every `sweepMs`, one at a time; a sweep that fails is told and the next one comes all the same.
 *
 * Leases that ended only because the clock was set forward, or because the machine slept, are left for a heartbeat and
 * a sweep: whoever lives renews them meanwhile.
 */
export function startSweeps(options: SweepOptions): { stop(): Promise<void> } {
  const { clock, sweepMs, heartbeatMs, log } = options
  const jumps = new JumpWatch(clock)
  let grace: { readonly endedAt: number; readonly until: number } | undefined
  let timer: Timer | undefined
  let sweeping: Promise<void> = Promise.resolve()
  let isStopped = false
  const arm = (ms = sweepMs): void => {
    if (!isStopped) {
      timer = clock.timer(ms, () => {
        const jump = jumps.look()
        if (jump !== null) {
          log('warn', 'The clock was set forward; leases get time to be renewed.', { byMs: jump.byMs })
          const until = clock.elapsed() + heartbeatMs + sweepMs
          grace = { endedAt: grace?.endedAt ?? jump.fromAt, until }
        }
        if (grace !== undefined && grace.until <= clock.elapsed()) grace = undefined
        sweeping = sweepOnce(options, grace?.endedAt)
          .then((count) => {
            if (count > 0) log('info', 'Leases that had run out were ended.', { count })
          })
          .catch((thrown: unknown) => log('warn', `A sweep failed: ${classify(thrown).message}`, {}))
          .then(() => arm())
      })
    }
  }
  arm(options.atOnce === true ? 0 : sweepMs)
  return {
    async stop() {
      isStopped = true
      timer?.cancel()
      await sweeping
    },
  }
}
