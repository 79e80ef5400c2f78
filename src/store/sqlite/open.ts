import { mkdirSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { Refused, refuse } from '../../errors/refusal.ts'
import { type PublicIdKey, publicIdKey } from '../../identity/public-id.ts'
import { inPlainWords, resultCode } from './failures.ts'
import { damaged, quickCheck } from './health.ts'
import { markClean, readMeta, takeOver } from './meta.ts'
import { checkSchema, migrate } from './migrate.ts'
import { own } from './owner.ts'
import { Prepared } from './prepared.ts'
import { SqliteSession } from './session.ts'
import type { Statements } from './statements.ts'
import { type OnUndecodable, SqliteViews } from './views.ts'

/** "Pawl" in ASCII: what makes a file ours. */
export const applicationId = 0x5061776c
const sqliteMin = '3.51.3'

export interface SqliteOptions {
  /** A file, or `:memory:` for a database that lives as long as it is open. */
  readonly path: string
  /** Replaces single statements: for tests that take one apart. */
  readonly statements?: Partial<Statements> | undefined
  /** Opens for reading only, beside whoever owns the file. `session` then refuses to begin. */
  readonly readOnly?: boolean | undefined
}

export interface OpenedSqlite {
  readonly session: SqliteSession
  /** A new connection that only reads. Close it, or let `close` do it. */
  views(onUndecodable?: OnUndecodable): SqliteViews
  readonly raw: DatabaseSync
  readonly publicIdKey: PublicIdKey
  /** How often this database was opened by an owner. */
  readonly ownerEpoch: number
  /** Time of the newest event; 0 in an empty store. */
  readonly newestAt: number
  /** False when the owner before did not close it. */
  readonly wasClean: boolean
  close(): void
}

/**
 * Opens the store and becomes its only owner.
 *
 * @throws Refused `store_locked`, `store_foreign_file`, `store_corrupt`, `store_read_only`, `store_full`,
 *   `store_newer_schema` or `sqlite_too_old`; the file is then as it was
 */
export function openSqlite({ path, statements, readOnly = false }: SqliteOptions): OpenedSqlite {
  const inMemory = path === ':memory:'
  const location = inMemory ? new URL(`file:///pawl-${++memories}?vfs=memdb`) : path
  const closers: (() => void)[] = []
  const closeAll = (): void => closeEach(closers.splice(0).reverse())
  try {
    if (!inMemory) inspectFile(path, readOnly)
    if (!inMemory && !readOnly) closers.push(own(path).release)
    const db = new DatabaseSync(location, { readOnly, timeout: busyMs })
    closers.push(() => db.isOpen && db.close())
    refuseOldSqlite(db)
    checkSchema(db)
    if (!readOnly) prepareToWrite(db, inMemory)
    const meta = readMeta(db)
    if (!readOnly) {
      if (!meta.isClean) quickCheck(db)
      takeOver(db)
      closers.push(() => markClean(db))
    }
    return {
      session: new SqliteSession(db, new Prepared(db, statements), closeAll),
      views(onUndecodable) {
        const reader = new DatabaseSync(location, { readOnly: true, timeout: busyMs })
        const views = new SqliteViews(reader, new Prepared(reader, statements), onUndecodable)
        closers.push(() => views.close())
        return views
      },
      raw: db,
      publicIdKey: publicIdKey(meta.publicIdKey),
      ownerEpoch: meta.ownerEpoch + (readOnly ? 0 : 1),
      newestAt: newestAt(db),
      wasClean: meta.isClean,
      close: closeAll,
    }
  } catch (thrown) {
    closeAll()
    throw inPlainWords(thrown, path)
  }
}

function newestAt(db: DatabaseSync): number {
  return (db.prepare('select at from log order by position desc limit 1').get()?.at ?? 0) as number
}

/** Closes all, also behind one that fails: a full disk must not keep the lock. */
function closeEach(closers: readonly (() => void)[]): void {
  const failures: unknown[] = []
  for (const close of closers) {
    try {
      close()
    } catch (thrown) {
      failures.push(thrown)
    }
  }
  if (failures.length > 0) throw inPlainWords(failures[0])
}

const busyMs = 5_000
let memories = 0

function prepareToWrite(db: DatabaseSync, inMemory: boolean): void {
  // Before anything else is written, so that the file is known as ours from its first page on.
  if (numberOf(db, 'application_id') !== applicationId) db.exec(`pragma application_id = ${applicationId}`)
  db.exec(
    'pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on; pragma wal_autocheckpoint = 8000',
  )
  assertPragma(db, 'journal_mode', inMemory ? 'memory' : 'wal')
  assertPragma(db, 'synchronous', 2)
  assertPragma(db, 'foreign_keys', 1)
  migrate(db)
}

/** Looks at a file without locking, changing or creating anything. */
function inspectFile(path: string, readOnly: boolean): void {
  const size = statSync(path, { throwIfNoEntry: false })?.size
  if (size === undefined && !readOnly) makeFolder(path)
  if (size === undefined || size === 0) return
  const url = pathToFileURL(path)
  url.search = '?immutable=1'
  let db: DatabaseSync | undefined
  try {
    db = new DatabaseSync(url, { readOnly: true })
    const id = numberOf(db, 'application_id')
    const isEmpty = (db.prepare('select count(*) as n from sqlite_schema').get()?.n as number) === 0
    if (id === applicationId || (id === 0 && isEmpty)) return
    throw new Refused(refuse('store_foreign_file', `${path} is a database of another program.`, { applicationId: id }))
  } catch (thrown) {
    if (resultCode(thrown) === corrupt) throw damaged([(thrown as Error).message])
    throw inPlainWords(thrown, path)
  } finally {
    db?.close()
  }
}

const corrupt = 11

function makeFolder(path: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true })
  } catch (cause) {
    const refused = new Refused(refuse('store_read_only', `The folder ${dirname(path)} cannot be made.`, { path }))
    refused.cause = cause
    throw refused
  }
}

/** Older ones can lose commits when they reset the log (fixed in 3.51.3). */
export function refuseOldSqlite(db: DatabaseSync, least: string = sqliteMin): void {
  const version = db.prepare('select sqlite_version() as version').get()?.version as string
  const isOld = version.localeCompare(least, 'en', { numeric: true }) < 0
  if (isOld)
    throw new Refused(refuse('sqlite_too_old', `SQLite is ${version}; at least ${least} is needed.`, { version }))
}

function numberOf(db: DatabaseSync, pragma: string): number {
  return Object.values(db.prepare(`pragma ${pragma}`).get() ?? {})[0] as number
}

function assertPragma(db: DatabaseSync, pragma: string, wanted: string | number): void {
  const [value] = Object.values(db.prepare(`pragma ${pragma}`).get() ?? {})
  if (value !== wanted) throw new Error(`SQLite answered ${pragma} = ${value} instead of ${wanted}`)
}
