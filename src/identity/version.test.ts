import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { pawlVersion } from './version.ts'

test('the version that a process says of itself is that of its package', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  expect((JSON.parse(text) as { version: string }).version).toBe(pawlVersion)
})
