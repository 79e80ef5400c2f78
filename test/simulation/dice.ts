import { seededRandom } from '../../src/identity/random.ts'

/** All chance of one simulated world: the same for the same seed. */
export interface Dice {
  next(): number
  int(maxExclusive: number): number
  /** From `least` to `most`, both included. */
  between(least: number, most: number): number
  chance(probability: number): boolean
  pick<T>(items: readonly T[]): T
}

export function dice(seed: string): Dice {
  const random = seededRandom(seed)
  const int = (maxExclusive: number): number => Math.floor(random.next() * maxExclusive)
  return {
    next: () => random.next(),
    int,
    between: (least, most) => least + int(most - least + 1),
    chance: (probability) => random.next() < probability,
    pick<T>(items: readonly T[]): T {
      if (items.length === 0) throw new Error('nothing to pick from')
      return items[int(items.length)] as T
    },
  }
}
