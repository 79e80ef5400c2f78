import type { Claimed } from '../commit/order.ts'
import type { Effect, Step } from '../execution/execution.ts'

/**
 * What earlier claims have recorded, and how far this run has asked for it. The n-th call with a name meets the n-th
 * record of that name, so parallel calls of different names may come in any order.
 */
export class Journal {
  readonly #steps: ReadonlyMap<string, Step>
  readonly #effects: ReadonlyMap<string, Effect>
  readonly #ordinals = new Map<string, number>()
  readonly #asked = new Set<string>()
  /** Records that this run has not come to yet. */
  #ahead: number

  constructor({ steps, effects }: Pick<Claimed, 'steps' | 'effects'>) {
    this.#steps = new Map(steps.map((step) => [place(step.name, step.ordinal), step]))
    this.#effects = new Map(effects.map((effect) => [place(effect.name, effect.ordinal), effect]))
    this.#ahead = this.#steps.size + this.#effects.size
  }

  /** Whether an earlier claim has been here already: records are left, and nothing new has been asked for. */
  get isBehind(): boolean {
    return this.#ahead > 0
  }

  nextStep(name: string): { readonly ordinal: number; readonly recorded: Step | undefined } {
    const ordinal = this.#next(`step ${name}`)
    return { ordinal, recorded: this.#met(this.#steps.get(place(name, ordinal))) }
  }

  nextEffect(name: string): { readonly ordinal: number; readonly recorded: Effect | undefined } {
    const ordinal = this.#next(`effect ${name}`)
    const key = place(name, ordinal)
    this.#asked.add(key)
    return { ordinal, recorded: this.#met(this.#effects.get(key)) }
  }

  /** Effects that earlier claims performed or may have performed, and that this run has not asked for. */
  unasked(): readonly Effect[] {
    if (this.#effects.size === 0) return []
    return [...this.#effects]
      .filter(([key, { state }]) => state !== 'not_applied' && !this.#asked.has(key))
      .map(([, effect]) => effect)
  }

  /** A call that no record answers is one that no earlier claim has come to, whatever is left. */
  #met<Record>(record: Record | undefined): Record | undefined {
    this.#ahead = record === undefined ? 0 : this.#ahead - 1
    return record
  }

  #next(name: string): number {
    const ordinal = this.#ordinals.get(name) ?? 0
    this.#ordinals.set(name, ordinal + 1)
    return ordinal
  }
}

const place = (name: string, ordinal: number): string => `${ordinal} ${name}`
