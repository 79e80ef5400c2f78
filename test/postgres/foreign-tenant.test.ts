import { expect, inject, test } from 'vitest'
import { differences, leaksOf, overheard, shown, twoTenants } from '../fast/server/foreign-tenant.ts'
import { openDatabase } from './database.ts'

test('SE-33 whatever somebody asks PostgreSQL for with what is another tenant’s gives nothing of it and changes nothing', async () => {
  const { server, own, foreign } = await twoTenants(await openDatabase(inject('postgres')))
  await using _ = server
  const before = await shown(own)
  const known = await overheard(own)
  expect(known.secrets.length).toBeGreaterThan(20)
  expect(await differences(foreign, known)).toEqual([])
  expect(await leaksOf(foreign, known, 'foreign', 2)).toEqual([])
  expect(await shown(own)).toEqual(before)
})
