import { type AnyAction, actionRegistry } from '../../src/action/action.ts'
import type { Cell, Exit } from '../../src/isolate/cell.ts'
import { CellSide } from '../../src/isolate/cell-side.ts'
import type { CellLimits } from '../../src/isolate/limits.ts'
import type { FromCell, ToCell } from '../../src/isolate/messages.ts'
import type { Faults } from './faults.ts'
import type { Scheduler } from './scheduler.ts'

export interface SimulatedCellPorts {
  readonly scheduler: Scheduler
  readonly faults: Faults
  /** The process that started it, and the one that it is. */
  readonly parent: string
  readonly owner: string
  readonly pid: number
  readonly actions: () => readonly AnyAction[]
}

/** The process of an isolated run in simulated time: the real side of it, with a channel whose every message takes its turn. */
export class SimulatedCell implements Cell {
  readonly limits: CellLimits
  readonly pid: number
  readonly exited: Promise<Exit>
  hasExited = false
  key = 0
  readonly peakMb = null
  readonly isWorn = false
  readonly owner: string
  readonly parent: string
  readonly #scheduler: Scheduler
  readonly #side: CellSide
  readonly #ended = Promise.withResolvers<Exit>()
  #listen: (message: FromCell) => void = () => {}

  constructor(limits: CellLimits, { scheduler, faults, parent, owner, pid, actions }: SimulatedCellPorts) {
    this.limits = limits
    this.pid = pid
    this.owner = owner
    this.parent = parent
    this.exited = this.#ended.promise
    this.#scheduler = scheduler
    this.#side = new CellSide({
      clock: scheduler.clockOf(owner),
      tell: (message) => {
        if (scheduler.isKilled(owner)) return
        if (faults.strikes('cell crashes', 0.02)) this.die(1, null)
        else this.#toParent('hears its cell', () => this.#listen(message))
      },
      load: () => Promise.resolve(actionRegistry(actions())),
      startedTicks: null,
    })
  }

  tell(message: ToCell): void {
    this.#told = this.#inOrder(this.#told, this.owner, 'hears its parent', () => this.#side.hear(message))
  }

  listen(take: (message: FromCell) => void): void {
    this.#listen = take
  }

  kill(): void {
    this.die(null, 'SIGKILL')
  }

  /** Ends now; its parent learns of it behind whatever was said before. */
  die(exitCode: number | null, signal: string | null): void {
    if (this.#scheduler.isKilled(this.owner)) return
    this.#scheduler.kill(this.owner)
    this.#toParent('sees the end of its cell', () => {
      this.hasExited = true
      this.#ended.resolve({ exitCode, signal })
    })
  }

  watchMemory(): void {}

  #said: Promise<void> = Promise.resolve()
  #told: Promise<void> = Promise.resolve()

  #toParent(label: string, hear: () => void): void {
    this.#said = this.#inOrder(this.#said, this.parent, `${label} ${this.pid}`, hear)
  }

  /** A channel keeps the order of what is said. */
  async #inOrder(before: Promise<void>, to: string, label: string, hear: () => void): Promise<void> {
    await before
    await new Promise<void>((resolve) => {
      this.#scheduler.post(to, label, () => {
        hear()
        resolve()
      })
    })
  }
}
