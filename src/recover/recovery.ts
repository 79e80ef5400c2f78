import type { Orders } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { Worker } from '../store/rows.ts'
import type { Awaitable } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { isInProcess } from './incarnation.ts'
import { type ProcessTable, proofOfDeath, type Suspect } from './proof-of-death.ts'
import type { SweepOptions } from './sweep.ts'

export interface RecoveryOptions extends Pick<SweepOptions, 'sweepMs' | 'poisonLosses' | 'onRecovered' | 'log'> {
  readonly orders: Orders
  /** All incarnations on record, gone ones included or not. */
  readonly workers: () => Awaitable<readonly Worker[]>
  readonly here: Pick<Suspect, 'host' | 'bootId'>
  readonly table: ProcessTable
  readonly clock: Clock
  /** Others may hold the store at the same time: that this process holds it proves nobody's end. */
  readonly isShared?: boolean | undefined
}

/**
 * What every process that holds the store does for its own machine: whoever is proven gone gives its leases back at once.
 * A proof stays true, so that nobody needs to lead to act on one.
 */
export interface Recovery {
  /** Before the first claim: frees what a former owner of the store and all others proven dead still hold; says how many. */
  atStart(): Promise<number>
  /** From now on: looks again at every incarnation that is on record. */
  start(): void
  /** A worker has signed on: an earlier incarnation of the same identity may be proven gone. */
  registered(worker: number, identity: string): Promise<void>
  /** A connection has closed: looks for 2 s whether the process behind it ends. */
  disconnected(workers: readonly number[]): Promise<void>
  stop(): Promise<void>
}

export function createRecovery(options: RecoveryOptions): Recovery {
  const { orders, clock, here, table, log, poisonLosses } = options
  let checks: { stop(): Promise<void> } | undefined
  let isStopped = false

  const live = async (): Promise<readonly Worker[]> => (await options.workers()).filter(({ goneAt }) => goneAt === null)

  const declareGone = async (worker: Worker, proof: string, cause: 'exit' | 'restart'): Promise<number> => {
    const answer = await orders.give<'gone'>({ kind: 'gone', worker: worker.key, proof, cause, poisonLosses })
    if (isRefusal(answer)) return 0
    const freed = answer.recovered.length
    if (freed > 0) options.onRecovered?.(answer.recovered)
    log('info', `Worker ${worker.identity} is gone: ${proof}.`, { worker: worker.key, freed })
    return freed
  }
  /** Gives the number of leases that were freed. */
  const check = async (workers: readonly Worker[], cause: 'exit' | 'restart'): Promise<number> => {
    let freed = 0
    for (const worker of workers) {
      const proof = proofOfDeath(worker, here, table)
      if (proof !== null) freed += await declareGone(worker, proof, cause)
    }
    return freed
  }
  const guarded = async (duty: () => Promise<unknown>): Promise<void> => {
    await duty().catch((thrown: unknown) => log('warn', `A check of workers failed: ${classify(thrown).message}`, {}))
  }

  return {
    async atStart() {
      let freed = 0
      for (const worker of await live()) {
        const proof =
          isInProcess(worker.incarnation) && options.isShared !== true
            ? 'the process that held the store before has ended'
            : proofOfDeath(worker, here, table)
        if (proof !== null) freed += await declareGone(worker, proof, 'restart')
      }
      return freed
    },
    start() {
      checks = repeat(clock, options.sweepMs, () => guarded(async () => check(await live(), 'exit')))
    },
    registered: (key, identity) =>
      guarded(async () => {
        const earlier = (await live()).filter((worker) => worker.identity === identity && worker.key !== key)
        await check(earlier, 'restart')
      }),
    disconnected: (keys) =>
      guarded(async () => {
        // A process that was killed closes its sockets a moment before it is gone from the table.
        for (const pauseMs of [0, 20, 80, 200, 500, 1_100]) {
          await clock.sleep(pauseMs)
          const left = isStopped ? [] : (await live()).filter(({ key }) => keys.includes(key))
          if (left.length === 0) return
          await check(left, 'exit')
        }
      }),
    async stop() {
      isStopped = true
      await checks?.stop()
    },
  }
}

/** The first time after so long, and again so long after each end. */
export function repeat(clock: Clock, everyMs: number, duty: () => Promise<void>): { stop(): Promise<void> } {
  let isStopped = false
  let running: Promise<void> = Promise.resolve()
  const arm = (): { cancel(): void } =>
    clock.timer(everyMs, () => {
      running = duty().then(() => {
        if (!isStopped) timer = arm()
      })
    })
  let timer = arm()
  return {
    async stop() {
      isStopped = true
      timer.cancel()
      await running
    },
  }
}
