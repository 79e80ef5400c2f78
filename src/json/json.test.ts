import canonicalizeOracle from 'canonicalize'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRefusal, orThrow } from '../errors/refusal.ts'
import { seededRandom } from '../identity/random.ts'
import { canonicalize, parseJson } from './canonical.ts'
import { inputHash, sha256 } from './hash.ts'

const text = (value: unknown): string => orThrow(canonicalize(value))
const code = (answer: unknown): string | undefined => (isRefusal(answer) ? answer.code : undefined)
const json = fc.jsonValue({ maxDepth: 6, stringUnit: 'binary' })

// RFC 8785 appendix B: IEEE 754 bits and the text they must become.
const numbers: readonly [string, string][] = [
  ['0000000000000000', '0'],
  ['8000000000000000', '0'],
  ['0000000000000001', '5e-324'],
  ['8000000000000001', '-5e-324'],
  ['7fefffffffffffff', '1.7976931348623157e+308'],
  ['ffefffffffffffff', '-1.7976931348623157e+308'],
  ['4340000000000000', '9007199254740992'],
  ['c340000000000000', '-9007199254740992'],
  ['4430000000000000', '295147905179352830000'],
  ['44b52d02c7e14af5', '9.999999999999997e+22'],
  ['44b52d02c7e14af6', '1e+23'],
  ['44b52d02c7e14af7', '1.0000000000000001e+23'],
  ['444b1ae4d6e2ef4e', '999999999999999700000'],
  ['444b1ae4d6e2ef4f', '999999999999999900000'],
  ['444b1ae4d6e2ef50', '1e+21'],
  ['3eb0c6f7a0b5ed8c', '9.999999999999997e-7'],
  ['3eb0c6f7a0b5ed8d', '0.000001'],
  ['41b3de4355555553', '333333333.3333332'],
  ['41b3de4355555554', '333333333.33333325'],
  ['41b3de4355555555', '333333333.3333333'],
  ['41b3de4355555556', '333333333.3333334'],
  ['41b3de4355555557', '333333333.33333343'],
  ['becbf647612f3696', '-0.0000033333333333333333'],
  ['43143ff3c1cb0959', '1424953923781206.2'],
]

test.each(numbers)('SE-21 RFC 8785 appendix B: %s becomes %s', (bits, expected) => {
  expect(text(Buffer.from(bits, 'hex').readDoubleBE(0))).toBe(expected)
})

test('SE-21 RFC 8785 section 3.2.2 and 3.2.3: literals, escapes and the order of UTF-16 code units', () => {
  const sample =
    '{"numbers":[333333333.33333329,1E30,4.50,2e-3,0.000000000000000000000000001],"string":"\\u20ac$\\u000F\\u000aA\'\\u0042\\u0022\\u005c\\\\\\"\\/","literals":[null,true,false]}'
  expect(text(parseJson(sample))).toBe(
    '{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],"string":"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}',
  )
  const keys = {
    '\u20ac': 'Euro Sign',
    '\r': 'Carriage Return',
    '\ufb33': 'Hebrew Letter Dalet With Dagesh',
    '1': 'One',
    '\ud83d\ude00': 'Emoji: Grinning Face',
    '\u0080': 'Control',
    '\u00f6': 'Latin Small Letter O With Diaeresis',
  }
  const order = [...text(keys).matchAll(/:"([^"]+)"/g)].map(([, name]) => name)
  expect(order).toEqual([
    'Carriage Return',
    'One',
    'Control',
    'Latin Small Letter O With Diaeresis',
    'Euro Sign',
    'Emoji: Grinning Face',
    'Hebrew Letter Dalet With Dagesh',
  ])
})

test('SE-21 agrees with an independent implementation of RFC 8785', () => {
  fc.assert(
    fc.property(json, (value) => {
      const own = canonicalize(value)
      // The generator may make lone surrogates and __proto__, which are refused here.
      return isRefusal(own) ? ['invalid_string', 'forbidden_key'].includes(own.code) : own === canonicalizeOracle(value)
    }),
    { numRuns: 3000 },
  )
})

test('SE-21 canonical text is a fixed point of reading and writing', () => {
  fc.assert(
    fc.property(json, (value) => {
      const own = canonicalize(value)
      return isRefusal(own) || text(parseJson(own)) === own
    }),
    { numRuns: 1000 },
  )
})

test('SE-21 10,000 orders of the same keys have one hash', () => {
  const random = seededRandom('orders')
  const entries = Array.from({ length: 12 }, (_, index): [string, unknown] => [`k${index}`, { b: index, a: [index] }])
  const hashes = new Set<string>()
  for (let round = 0; round < 10_000; round += 1) {
    for (let index = entries.length - 1; index > 0; index -= 1) {
      const other = random.int(index + 1)
      const [a, b] = [entries[index], entries[other]]
      if (a !== undefined && b !== undefined) [entries[index], entries[other]] = [b, a]
    }
    hashes.add(inputHash(text(Object.fromEntries(entries))))
  }
  expect(hashes.size).toBe(1)
})

