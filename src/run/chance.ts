import { AsyncLocalStorage } from 'node:async_hooks'
import { derivedRandom, type Random } from '../identity/random.ts'

/** What a handler is inside of: the body of a step or of an effect. */
interface Inside {
  readonly what: string
  readonly random: () => Random
}

const inside = new AsyncLocalStorage<Inside>()

/**
 * Chance for one run, the same in every attempt.
 *
 * The body of a step draws from a sequence of its own: a replayed step draws nothing, and what comes after it must
 * not notice.
 */
export class Chance {
  readonly #seed: string
  #outside: Random | undefined

  constructor(seed: string) {
    this.#seed = seed
  }

  current(): Random {
    const store = inside.getStore()
    if (store !== undefined) return store.random()
    this.#outside ??= derivedRandom(this.#seed, 'run', 0)
    return this.#outside
  }

  within<T>(what: string, name: string, ordinal: number, body: () => T): T {
    let own: Random | undefined
    const random = (): Random => {
      own ??= derivedRandom(this.#seed, `${what}:${name}`, ordinal)
      return own
    }
    return inside.run({ what: `${what} ${name}`, random }, body)
  }
}

/** The step or effect in whose body the caller runs. */
export const insideOf = (): string | undefined => inside.getStore()?.what
