import type { Dice } from './dice.ts'

/** What may be done to a simulated world. Every kind must be reached by a run that is large enough. */
export const faultKinds = [
  'worker crashes',
  'worker freezes beyond its lease',
  'worker freezes for a moment',
  'worker is asked to stop',
  'worker is declared gone after its exit',
  'worker is declared gone by its successor',
  'cell crashes',
  'cell is lost with its worker',
  'writer crashes before begin',
  'writer crashes before a read',
  'writer crashes before write',
  'writer crashes after write',
  'writer crashes before commit',
  'writer crashes after commit',
  'writer crashes before rollback',
  'begin fails',
  'read fails',
  'write fails',
  'commit fails',
  'an order that cannot be committed',
  'request is lost',
  'reply is lost',
  'request is doubled',
  'clock jumps forward',
  'clock jumps back',
  'target call is lost',
  'target reply is lost',
  'target call arrives late',
  'target call arrives after its process died',
  'target refuses',
  'target is never reached',
  'target does not answer',
  'look at the target fails',
] as const

export type FaultKind = (typeof faultKinds)[number]

/** Which faults this world has, and how often; counted as they happen. */
export class Faults {
  readonly #dice: Dice
  readonly #count: (name: string) => void
  #isOn = true
  /** Multiplies every probability: some worlds are calm, some are not. */
  readonly #weather: number

  constructor(dice: Dice, count: (name: string) => void) {
    this.#dice = dice
    this.#count = count
    this.#weather = dice.pick([0.3, 1, 1, 2.5])
  }

  get isOn(): boolean {
    return this.#isOn
  }

  end(): void {
    this.#isOn = false
  }

  strikes(kind: FaultKind, probability: number): boolean {
    if (!this.#isOn || !this.#dice.chance(Math.min(0.9, probability * this.#weather))) return false
    this.#count(`fault ${kind}`)
    return true
  }

  /** A fault that something else decided on. */
  note(kind: FaultKind): void {
    this.#count(`fault ${kind}`)
  }
}
