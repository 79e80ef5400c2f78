import { DatabaseSync } from 'node:sqlite'
import { expect, test } from 'vitest'
import { Story } from '../contract/story.ts'
import { openedForTest } from './harness.ts'
import { type Migration, migrate, migrations, schemaVersion } from './migrate.ts'
import { openSqlite } from './open.ts'

const schema = (db: DatabaseSync): unknown =>
  db.prepare('select type, name, tbl_name, sql from sqlite_schema order by type, name').all()

const extra: Migration = {
  number: 9_001,
  name: 'extra',
  up: 'alter table requests add column note text; create index requests_note on requests (note)',
  down: 'drop index requests_note; alter table requests drop column note',
  checksum: 'extra',
}

test('REL-10e the schema is the same after up, down and up again', () => {
  const db = new DatabaseSync(':memory:')
  const numbers = migrations().map(({ number }) => number)
  expect(migrate(db)).toEqual(numbers)
  const before = schema(db)
  expect(migrate(db)).toEqual([])
  expect(migrate(db, 0)).toEqual(numbers.toReversed())
  expect(schemaVersion(db)).toBe(0)
  expect(db.prepare(`select name from sqlite_schema where name <> 'migrations'`).all()).toEqual([])
  expect(migrate(db)).toEqual(numbers)
  expect(schema(db)).toEqual(before)
  db.close()
})

test('REL-10e a database full of work goes down and up again without leaving anything behind', async () => {
  const store = openSqlite({ path: ':memory:' })
  const story = await Story.begin({ open: async () => openedForTest(store) })
  await story.succeed(await story.claim(await story.admit({ request: { key: 'K' } }, {})))
  const before = schema(store.raw)
  migrate(store.raw, 0)
  migrate(store.raw)
  expect(schema(store.raw)).toEqual(before)
  expect(store.raw.prepare('select count(*) as n from requests').get()).toEqual({ n: 0 })
  store.close()
})

test('REL-10e a further migration keeps the rows there are, up and down', async () => {
  const known = [...migrations(), extra]
  const opened = openSqlite({ path: ':memory:' })
  const story = await Story.begin({ open: async () => openedForTest(opened) })
  await story.succeed(await story.claim(await story.admit({ request: { key: 'K' } }, {})))
  const [rows, before] = [dump(opened.raw), schema(opened.raw)]
  expect(migrate(opened.raw, 'newest', known)).toEqual([9_001])
  expect(opened.raw.prepare('select note from requests').all()).toEqual([{ note: null }, { note: null }])
  expect(migrate(opened.raw, 9_000, known)).toEqual([9_001])
  expect(schema(opened.raw)).toEqual(before)
  expect(dump(opened.raw)).toEqual(rows)
  opened.close()
})

test('REL-10e a migration that fails half-way leaves the schema as it was', () => {
  const db = new DatabaseSync(':memory:')
  migrate(db)
  const before = schema(db)
  const broken = { ...extra, up: `${extra.up}; create table requests (id integer)` }
  expect(() => migrate(db, 'newest', [...migrations(), broken])).toThrow(/already exists/)
  expect(schema(db)).toEqual(before)
  expect(db.isTransaction).toBe(false)
  db.close()
})

test('REL-10e a migration that is not the one the database was made with is refused', () => {
  const db = new DatabaseSync(':memory:')
  migrate(db, 'newest', [...migrations(), extra])
  const changed = { ...extra, checksum: 'other' }
  expect(() => migrate(db, 'newest', [...migrations(), changed])).toThrow(/Migration 9001 .* is not the one/)
  expect(() => migrate(db)).toThrow(/has migration 9001; this version knows/)
  db.close()
})

function dump(db: DatabaseSync): unknown {
  return ['requests', 'executions', 'outcomes', 'log', 'queues', 'workers'].map((table) =>
    db.prepare(`select * from ${table}`).all(),
  )
}
