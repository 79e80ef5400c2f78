import { readdirSync, readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterEach, expect, inject, test } from 'vitest'
import { Story } from '../../src/store/contract/story.ts'
import { Connection } from '../../src/store/postgres/connection.ts'
import { renderMachineSql } from '../../src/store/postgres/guards.ts'
import { serverHarness } from '../../src/store/postgres/harness.ts'
import { migrate, migrations, schemaVersion } from '../../src/store/postgres/migrate.ts'
import { type Migration, migrate as migrateSqlite } from '../../src/store/sqlite/migrate.ts'
import { openDatabase } from './database.ts'

const open: { close(): Promise<unknown> }[] = []
afterEach(async () => {
  for (const each of open.splice(0).reverse()) await each.close()
})

async function connect(url?: string): Promise<Connection> {
  const connection = await Connection.open({ url: url ?? (await openDatabase(inject('postgres'))) })
  open.push(connection)
  return connection
}

const filesOf = (store: string): string[] =>
  readdirSync(new URL(`../../src/store/${store}/migrations/`, import.meta.url)).sort()

/** Everything that a migration makes, by the server's own description of it. */
async function schema(connection: Connection): Promise<unknown> {
  return Promise.all(
    [
      `select table_name, column_name, data_type, is_nullable, column_default from information_schema.columns where table_schema = 'public' order by table_name, column_name`,
      `select tablename, indexdef from pg_indexes where schemaname = 'public' order by indexname`,
      `select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint where connamespace = 'public'::regnamespace order by 1, 2`,
      `select tgrelid::regclass::text, tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal order by 1, 2`,
      `select proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by proname`,
      `select viewname, definition from pg_views where schemaname = 'public' order by viewname`,
    ].map((text) => connection.query(text)),
  )
}

const extra: Migration = {
  number: 9_001,
  name: 'extra',
  up: 'alter table requests add column note text; create index requests_note on requests (note)',
  down: 'drop index requests_note; alter table requests drop column note',
  checksum: 'extra',
}

test('REL-10e the migrations bear the numbers and names of SQLite’s', () => {
  expect(filesOf('postgres')).toEqual(filesOf('sqlite'))
})

test('REL-10e both stores have the same tables and views with the same columns', async () => {
  const connection = await connect()
  await migrate(connection)
  const db = new DatabaseSync(':memory:')
  migrateSqlite(db)
  const columns = db
    .prepare(
      `select s.name as relation, c.name as column_name from sqlite_schema s join pragma_table_info(s.name) c where s.type in ('table', 'view')`,
    )
    .all()
    .map((row) => `${row.relation}.${row.column_name}`)
  db.close()
  const rows = await connection.query(
    `select table_name || '.' || column_name from information_schema.columns where table_schema = 'public'`,
  )
  // Who wrote last, and what callers have left, are questions only where there are several writers.
  const shared = (name: string): boolean => !/^(writers|submissions|transaction_steps)\./.test(name)
  const here = rows.map((row) => String(row[0])).filter(shared)
  expect(here.sort()).toEqual(columns.sort())
})

test('CP-001a the guards and names in the database are those of the state machine (if not, write a new migration)', () => {
  const frozen = new URL('../../src/store/postgres/migrations/0029_policies.up.sql', import.meta.url)
  const [, generated] =
    /-- generated from src\/execution\/machine\.ts: begin\n([\s\S]*)\n-- generated .*: end\n/.exec(
      readFileSync(frozen, 'utf8'),
    ) ?? []
  expect(generated).toBe(renderMachineSql())
})

test('REL-10e the schema is the same after up, down and up again', async () => {
  const connection = await connect()
  const numbers = migrations().map(({ number }) => number)
  expect(await migrate(connection)).toEqual(numbers)
  const before = await schema(connection)
  expect(await migrate(connection)).toEqual([])
  expect(await migrate(connection, 0)).toEqual(numbers.toReversed())
  expect(await schemaVersion(connection)).toBe(0)
  const left = await connection.query(`select tablename from pg_tables where schemaname = 'public'`)
  expect(left).toEqual([['migrations']])
  expect(await connection.query(`select proname from pg_proc where pronamespace = 'public'::regnamespace`)).toEqual([])
  expect(await migrate(connection)).toEqual(numbers)
  expect(await schema(connection)).toEqual(before)
})

test('REL-10e a database full of work goes down and up again without leaving anything behind', async () => {
  const store = await serverHarness(inject('postgres')).open()
  open.push(store)
  const story = await Story.begin({ open: async () => store })
  await story.succeed(await story.claim(await story.admit({ request: { key: 'K' } }, {})))
  const connection = await connect(store.url)
  const before = await schema(connection)
  await migrate(connection, 0)
  await migrate(connection)
  expect(await schema(connection)).toEqual(before)
  expect(await connection.query('select count(*) from requests')).toEqual([[0]])
})

test('REL-10e a migration that fails half-way leaves the schema as it was', async () => {
  const connection = await connect()
  await migrate(connection)
  const before = await schema(connection)
  const broken = { ...extra, up: `${extra.up}; create table requests (id integer)` }
  await expect(migrate(connection, 'newest', [...migrations(), broken])).rejects.toThrow(/already exists/)
  expect(await schema(connection)).toEqual(before)
  expect(await migrate(connection, 'newest', [...migrations(), extra])).toEqual([9_001])
  expect(await migrate(connection, 9_000, [...migrations(), extra])).toEqual([9_001])
  expect(await schema(connection)).toEqual(before)
})

test('REL-10e a migration that is not the one the database was made with is refused', async () => {
  const connection = await connect()
  await migrate(connection, 'newest', [...migrations(), extra])
  const changed = { ...extra, checksum: 'other' }
  await expect(migrate(connection, 'newest', [...migrations(), changed])).rejects.toThrow(
    /Migration 9001 .* is not the one/,
  )
  await expect(migrate(connection)).rejects.toThrow(/has migration 9001; this version knows/)
})

test('REL-10e a migration does not wait for a table that somebody holds, and everybody goes on', async () => {
  const url = await openDatabase(inject('postgres'))
  const connection = await connect(url)
  await migrate(connection)
  const holder = new pg.Client({ connectionString: url })
  await holder.connect()
  await holder.query('begin; lock table requests in access share mode')
  await expect(migrate(connection, 'newest', [...migrations(), extra])).rejects.toThrow(/lock timeout/)
  await holder.end()
  expect(await migrate(connection, 'newest', [...migrations(), extra])).toEqual([9_001])
})

test('REL-10e processes that start at once bring the schema up once', async () => {
  const url = await openDatabase(inject('postgres'))
  const connections = await Promise.all(Array.from({ length: 4 }, () => connect(url)))
  const done = await Promise.all(connections.map((connection) => migrate(connection)))
  expect(done.flat().sort((a, b) => a - b)).toEqual(migrations().map(({ number }) => number))
})
