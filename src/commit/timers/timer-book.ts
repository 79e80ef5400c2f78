import type { Changes, Timer } from '../../store/rows.ts'

/** The timers that one commit sets and removes. */
export class TimerBook {
  readonly #add = new Map<string, Timer>()
  readonly #remove = new Map<string, Timer>()

  add(timer: Timer): void {
    this.#add.set(keyOf(timer), timer)
  }

  /** Removals come before additions in the store: a timer removed here and set again stays set. */
  remove(timer: Timer): void {
    this.#add.delete(keyOf(timer))
    this.#remove.set(keyOf(timer), timer)
  }

  earliestAt(): number | null {
    let least: number | null = null
    for (const { at } of this.#add.values()) if (least === null || at < least) least = at
    return least
  }

  changes(): Changes['timers'] {
    return { add: [...this.#add.values()], remove: [...this.#remove.values()] }
  }
}

const keyOf = ({ at, kind, id }: Timer): string => `${at} ${kind} ${id}`
