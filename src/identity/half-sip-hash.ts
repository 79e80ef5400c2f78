/**
 * HalfSipHash-2-4 of two 32-bit words under a 64-bit key, with 64 bits of output.
 *
 * SipHash for 32-bit words: a keyed function made for short inputs. Source: the reference implementation of its
 * authors, https://github.com/veorq/SipHash (halfsiphash.c); words are little-endian as there.
 */
export function halfSipHash(key0: number, key1: number, word0: number, word1: number, out: Uint32Array): void {
  let v0 = key0 | 0
  let v1 = (key1 ^ 0xee) | 0
  let v2 = 0x6c796765 ^ key0
  let v3 = 0x74656462 ^ key1
  // Two message words, then the length (8 bytes) in the top byte; two rounds each, then four, four again.
  for (let block = 0; block < 5; block += 1) {
    const word = block === 0 ? word0 : block === 1 ? word1 : block === 2 ? 8 << 24 : 0
    if (block < 3) v3 ^= word
    else if (block === 3) v2 ^= 0xee
    else {
      out[0] = v1 ^ v3
      v1 ^= 0xdd
    }
    const rounds = block < 3 ? 2 : 4
    for (let round = 0; round < rounds; round += 1) {
      v0 = (v0 + v1) | 0
      v1 = ((v1 << 5) | (v1 >>> 27)) ^ v0
      v0 = (v0 << 16) | (v0 >>> 16)
      v2 = (v2 + v3) | 0
      v3 = ((v3 << 8) | (v3 >>> 24)) ^ v2
      v0 = (v0 + v3) | 0
      v3 = ((v3 << 7) | (v3 >>> 25)) ^ v0
      v2 = (v2 + v1) | 0
      v1 = ((v1 << 13) | (v1 >>> 19)) ^ v2
      v2 = (v2 << 16) | (v2 >>> 16)
    }
    if (block < 3) v0 ^= word
  }
  out[1] = v1 ^ v3
}
