import { type Execution, neverAt } from '../../src/execution/execution.ts'
import { isTerminal } from '../../src/execution/machine.ts'
import type { SqliteViews } from '../../src/store/sqlite/views.ts'
import type { Replayed } from './replay.ts'
import type { Scheduler } from './scheduler.ts'

interface QuietPorts {
  readonly views: SqliteViews
  readonly scheduler: Scheduler
  readonly told: () => Iterable<Replayed>
}

/** Where a world without faults comes to: everything has ended or waits for a person. */
export class Quiet {
  readonly #ports: QuietPorts

  constructor(ports: QuietPorts) {
    this.#ports = ports
  }

  left(): Replayed[] {
    return [...this.#ports.told()].filter(({ state }) => !isTerminal(state))
  }

  isReached(): boolean {
    return this.#allLeft(waitsForOthers) && !this.#ports.views.openBulks().some(({ state }) => state === 'running')
  }

  /**
   * Where a clock was set back by an hour, what waits for a time of before would go on only after that hour. When nothing
   * else is left, somebody sets the clock right, once.
   */
  setsClockRight(): boolean {
    const { scheduler } = this.#ports
    const wall = scheduler.wall()
    return this.#allLeft((each) => waitsForOthers(each) || waitsForTime(each, wall)) && scheduler.setRight()
  }

  /** Of what the store does not hold, nothing is true. */
  #allLeft(is: (execution: Execution) => boolean): boolean {
    return this.left().every(({ id }) => {
      const execution = this.#ports.views.find(id)?.execution
      return execution !== undefined && is(execution)
    })
  }
}

/** Nothing goes on with it before a person decides, or before the child it waits for has ended. */
function waitsForOthers({ state, waitingFor, waitingOn, availableAt }: Execution): boolean {
  const waitsForChild = waitingOn?.startsWith('child:') === true && availableAt === neverAt
  return state === 'waiting' && (waitingFor === 'outcome' || waitsForChild)
}

/** Its time is to come yet, by the clock of the machine. */
const waitsForTime = ({ state, availableAt }: Execution, wall: number): boolean =>
  state !== 'running' && availableAt > wall && availableAt < neverAt
