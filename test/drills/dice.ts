import { type Random, seededRandom } from '../../src/identity/random.ts'

/** Seeded, so that a drill's choices can be repeated; what the processes make of them cannot. */
export class Dice {
  readonly #random: Random

  constructor(seed: string) {
    this.#random = seededRandom(seed)
  }

  below(limit: number): number {
    return Math.floor(this.#random.next() * limit)
  }

  of<T>(things: readonly T[]): T {
    const thing = things[this.below(things.length)]
    if (thing === undefined) throw new Error('there is nothing to choose from')
    return thing
  }
}

/** A random instant is the one thing in a drill that is a matter of time. */
export const passMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
