import { expect, test } from 'vitest'
import { seededRandom, systemRandom } from '../identity/random.ts'
import { newTokenText, readTokenText } from './token-text.ts'

test('a token has a prefix, an id, at least 128 bits of secret and a checksum that catches a wrong letter', () => {
  const { text, id, hash } = newTokenText(seededRandom('token'))
  expect(text).toMatch(/^pawl_[0-9a-z]{12}_[0-9A-Za-z]{38}$/)
  expect(readTokenText(text)).toEqual({ id, hash })
  for (let index = 5; index < text.length; index += 1) {
    const wrong = `${text.slice(0, index)}${text[index] === 'a' ? 'b' : 'a'}${text.slice(index + 1)}`
    expect(readTokenText(wrong)).toBeNull()
  }
  expect(Math.log2(62 ** 32)).toBeGreaterThan(128)
})

test('no two tokens are alike, and the text never contains its hash', () => {
  const tokens = Array.from({ length: 1000 }, () => newTokenText(systemRandom))
  expect(new Set(tokens.map(({ text }) => text)).size).toBe(1000)
  expect(new Set(tokens.map(({ id }) => id)).size).toBe(1000)
})
