import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { Refused } from '../../errors/refusal.ts'
import { aQueued, aRequest, changes, logOfAdmitted } from '../contract/builders.ts'
import { integrityCheck } from './health.ts'
import { type OpenedSqlite, openSqlite, refuseOldSqlite } from './open.ts'

let folder = ''
let path = ''
let opened: OpenedSqlite[] = []

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'pawl-open-'))
  path = join(folder, 'pawl.db')
  opened = []
})
afterEach(() => {
  for (const store of opened) store.close()
  rmSync(folder, { recursive: true, force: true })
})

function open(at = path, readOnly = false): OpenedSqlite {
  const store = openSqlite({ path: at, readOnly })
  opened.push(store)
  return store
}

/** The code of the refusal; anything else thrown fails the test. */
function refusalOf(work: () => unknown): string {
  try {
    work()
  } catch (thrown) {
    if (thrown instanceof Refused) return thrown.code
    throw thrown
  }
  return 'nothing was refused'
}

function admit({ session }: OpenedSqlite, count: number, input = '{}'): void {
  const { execution: first, position } = session.counters()
  const queues = first === 1 ? [{ key: 1, action: 'quote.render', version: 1 }] : []
  const executions = Array.from({ length: count }, (_, index) => aQueued(first + index, { head: position }))
  const admitted = executions.map((execution) => ({ request: aRequest(execution.id, { position, input }), execution }))
  session.begin()
  session.write(changes({ queues, admitted, log: [logOfAdmitted(position, executions)] }))
  session.commit()
}

const requestsIn = (db: DatabaseSync): unknown => db.prepare('select count(*) as n from requests').get()?.n

describe('a file of its own', () => {
  test('is opened durable, with one writer, and says how often', () => {
    const store = open()
    const pragma = (name: string): unknown => Object.values(store.raw.prepare(`pragma ${name}`).get() ?? {})[0]
    expect(['journal_mode', 'synchronous', 'foreign_keys', 'wal_autocheckpoint', 'busy_timeout'].map(pragma)).toEqual([
      'wal',
      2,
      1,
      8000,
      5000,
    ])
    expect([store.ownerEpoch, store.wasClean]).toEqual([1, true])
    store.close()
    const again = open()
    expect([again.ownerEpoch, again.wasClean]).toEqual([2, true])
    expect(again.publicIdKey).toEqual(store.publicIdKey)
  })

  test('REL-04 what commit returned from is in the files, and an unclean stop is noticed and checked', () => {
    const store = open()
    admit(store, 3)
    store.session.begin()
    store.session.write(changes({ queues: [{ key: 2, action: 'never.committed', version: 1 }] }))
    const crashed = join(folder, 'crashed.db')
    for (const end of ['', '-wal']) if (existsSync(`${path}${end}`)) copyFileSync(`${path}${end}`, `${crashed}${end}`)
    store.session.rollback()
    const found = open(crashed)
    expect([found.ownerEpoch, found.wasClean]).toEqual([2, false])
    expect(requestsIn(found.raw)).toBe(3)
    expect(found.session.queues()).toHaveLength(1)
    expect(integrityCheck(found.raw)).toEqual([])
  })

  test('closing with a transaction open keeps nothing of it and is clean', () => {
    const store = open()
    store.session.begin()
    store.session.write(changes({ queues: [{ key: 1, action: 'a', version: 1 }] }))
    store.close()
    const again = open()
    expect([again.wasClean, again.session.queues()]).toEqual([true, []])
  })

  test('is read beside its owner, but not written', () => {
    const store = open()
    admit(store, 1)
    const reader = open(path, true)
    expect(reader.views().find(1)?.request.id).toBe(1)
    expect(refusalOf(() => reader.session.begin() ?? reader.session.write(changes({ timers: timer })))).toBe(
      'store_read_only',
    )
    admit(store, 1)
    expect(reader.views().find(2)?.request.id).toBe(2)
  })
})

const timer = { add: [{ at: 1, kind: 'wake', id: 1 }], remove: [] } as const

