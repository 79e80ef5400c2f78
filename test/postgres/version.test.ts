import pg from 'pg'
import { expect, inject, test } from 'vitest'

test('the tests of each project run on the PostgreSQL that they say, and it is their own', async () => {
  const client = new pg.Client({ connectionString: inject('postgres') })
  await client.connect()
  const { rows } = await client.query('show server_version')
  const { rows: places } = await client.query('show data_directory')
  await client.end()
  expect(rows[0]?.server_version).toBe(inject('postgresVersion'))
  expect(places[0]?.data_directory).toMatch(/pawl-postgres-/)
  const is18 = inject('postgresBinaries').includes('pawl-postgres-18-')
  if (is18) expect(inject('postgresVersion')).toMatch(/^18/)
})
