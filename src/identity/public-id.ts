import { halfSipHash } from './half-sip-hash.ts'

/** Round keys of the permutation and key of the check, derived once from 16 random bytes. */
export interface PublicIdKey {
  readonly rounds: Uint32Array
  readonly check0: number
  readonly check1: number
}

const rounds = 6
const two32 = 2 ** 32
const groups = /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i
const hex: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'))

/** Prepares the key; `bytes` are 16 random bytes that stay with the store for ever. */
export function publicIdKey(bytes: Uint8Array): PublicIdKey {
  if (bytes.length !== 16) throw new RangeError(`The key of public ids has 16 bytes, not ${bytes.length}.`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const [a, b, c, d] = [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)]
  const keys = new Uint32Array(rounds * 2)
  const word = new Uint32Array(2)
  for (let index = 0; index < keys.length; index += 1) {
    halfSipHash(index < rounds ? a : c, index < rounds ? b : d, index, 0x726f756e, word)
    keys[index] = word[0] ?? 0
  }
  halfSipHash(a ^ c, b ^ d, 0, 0x6368656b, word)
  return { rounds: keys, check0: word[0] ?? 0, check1: word[1] ?? 0 }
}

/**
 * Shows an internal id as a UUID of version 8 (RFC 9562).
 *
 * 64 bits hold the id under a keyed permutation, 58 bits a keyed check (HalfSipHash-2-4). It hides order and number of
 * executions and catches foreign ids; it is an address, not a credential: permissions never rest on it.
 */
export function publicId(id: number, key: PublicIdKey): string {
  if (!Number.isSafeInteger(id) || id < 0)
    throw new RangeError(`An internal id is a whole number from 0 to 2^53 - 1, not ${id}.`)
  let left = Math.floor(id / two32) >>> 0
  let right = id >>> 0
  halfSipHash(key.check0, key.check1, left, right, check)
  for (let round = 0; round < rounds; round += 1) {
    const next = (left ^ mix(right, key, round)) >>> 0
    left = right
    right = next
  }
  const [check0 = 0, check1 = 0] = check
  // left: 8 hex digits. right: 4 + 3 behind the version, 1 lies with the variant. check: the other 58 bits.
  const third = 0x8000 | ((right >>> 4) & 0xfff)
  const fourth = 0x8000 | ((right & 0xf) << 10) | (check0 & 0x3ff)
  const fifth = (check0 >>> 10) & 0xffff
  return `${hex4(left >>> 16)}${hex4(left)}-${hex4(right >>> 16)}-${hex4(third)}-${hex4(fourth)}-${hex4(fifth)}${hex4(check1 >>> 16)}${hex4(check1)}`
}

/** The internal id behind a public one; null if this key never made it. */
export function internalId(text: string, key: PublicIdKey): number | null {
  if (text.length !== 36 || !groups.test(text)) return null
  let left = Number.parseInt(text.slice(0, 8), 16)
  const third = Number.parseInt(text.slice(14, 18), 16)
  const fourth = Number.parseInt(text.slice(19, 23), 16)
  let right = ((Number.parseInt(text.slice(9, 13), 16) << 16) | ((third & 0xfff) << 4) | ((fourth >>> 10) & 0xf)) >>> 0
  const fifth = Number.parseInt(text.slice(24, 28), 16)
  const check1 = Number.parseInt(text.slice(28), 16)
  for (let round = rounds - 1; round >= 0; round -= 1) {
    const previous = (right ^ mix(left, key, round)) >>> 0
    right = left
    left = previous
  }
  if (left >= 2 ** 21) return null
  halfSipHash(key.check0, key.check1, left, right, check)
  const check0 = check[0] ?? 0
  if ((fourth & 0x3ff) !== (check0 & 0x3ff) || fifth !== ((check0 >>> 10) & 0xffff) || check1 !== check[1]) return null
  return left * two32 + right
}

// Reused by every call: nothing here waits, so no two calls can meet in it.
const check = new Uint32Array(2)

function mix(word: number, key: PublicIdKey, round: number): number {
  let x = word ^ (key.rounds[round * 2] ?? 0)
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b)
  x = (x + (key.rounds[round * 2 + 1] ?? 0)) | 0
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35)
  return x ^ (x >>> 16)
}

function hex4(word: number): string {
  return `${hex[(word >>> 8) & 0xff]}${hex[word & 0xff]}`
}
