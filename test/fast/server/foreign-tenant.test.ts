import { expect, test } from 'vitest'
import { differences, leaksOf, overheard, shown, twoTenants } from './foreign-tenant.ts'

test('SE-33 whatever somebody asks for with ids, keys, queries and cursors of another tenant gives nothing of it and changes nothing', async () => {
  const { server, own, foreign } = await twoTenants('sqlite::memory:')
  await using _ = server
  const before = await shown(own)
  const known = await overheard(own)
  expect(known.secrets.length).toBeGreaterThan(20)
  expect(await differences(foreign, known)).toEqual([])
  expect(await leaksOf(foreign, known, 'foreign', 8)).toEqual([])
  expect(await shown(own)).toEqual(before)
})
