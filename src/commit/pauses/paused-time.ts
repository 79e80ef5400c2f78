import type { Changes } from '../../store/rows.ts'

/** Until when something was paused, so that whoever was idle only since then need not be asked about. */
export class PausedTime {
  #open: number
  #until: number

  constructor({ open, until }: { readonly open: number; readonly until: number }) {
    this.#open = open
    this.#until = until
  }

  /** Infinity while anything is paused, 0 if nothing ever was. */
  get until(): number {
    return this.#open > 0 ? Number.POSITIVE_INFINITY : this.#until
  }

  committed({ open, close }: Changes['pauseIntervals']): void {
    this.#open += open.length - close.length
    for (const { toAt } of close) this.#until = Math.max(this.#until, toAt ?? 0)
  }
}
