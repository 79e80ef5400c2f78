import type { Decision } from '../execution/decision.ts'
import type { Signal, SignalHead } from '../execution/execution.ts'
import type { Changes, Taken } from '../store/rows.ts'

/** The signals that a commit asks about, with those that it adds and takes. */
export class SignalBook {
  /** By execution; what is not here was not asked about. */
  readonly heads = new Map<number, SignalHead[]>()
  readonly added: Signal[] = []
  readonly taken: Taken[] = []

  enter(execution: number, { signal, takes }: Decision, at: number): void {
    if (takes !== undefined) this.taken.push({ execution, ...takes, at })
    if (signal === undefined) return
    const { name, seq, dedupe } = signal
    this.added.push(signal)
    this.heads.set(execution, [...(this.heads.get(execution) ?? []), { execution, name, seq, dedupe, isTaken: false }])
  }

  changes(): Changes['signals'] {
    return { add: this.added, take: this.taken }
  }
}
