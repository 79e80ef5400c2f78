import type { Hello } from '../commit/order.ts'
import { classify } from '../errors/failures.ts'
import type { WorkerProtocol } from '../protocol/protocol.ts'
import type { RunLog } from '../run/context.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { type Cell, forkedCell, type OpenCell } from './cell.ts'
import type { CellLimits } from './limits.ts'

export interface CellsOptions {
  readonly protocol: Pick<WorkerProtocol, 'register' | 'gone'>
  /** Key of the worker that owns them; asked anew, for a worker may sign on again. */
  readonly worker: () => number
  readonly identity: string
  readonly incarnation: string
  readonly host: Pick<Hello, 'host' | 'bootId'>
  /** Variables of the environment that no cell gets: what is secret comes over its channel. */
  readonly secretNames: ReadonlySet<string>
  readonly clock: Clock
  readonly log: RunLog
  /** Starts a process; by default a real one. */
  readonly openCell?: OpenCell | undefined
}

const idleMax = 4
const idleMs = 30_000
const loadMsMax = 30_000
const tellPauseMs = 250
const tellTimesMax = 20

/** The processes in which a worker runs actions on their own. One that ended a run cleanly is kept warm for the next. */
export class Cells {
  readonly #options: CellsOptions
  readonly #all = new Set<Cell>()
  readonly #idle = new Map<Cell, Timer>()
  readonly #telling = new Set<Promise<void>>()
  #count = 0

  constructor(options: CellsOptions) {
    this.#options = options
  }

  /**
   * A process that has loaded the action's module and is known to the store.
   *
   * @throws Error when it cannot be started or cannot load the module.
   */
  async take(limits: CellLimits): Promise<Cell> {
    for (const [cell, timer] of this.#idle) {
      if (!sameLimits(cell.limits, limits)) continue
      timer.cancel()
      this.#idle.delete(cell)
      return cell
    }
    const { clock, openCell = forkedCell } = this.#options
    const cell = openCell(limits, this.#environment(), clock)
    this.#all.add(cell)
    void cell.exited.then((exit) => this.#ended(cell, `it ended with ${exit.signal ?? `code ${exit.exitCode}`}`))
    try {
      await this.#register(cell, await this.#load(cell))
    } catch (thrown) {
      cell.kill()
      await cell.exited
      throw thrown
    }
    cell.watchMemory()
    return cell
  }

  /** Ended a run cleanly: the next run of the same action need not wait for a process. */
  giveBack(cell: Cell): void {
    cell.listen(() => {})
    if (cell.hasExited) return
    if (this.#idle.size >= idleMax || cell.isWorn) {
      cell.kill()
      return
    }
    this.#idle.set(
      cell,
      this.#options.clock.timer(idleMs, () => cell.kill()),
    )
  }

  /** Kills whatever is left, and waits until the store knows. */
  async stop(): Promise<void> {
    for (const cell of this.#all) cell.kill()
    await Promise.all([...this.#all].map(({ exited }) => exited))
    await Promise.all(this.#telling)
  }

  /** The store believes nobody's death without proof; this is the parent's: it has waited for the process. */
  async buried(cell: Cell): Promise<void> {
    await cell.exited
    await Promise.all(this.#telling)
  }

  async #load(cell: Cell): Promise<{ readonly startedTicks: string | null }> {
    const loaded = Promise.withResolvers<{ readonly startedTicks: string | null }>()
    cell.listen((message) => {
      if ('loaded' in message) loaded.resolve(message.loaded)
      else if ('unloadable' in message) loaded.reject(new Error(`The module of actions failed: ${message.unloadable}`))
    })
    void cell.exited.then(({ exitCode, signal }) =>
      loaded.reject(new Error(`The process ended while it loaded the actions: ${signal ?? `code ${exitCode}`}.`)),
    )
    const { module, exportName, action, version } = cell.limits
    cell.tell({ load: { module, exportName, action, version } })
    const patience = this.#options.clock.timer(loadMsMax, () =>
      loaded.reject(new Error(`The actions were not loaded within ${loadMsMax} ms.`)),
    )
    return await loaded.promise.finally(() => patience.cancel())
  }

  /** An incarnation of its own, so that its death can be proven by itself; it takes no work. */
  async #register(cell: Cell, { startedTicks }: { readonly startedTicks: string | null }): Promise<void> {
    const { protocol, identity, incarnation, host } = this.#options
    this.#count += 1
    const { worker } = await protocol.register({
      identity: `${identity}/cell-${this.#count}`,
      incarnation: `cell:${this.#count}:${incarnation}`,
      host: host.host,
      pid: cell.pid,
      startedTicks,
      bootId: host.bootId,
      actions: [],
      slots: 0,
    })
    cell.key = worker
  }

  #ended(cell: Cell, proof: string): void {
    this.#all.delete(cell)
    this.#idle.get(cell)?.cancel()
    this.#idle.delete(cell)
    if (cell.key === 0) return
    const telling = this.#tellGone(cell.key, proof).finally(() => this.#telling.delete(telling))
    this.#telling.add(telling)
  }

  async #tellGone(cell: number, proof: string): Promise<void> {
    const { protocol, worker, clock, log } = this.#options
    for (let times = 1; ; times += 1) {
      try {
        await protocol.gone({ worker: worker(), cell, proof })
        return
      } catch (thrown) {
        // Not fatal: without the proof a doubtful effect waits for a person, and the store looks for itself, too.
        if (!classify(thrown).retryable || times === tellTimesMax) {
          log('warn', `The end of a process could not be told: ${classify(thrown).message}`, { cell })
          return
        }
        await clock.sleep(tellPauseMs)
      }
    }
  }

  #environment(): NodeJS.ProcessEnv {
    const { secretNames } = this.#options
    return Object.fromEntries(Object.entries(process.env).filter(([name]) => !secretNames.has(name)))
  }
}

const sameLimits = (a: CellLimits, b: CellLimits): boolean =>
  a.action === b.action &&
  a.version === b.version &&
  a.module === b.module &&
  a.exportName === b.exportName &&
  a.memoryMb === b.memoryMb &&
  a.graceMs === b.graceMs