describe('what cannot be opened is refused in plain words and left as it was', () => {
  test('a file that somebody owns, even in the same process', () => {
    const store = open()
    admit(store, 1)
    expect(refusalOf(() => open())).toBe('store_locked')
    admit(store, 1)
    expect(requestsIn(store.raw)).toBe(2)
    store.close()
    expect(requestsIn(open().raw)).toBe(2)
  })

  test.each([
    ['a text', () => writeFileSync(path, 'this is not a database, but it is longer than a header is. '.repeat(40))],
    ['a short text', () => writeFileSync(path, 'hello')],
    ['a database of another program', () => foreign('create table invoices (id integer); pragma application_id = 7')],
    ['a database without an id but with tables', () => foreign('create table invoices (id integer)')],
    ['an empty database of another program', () => foreign('pragma application_id = 7')],
    [
      'a database of another program in WAL mode',
      () => foreign('pragma journal_mode = wal; create table invoices (id integer)'),
    ],
  ])('%s', (_, make) => {
    make()
    const [bytes, files] = [readFileSync(path), readdirSync(folder)]
    expect(refusalOf(() => open())).toBe('store_foreign_file')
    expect(readFileSync(path).equals(bytes)).toBe(true)
    expect(readdirSync(folder)).toEqual(files)
  })

  test('a damaged file, when it was not closed', () => {
    const store = open()
    admit(store, 500)
    store.raw.exec('update meta set clean = 0; pragma wal_checkpoint(truncate)')
    const crashed = join(folder, 'crashed.db')
    copyFileSync(path, crashed)
    const root = store.raw.prepare(`select rootpage as page from sqlite_schema where name = 'executions'`).get()
    const bytes = readFileSync(crashed)
    const at = ((root?.page as number) - 1) * 4096
    bytes.fill(0xa5, at + 200, at + 4096)
    writeFileSync(crashed, bytes)
    expect(refusalOf(() => open(crashed))).toBe('store_corrupt')
    expect(readFileSync(crashed).equals(bytes)).toBe(true)
  })

  test('a damaged file that was closed is refused where the damage is met', () => {
    const store = open()
    admit(store, 500)
    const root = store.raw.prepare(`select rootpage as page from sqlite_schema where name = 'executions'`).get()
    store.close()
    const bytes = readFileSync(path)
    const at = ((root?.page as number) - 1) * 4096
    bytes.fill(0xa5, at, at + 4096)
    writeFileSync(path, bytes)
    const damaged = open()
    expect(integrityCheck(damaged.raw)).not.toEqual([])
    expect(refusalOf(() => damaged.session.executions([1]))).toBe('store_corrupt')
  })

  test('a schema of a newer version', () => {
    const store = open()
    store.raw.exec(`insert into migrations (number, name, checksum, applied_at) values (9999, 'future', 'x', 1)`)
    store.close()
    const bytes = readFileSync(path)
    expect(refusalOf(() => open())).toBe('store_newer_schema')
    expect(refusalOf(() => open(path, true))).toBe('store_newer_schema')
    expect(readFileSync(path).equals(bytes)).toBe(true)
  })

  test('a folder that cannot be written or made', () => {
    // Root may write anywhere but in what the kernel only shows.
    const barred = process.getuid?.() === 0 && existsSync('/proc/version') ? '/proc' : join(folder, 'file')
    if (barred !== '/proc') writeFileSync(barred, '')
    expect(refusalOf(() => open(join(barred, 'pawl.db')))).toBe('store_read_only')
    writeFileSync(join(folder, 'occupied'), '')
    expect(refusalOf(() => open(join(folder, 'occupied', 'pawl.db')))).toBe('store_read_only')
  })

  test('an old SQLite', () => {
    const db = new DatabaseSync(':memory:')
    expect(refusalOf(() => refuseOldSqlite(db, '99.0.0'))).toBe('sqlite_too_old')
    expect(refusalOf(() => refuseOldSqlite(db, '3.9.0'))).toBe('nothing was refused')
    db.close()
  })

  test('a missing folder is made, and a missing file is not made for a reader', () => {
    expect(refusalOf(() => open(path, true))).toBe('store_read_only')
    expect(readdirSync(folder)).toEqual([])
    admit(open(join(folder, 'a', 'b', 'pawl.db')), 1)
  })
})

test('on a full disk a commit is refused whole, what was stored stays, and work goes on once there is space', () => {
  const store = open()
  admit(store, 10)
  const pages = store.raw.prepare('pragma page_count').get()?.page_count as number
  store.raw.exec(`pragma max_page_count = ${pages + 4}`)
  const big = JSON.stringify({ text: 'x'.repeat(5_000) })
  expect(refusalOf(() => admit(store, 100, big))).toBe('store_full')
  store.session.rollback()
  expect(requestsIn(store.raw)).toBe(10)
  expect(store.session.counters()).toMatchObject({ execution: 11, position: 2 })
  expect(integrityCheck(store.raw)).toEqual([])
  store.raw.exec('pragma max_page_count = 1073741823')
  admit(store, 100, big)
  expect(requestsIn(store.raw)).toBe(110)
})

function foreign(sql: string): void {
  const db = new DatabaseSync(path)
  db.exec(sql)
  db.close()
}