const cyclic: { self?: unknown } = {}
cyclic.self = cyclic
const throwing = {
  get a(): never {
    throw new Error('secret')
  },
}
test.each<[string, unknown, string]>([
  ['undefined', undefined, 'invalid_json'],
  ['undefined in an array', [undefined], 'invalid_json'],
  ['a hole', Array(1), 'invalid_json'],
  ['undefined in an object', { a: undefined }, 'invalid_json'],
  ['a function', () => 1, 'invalid_json'],
  ['toJSON', { toJSON: () => 1 }, 'invalid_json'],
  ['a symbol', Symbol('s'), 'invalid_json'],
  ['a Date', new Date(0), 'invalid_json'],
  ['a Map', new Map(), 'invalid_json'],
  ['a boxed number', Object(1), 'invalid_json'],
  ['bytes', new Uint8Array(1), 'invalid_json'],
  ['an instance', new (class Money {})(), 'invalid_json'],
  ['a getter that throws', throwing, 'invalid_json'],
  ['NaN', [Number.NaN], 'invalid_number'],
  ['Infinity', -Infinity, 'invalid_number'],
  ['a BigInt', 1n, 'invalid_number'],
  ['half a pair', 'a\ud800', 'invalid_string'],
  ['half a pair in a key', { '\udc00': 1 }, 'invalid_string'],
  ['an own __proto__', JSON.parse('{"__proto__":1}'), 'forbidden_key'],
  ['a cycle', cyclic, 'input_too_deep'],
])('%s is refused', (_name, value, expected) => {
  expect(code(canonicalize(value))).toBe(expected)
})

test('a constructor key and objects without prototype are data like any other', () => {
  expect(text(Object.assign(Object.create(null), { constructor: 1 }))).toBe('{"constructor":1}')
})

test('64 levels are accepted, 65 are refused, both ways', () => {
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
  expect(text(parseJson(nested(64)))).toBe(nested(64))
  expect(code(parseJson(nested(65)))).toBe('input_too_deep')
  expect(code(canonicalize(JSON.parse(nested(65))))).toBe('input_too_deep')
  expect(parseJson('"[[[["', { bytesMax: 99, depthMax: 1 })).toBe('[[[[')
  expect(parseJson('"\\"[[[["', { bytesMax: 99, depthMax: 1 })).toBe('"[[[[')
})

test('a bomb of a million brackets and one of shared references end as refusals', () => {
  let deep: unknown = []
  for (let depth = 0; depth < 1_000_000; depth += 1) deep = [deep]
  let wide: unknown = ['x']
  for (let depth = 0; depth < 60; depth += 1) wide = [wide, wide]
  expect(code(canonicalize(deep))).toBe('input_too_deep')
  expect(code(canonicalize(wide))).toBe('input_too_large')
  expect(code(parseJson('['.repeat(1_000_000), { bytesMax: 2e6, depthMax: 64 }))).toBe('input_too_deep')
})

test('the limit counts bytes of UTF-8 and holds to the byte', () => {
  for (const value of ['abc', 'é€😀', [], {}, [1, 2], { a: 1, b: [true, null] }, ['"\n']]) {
    const bytes = Buffer.byteLength(JSON.stringify(value))
    expect(text(value)).toBe(canonicalize(value, { bytesMax: bytes, depthMax: 9 }))
    expect(code(canonicalize(value, { bytesMax: bytes - 1, depthMax: 9 }))).toBe('input_too_large')
    expect(code(parseJson(JSON.stringify(value), { bytesMax: bytes - 1, depthMax: 9 }))).toBe('input_too_large')
  }
  expect(code(canonicalize('a'.repeat(256 * 1024)))).toBe('input_too_large')
})

test.each([
  ['', 'invalid_json'],
  ['{', 'invalid_json'],
  ['undefined', 'invalid_json'],
  ["{'a':1}", 'invalid_json'],
  ['\ufeff1', 'invalid_json'],
  ['"\\ud800"', 'invalid_string'],
  ['"\ud800"', 'invalid_string'],
  ['{"\\udc00":1}', 'invalid_string'],
  ['[{"__proto__":1}]', 'forbidden_key'],
  ['{"\\u005f_proto__":1}', 'forbidden_key'],
  ['1e400', 'invalid_number'],
  [`[${'9'.repeat(400)}]`, 'invalid_number'],
])('the text %j is refused', (source, expected) => {
  expect(code(parseJson(source))).toBe(expected)
})

test('the message about broken JSON does not repeat the text', () => {
  expect(JSON.stringify(parseJson('{"password": hunter2}'))).not.toContain('hunter2')
})

test('sha256 is the known one, of text and of bytes', () => {
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
  expect(sha256(Buffer.from('abc'))).toBe(sha256('abc'))
})

test('whatever text arrives, the answer is a value or a refusal of the table', () => {
  const random = seededRandom('bad input')
  const pieces = [
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"',
    '\\',
    '\\u',
    'd800',
    '"a"',
    '1',
    '-',
    '.',
    'e',
    '9',
    'null',
    'true',
    '__proto__',
    '"__proto__"',
    ' ',
    '\n',
    '\0',
    '\ud83d',
    '\ude00',
    'é',
  ]
  const tried = 100_000
  let read = 0
  const unfaithful: string[] = []
  for (let round = 0; round < tried; round += 1) {
    let source = ''
    for (let left = random.int(12); left >= 0; left -= 1) source += pieces[random.int(pieces.length)]
    const answer = parseJson(source)
    if (isRefusal(answer)) continue
    read += 1
    // What was read can be written, and reads as the same.
    const written = canonicalize(answer)
    if (isRefusal(written) || canonicalize(parseJson(written)) !== written) unfaithful.push(source)
  }
  expect(unfaithful).toEqual([])
  expect(read).toBeGreaterThan(tried / 100)
})

test('whatever value arrives, writing it does not throw', () => {
  fc.assert(
    fc.property(
      fc.anything({
        withBigInt: true,
        withDate: true,
        withMap: true,
        withNullPrototype: true,
        withSparseArray: true,
        withTypedArray: true,
        withBoxedValues: true,
      }),
      (value) => {
        const answer = canonicalize(value)
        return isRefusal(answer) || text(JSON.parse(answer)) === answer
      },
    ),
    { numRuns: 5000 },
  )
})
