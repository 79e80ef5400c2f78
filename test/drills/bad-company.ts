import type { Cluster } from './cluster.ts'
import { passMs } from './dice.ts'
import type { Submitted } from './messages.ts'

/** Good executions that make a round: so many are good together or not at all. */
export const perRound = 10
/** What waits longest here is a lease of default length, after a loop that stood still for longer than any may. */
export const patienceMs = 300_000

const restartMs = 50

/** Two workers that are started anew whenever they end, as a supervisor would. */
export class Supervisor {
  restarts = 0
  readonly #cluster: Cluster
  readonly #keeping: Promise<void>[] = []
  #isOver = false

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  async start(): Promise<void> {
    const identities = ['kept-1', 'kept-2']
    await Promise.all(identities.map((identity) => this.#cluster.addWorker(identity)))
    this.#keeping.push(...identities.map((identity) => this.#keep(identity)))
  }

  async #keep(identity: string): Promise<void> {
    while (!this.#isOver) {
      await this.#cluster.workers.get(identity)?.child.exited
      if (this.#isOver) return
      this.restarts += 1
      // One that is taken down before it is ready is started again like any other.
      await this.#cluster.addWorker(identity).catch(() => passMs(restartMs))
    }
  }

  /** From now on nobody is started any more. */
  async stop(): Promise<void> {
    this.#isOver = true
    await Promise.all([...this.#cluster.workers.values()].map(({ child }) => child.end()))
    await Promise.all(this.#keeping)
  }
}

/** Good executions, at once; resolves with what they are once they are all acknowledged. */
export async function submitGood(cluster: Cluster, prefix: string, count: number, ms: number): Promise<Submitted[]> {
  const numbers = Array.from({ length: count }, (_, number) => number)
  return await Promise.all(
    numbers.map((number) =>
      cluster.submitOther({ key: `${prefix}-${number}`, action: 'drill.good', input: { number, ms } }),
    ),
  )
}

/** Milliseconds until all of them are at rest, from `beganAt` on. */
export async function untilSettled(cluster: Cluster, all: readonly Submitted[], beganAt: number): Promise<number> {
  const isOver = (): boolean => all.every(({ id }) => cluster.onlooker.isSettled(id))
  await cluster.signal.until('all executions to come to rest', isOver, patienceMs)
  return Math.round(performance.now() - beganAt)
}
