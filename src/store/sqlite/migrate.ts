import { readdirSync, readFileSync } from 'node:fs'
import type { DatabaseSync } from 'node:sqlite'
import { Refused, refuse } from '../../errors/refusal.ts'
import { sha256 } from '../../json/hash.ts'

/** One numbered step of the schema. Its files are frozen: a database knows the checksum it was made with. */
export interface Migration {
  readonly number: number
  readonly name: string
  readonly up: string
  readonly down: string
  readonly checksum: string
}

const folder = new URL('./migrations/', import.meta.url)
const fileName = /^(\d{4})_([a-z0-9_]+)\.up\.sql$/

let read: readonly Migration[] | undefined

/** All migrations that this version knows, in order. */
export function migrations(): readonly Migration[] {
  read ??= readdirSync(folder)
    .sort()
    .flatMap((file) => {
      const [, number, name] = fileName.exec(file) ?? []
      if (number === undefined || name === undefined) return []
      const up = readFileSync(new URL(file, folder), 'utf8')
      const down = readFileSync(new URL(file.replace('.up.', '.down.'), folder), 'utf8')
      return [{ number: Number(number), name, up, down, checksum: sha256(up) }]
    })
  return read
}

/** The number of the newest migration that this version knows. Reads names alone. */
export const newestMigration = (): number =>
  Math.max(...readdirSync(folder).map((file) => Number(fileName.exec(file)?.[1] ?? 0)))

const newest = (known: readonly Migration[]): number => known.at(-1)?.number ?? 0

/** The number of the newest migration that this database has; 0 when it has none. */
export function schemaVersion(db: DatabaseSync): number {
  return applied(db).at(-1)?.number ?? 0
}

/** Refuses a database that this version cannot serve, without changing it. */
export function checkSchema(db: DatabaseSync, known: readonly Migration[] = migrations()): void {
  const present = applied(db)
  const ahead = present.find(({ number }) => number > newest(known))
  if (ahead !== undefined) {
    const reason = `The database has migration ${ahead.number}; this version knows ${newest(known)}.`
    throw new Refused(refuse('store_newer_schema', reason, { present: ahead.number, known: newest(known) }))
  }
  for (const { number, checksum } of present) {
    if (known.find((migration) => migration.number === number)?.checksum !== checksum) {
      const reason = `Migration ${number} of the database is not the one that this version holds.`
      throw new Refused(refuse('store_newer_schema', reason, { number, checksum }))
    }
  }
}

/**
 * Brings the schema to `target`, up or down, each step in a transaction of its own.
 *
 * @returns the numbers of the migrations that were applied or taken back, in that order
 */
export function migrate(
  db: DatabaseSync,
  target: number | 'newest' = 'newest',
  known: readonly Migration[] = migrations(),
): readonly number[] {
  db.exec(migrationsTable)
  checkSchema(db, known)
  const goal = target === 'newest' ? newest(known) : target
  const present = schemaVersion(db)
  const steps =
    goal >= present
      ? known.filter(({ number }) => number > present && number <= goal)
      : known.filter(({ number }) => number <= present && number > goal).reverse()
  for (const step of steps) run(db, step, goal > present)
  return steps.map(({ number }) => number)
}

const migrationsTable = `create table if not exists migrations (
  number integer primary key,
  name text not null,
  checksum text not null,
  applied_at integer not null
) strict`

function applied(db: DatabaseSync): readonly { readonly number: number; readonly checksum: string }[] {
  if (!db.prepare(`select 1 from sqlite_schema where name = 'migrations'`).get()) return []
  return db
    .prepare('select number, checksum from migrations order by number')
    .all()
    .map((row) => ({ number: row.number as number, checksum: row.checksum as string }))
}

function run(db: DatabaseSync, { number, name, up, down, checksum }: Migration, isUp: boolean): void {
  db.exec('begin immediate')
  try {
    db.exec(isUp ? up : down)
    if (isUp) {
      db.prepare(
        `insert into migrations (number, name, checksum, applied_at) values (?, ?, ?, cast(unixepoch('subsec') * 1000 as integer))`,
      ).run(number, name, checksum)
    } else {
      db.prepare('delete from migrations where number = ?').run(number)
    }
    db.exec('commit')
  } catch (thrown) {
    if (db.isTransaction) db.exec('rollback')
    throw thrown
  }
}
