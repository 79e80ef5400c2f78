import { hash, randomFillSync } from 'node:crypto'
import { uuidV4 } from './uuid.ts'

/** The only source of chance: of the system outside, seeded in tests, simulations and handlers. */
export interface Random {
  /** In [0, 1), with 53 bits. */
  next(): number
  /** A whole number from 0 to `maxExclusive` - 1, all equally likely. */
  int(maxExclusive: number): number
  bytes(length: number): Uint8Array
  /** A UUID of version 4. */
  uuid(): string
}

/**
 * The same sequence for the same seed, on every machine and in every version.
 *
 * sfc32 of PractRand (Chris Doty-Humphrey), seeded with the first 12 bytes of the seed's SHA-256. Not for secrets.
 */
export function seededRandom(seed: string): Random {
  const digest = hash('sha256', seed, 'buffer')
  let a = digest.readInt32LE(0)
  let b = digest.readInt32LE(4)
  let c = digest.readInt32LE(8)
  let counter = 1
  const word = (): number => {
    const sum = (a + b + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return sum >>> 0
  }
  for (let warmUp = 0; warmUp < 15; warmUp += 1) word()
  return randomFrom(word)
}

/** The chance of one step: independent of how often any other step asked. */
export function derivedRandom(seed: string, stepName: string, ordinal: number): Random {
  return seededRandom(JSON.stringify([seed, stepName, ordinal]))
}

/** Random enough for secrets. */
export const systemRandom: Random = randomFrom(pooledWords())

function randomFrom(word: () => number): Random {
  const next = (): number => ((word() >>> 5) * 2 ** 26 + (word() >>> 6)) / 2 ** 53
  const bytes = (length: number): Uint8Array => {
    const out = new Uint8Array(length)
    for (let offset = 0; offset < length; offset += 4) {
      const four = word()
      for (let index = 0; index < 4 && offset + index < length; index += 1) out[offset + index] = four >>> (index * 8)
    }
    return out
  }
  return {
    next,
    bytes,
    int(maxExclusive) {
      if (!Number.isSafeInteger(maxExclusive) || maxExclusive < 1)
        throw new RangeError(`No whole number lies below ${maxExclusive}.`)
      // Values in the incomplete last stretch are drawn again, or small numbers would be more likely.
      const fair = 2 ** 53 - (2 ** 53 % maxExclusive)
      for (;;) {
        const drawn = next() * 2 ** 53
        if (drawn < fair) return drawn % maxExclusive
      }
    },
    uuid: () => uuidV4(bytes(16)),
  }
}

// One call into the system per 1024 words; a call for every word would cost a microsecond each.
function pooledWords(): () => number {
  const pool = new Uint32Array(1024)
  let used = pool.length
  return () => {
    if (used === pool.length) {
      randomFillSync(pool)
      used = 0
    }
    const drawn = pool[used] ?? 0
    // What was handed out must not stay readable in memory.
    pool[used] = 0
    used += 1
    return drawn
  }
}
