import type { Claimed } from '../commit/order.ts'
import { isSuspect } from '../execution/execution.ts'

/** Suspects that a worker runs at a time, each in a process of its own. */
const apartMax = 2

/**
 * When a worker takes suspects: executions that workers were lost with again and again, and that may have been their end. One that can
 * run them in processes of their own does so beside its other work. Any other takes one when nothing else runs in it,
 * and nothing beside it until it has ended; where work never runs out, it makes room when it hears that one waits.
 */
export class Suspects {
  readonly #isApart: boolean
  #running = 0
  #isAwaited = false

  constructor(isApart: boolean) {
    this.#isApart = isApart
  }

  static is({ execution }: Pick<Claimed, 'execution'>): boolean {
    return isSuspect(execution)
  }

  /** The store has some that nobody has taken. */
  heard(): void {
    this.#isAwaited = true
  }

  /** How many a claim may take now. `others` is what runs or waits here. */
  room(others: number): number {
    if (this.#isApart) return Math.max(0, apartMax - this.#running)
    return others === 0 ? 1 : 0
  }

  /** Whether nothing more may be claimed: one runs that must stay alone, or one waits for what runs to end. */
  isClosed(others: number): boolean {
    return !this.#isApart && (this.#running > 0 || (this.#isAwaited && others > 0))
  }

  /** A claim was answered that had offered room for one. */
  asked(): void {
    this.#isAwaited = false
  }

  begun(): void {
    this.#running += 1
  }

  ended(): void {
    this.#running -= 1
  }
}
