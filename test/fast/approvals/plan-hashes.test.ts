import { expect, test } from 'vitest'
import { sqlite } from '../../../src/sqlite.ts'
import { VirtualClock } from '../../../src/time/clock.ts'
import expected from '../../plan-hashes/expected.json' with { type: 'json' }
import { hashesOn } from '../../plan-hashes/on-store.ts'
import { hashes } from '../../plan-hashes/samples.ts'

test('SE-31 SE-21 the hashes of plans that are kept with the source are what this Node.js comes to, and each is another', () => {
  expect(hashes()).toEqual(expected)
  expect(new Set(Object.values(expected)).size).toBe(Object.keys(expected).length)
})

test('SE-31 SE-21 a plan that is made through SQLite has the hash that is kept with the source', async () => {
  const host = await sqlite({ path: ':memory:', clock: new VirtualClock(), soon: queueMicrotask })
  expect(await hashesOn(host)).toEqual(expected)
  await host.close()
})
