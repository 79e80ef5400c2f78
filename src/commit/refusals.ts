import type { EventData } from '../execution/decision.ts'
import type { Execution } from '../execution/execution.ts'
import type { EventType } from '../execution/machine.ts'
import type { Actor, Workset } from './workset.ts'

const windowMs = 60_000
/** Bounds the memory: the oldest window is forgotten first, which at worst records one event more. */
const windowsMax = 10_000

interface Window {
  readonly startedAt: number
  readonly suppressed: number
}

/**
 * Records refused and repeated commands without letting a storm fill the log: the first of a principal, execution and
 * code, then one a minute with the count of those in between. What a rolled back commit recorded is forgotten with it.
 */
export class Refusals {
  readonly #windows: Map<string, Window>
  readonly #pending = new Map<string, Window>()

  constructor(windows: Map<string, Window>) {
    this.#windows = windows
  }

  record(work: Workset, execution: Execution, type: EventType, actor: Actor, data: EventData): void {
    const suppressed = this.due(`${type} ${execution.id} ${actor.principal} ${data.code ?? ''}`, work.now)
    if (suppressed === null) return
    work.note(execution, type, actor, suppressed === 0 ? data : { ...data, suppressed })
  }

  /** Whether it is time to record this one: how many were left out since the last, or null when it is left out as well. */
  due(key: string, now: number): number | null {
    const window = this.#pending.get(key) ?? this.#windows.get(key)
    if (window !== undefined && now - window.startedAt < windowMs) {
      this.#pending.set(key, { ...window, suppressed: window.suppressed + 1 })
      return null
    }
    this.#pending.set(key, { startedAt: now, suppressed: 0 })
    return window?.suppressed ?? 0
  }

  committed(): void {
    for (const [key, window] of this.#pending) {
      this.#windows.delete(key)
      this.#windows.set(key, window)
    }
    for (const key of this.#windows.keys()) {
      if (this.#windows.size <= windowsMax) break
      this.#windows.delete(key)
    }
  }
}
