import type { LiveRun } from './live-runs.ts'

export interface IgnoredAbortsPorts {
  /** Executions that this worker runs now, those among them. */
  readonly running: () => number
  /** Told when nothing may be claimed any more, and when it may again. */
  readonly drain: (on: boolean, execution: string) => void
  /** Told once nothing runs but handlers that ignore their abort. */
  readonly stuck: ((executions: readonly string[]) => void) | undefined
}

/** Handlers that go on after their abort: they keep their slots, and nothing more is claimed beside them. */
export class IgnoredAborts {
  readonly #runs = new Set<LiveRun>()
  readonly #ports: IgnoredAbortsPorts

  constructor(ports: IgnoredAbortsPorts) {
    this.#ports = ports
  }

  get any(): boolean {
    return this.#runs.size > 0
  }

  add(run: LiveRun): void {
    this.#runs.add(run)
    if (this.#runs.size === 1) this.#ports.drain(true, run.publicId)
    this.#lookWhetherStuck()
  }

  /** Any run has ended, one of them or another. */
  ended(run: LiveRun): void {
    if (this.#runs.size === 0) return
    if (this.#runs.delete(run) && this.#runs.size === 0) this.#ports.drain(false, run.publicId)
    this.#lookWhetherStuck()
  }

  #lookWhetherStuck(): void {
    if (!this.any || this.#runs.size < this.#ports.running()) return
    this.#ports.stuck?.([...this.#runs].map(({ publicId }) => publicId))
  }
}
