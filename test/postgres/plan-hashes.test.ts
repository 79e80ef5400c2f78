import { expect, inject, test } from 'vitest'
import { postgres } from '../../src/postgres.ts'
import { VirtualClock } from '../../src/time/clock.ts'
import expected from '../plan-hashes/expected.json' with { type: 'json' }
import { hashesOn } from '../plan-hashes/on-store.ts'
import { openDatabase } from './database.ts'

test('SE-31 SE-21 a plan that is made through PostgreSQL has the hash that is kept with the source, as through SQLite', async () => {
  const host = await postgres({ url: await openDatabase(inject('postgres')), clock: new VirtualClock() })
  expect(await hashesOn(host)).toEqual(expected)
  await host.close()
})
