import fc from 'fast-check'
import { expect, test } from 'vitest'
import { halfSipHash } from './half-sip-hash.ts'
import { internalId, publicId, publicIdKey } from './public-id.ts'
import { derivedRandom, seededRandom, systemRandom } from './random.ts'
import { uuidV7 } from './uuid.ts'

const key = publicIdKey(Uint8Array.from({ length: 16 }, (_, index) => index))
const anyKey = fc.uint8Array({ minLength: 16, maxLength: 16 }).map(publicIdKey)
const anyId = fc.maxSafeNat()

test('HalfSipHash-2-4 gives the reference output of its authors', () => {
  const out = new Uint32Array(2)
  halfSipHash(0x03020100, 0x07060504, 0x03020100, 0x07060504, out)
  expect(Buffer.from(out.buffer).toString('hex')).toBe('edfee820bce4858c')
})

test('a public id is a UUID of version 8 and leads back to its id under any key', () => {
  fc.assert(
    fc.property(anyId, anyKey, (id, ownKey) => {
      const text = publicId(id, ownKey)
      expect(text).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
      expect(internalId(text, ownKey)).toBe(id)
      expect(internalId(text.toUpperCase(), ownKey)).toBe(id)
    }),
    { numRuns: 2000 },
  )
})

test('public ids stay what they are for ever (stored in other systems)', () => {
  expect([0, 1, 2 ** 32, Number.MAX_SAFE_INTEGER].map((id) => publicId(id, key))).toEqual([
    'cf3412bb-ddf5-8136-8314-6c0da3fe7b12',
    'e6996667-a0d7-89ba-888c-eb85a62931fa',
    'c1afc81b-97e6-81e0-acae-4879247bd0a3',
    '90d6bf21-4fcb-8ccd-8702-1e6be4bf95e3',
  ])
})

test('no change of a single digit and no foreign key leads to an execution', () => {
  fc.assert(
    fc.property(anyId, fc.nat(35), fc.integer({ min: 1, max: 15 }), (id, at, add) => {
      const text = publicId(id, key)
      const digit = Number.parseInt(text[at] ?? '', 16)
      const forged = Number.isNaN(digit)
        ? `${text.slice(0, at)}0${text.slice(at + 1)}`
        : `${text.slice(0, at)}${((digit + add) % 16).toString(16)}${text.slice(at + 1)}`
      expect(internalId(forged, key)).toBeNull()
    }),
    { numRuns: 5000 },
  )
  const foreign = publicIdKey(new Uint8Array(16))
  fc.assert(fc.property(anyId, (id) => internalId(publicId(id, foreign), key) === null))
  fc.assert(fc.property(fc.uuid(), (uuid) => internalId(uuid, key) === null))
  fc.assert(fc.property(fc.string(), (text) => internalId(text, key) === null))
})

test('neighbouring ids share no visible order', () => {
  const texts = Array.from({ length: 1000 }, (_, id) => publicId(id, key))
  expect(new Set(texts.map((text) => text.slice(0, 8))).size).toBeGreaterThan(990)
  expect(texts).not.toEqual([...texts].sort())
})

test.each([-1, 1.5, 2 ** 53, Number.NaN])('%d is no internal id', (id) => {
  expect(() => publicId(id, key)).toThrow(RangeError)
})

test('the seeded sequence is the same on every machine', () => {
  const random = seededRandom('golden')
  expect([random.next(), random.next(), random.int(1000), random.int(6)]).toEqual([
    0.7018237685590664, 0.443612129383434, 477, 5,
  ])
  expect(Buffer.from(random.bytes(5)).toString('hex')).toBe('ab1ee812ab')
  expect(random.uuid()).toBe('d50d43c0-f820-4521-bd2b-c4530cbf4a0f')
})

test('the chance of a step depends on seed, name and ordinal alone', () => {
  const first = (seed: string, name: string, ordinal: number): number => derivedRandom(seed, name, ordinal).next()
  expect(first('s', 'load', 0)).toBe(first('s', 'load', 0))
  const others = [first('s', 'load', 1), first('s', 'loa', 0), first('sl', 'oad', 0), first('s","l', 'oad', 0)]
  expect(new Set([first('s', 'load', 0), ...others]).size).toBe(5)
})

test('whole numbers stay in their range and reach all of it', () => {
  for (const random of [seededRandom('x'), systemRandom]) {
    const drawn = Array.from({ length: 2000 }, () => random.int(7))
    expect([...new Set(drawn)].sort()).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect(() => random.int(0)).toThrow(RangeError)
    expect(random.uuid()).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  }
})

test('a UUID of version 7 begins with its time and matches the example of RFC 9562', () => {
  // RFC 9562 appendix A.6: 017F22E2-79B0-7CC3-98C4-DC0C0C07398F.
  const bytes = Buffer.from('0cc318c4dc0c0c07398f', 'hex')
  expect(uuidV7(0x017f22e279b0, bytes)).toBe('017f22e2-79b0-7cc3-98c4-dc0c0c07398f')
  expect(() => uuidV7(-1, bytes)).toThrow(RangeError)
  expect(() => uuidV7(1, new Uint8Array(9))).toThrow(RangeError)
})
