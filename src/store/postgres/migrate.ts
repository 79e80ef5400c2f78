import { readdirSync, readFileSync } from 'node:fs'
import { Refused, refuse } from '../../errors/refusal.ts'
import { sha256 } from '../../json/hash.ts'
import type { Migration } from '../sqlite/migrate.ts'
import type { Connection } from './connection.ts'
import { applyPrivileges, hasPrivileges, privilegesBegin } from './privileges.ts'
import { ensureRoles } from './roles.ts'

const folder = new URL('./migrations/', import.meta.url)
const fileName = /^(\d{4})_([a-z0-9_]+)\.up\.sql$/

let read: readonly Migration[] | undefined

/** All migrations that this version knows, in order: numbers and names are those of SQLite's. */
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

/** The number of the newest migration that this version knows. */
export const newestMigration = (): number => newest(migrations())

const newest = (known: readonly Migration[]): number => known.at(-1)?.number ?? 0

/** The number of the newest migration that this database has; 0 when it has none. */
export async function schemaVersion(connection: Connection): Promise<number> {
  return (await applied(connection)).at(-1)?.number ?? 0
}

/** Refuses a database that this version cannot serve, without changing it. */
export async function checkSchema(connection: Connection, known: readonly Migration[] = migrations()): Promise<void> {
  const present = await applied(connection)
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
  if (present.length > 0) return
  const [foreign] = await connection.query(`select tablename
from pg_tables
where schemaname = current_schema()
and tablename in ('requests', 'executions', 'log', 'meta', 'migrations', 'workers', 'queues')
and not exists (select 1 from pg_tables where schemaname = current_schema() and tablename = 'migrations')`)
  if (foreign !== undefined) {
    const reason = `The database holds a table ${String(foreign[0])} of another program.`
    throw new Refused(refuse('store_foreign_tables', reason, { table: String(foreign[0]) }))
  }
}

/**
 * Brings the schema to `target`, up or down, each step in a transaction of its own. A step gives up where others hold its
 * tables for more than five seconds. Several processes may start at once: one migrates, the others find it done.
 *
 * @returns the numbers of the migrations that were applied or taken back, in that order
 */
export async function migrate(
  connection: Connection,
  target: number | 'newest' = 'newest',
  known: readonly Migration[] = migrations(),
): Promise<readonly number[]> {
  await checkSchema(connection, known)
  const goal = target === 'newest' ? newest(known) : target
  const isRight = async (): Promise<boolean> => goal < privilegesBegin || (await hasPrivileges(connection))
  if ((await schemaVersion(connection)) === goal && goal > 0 && (await isRight())) return []
  if (goal >= privilegesBegin) await ensureRoles(connection)
  await inTransaction(connection, () => connection.query(migrationsTable))
  const done: number[] = []
  for (;;) {
    const step = await inTransaction(connection, async () => {
      const present = await schemaVersion(connection)
      const isUp = goal > present
      const next = isUp
        ? known.find(({ number }) => number > present && number <= goal)
        : known.findLast(({ number }) => number <= present && number > goal)
      if (next !== undefined) await take(connection, next, isUp)
      else if (!(await isRight())) await applyPrivileges(connection)
      return next?.number
    })
    if (step === undefined) return done
    done.push(step)
  }
}

async function take(
  connection: Connection,
  { number, name, up, down, checksum }: Migration,
  isUp: boolean,
): Promise<void> {
  await connection.command(isUp ? up : down)
  if (!isUp) await connection.query('delete from migrations where number = $1', number)
  else
    await connection.query(
      `insert into migrations (number, name, checksum, applied_at)
values ($1, $2, $3, (extract(epoch from now()) * 1000)::bigint)`,
      number,
      name,
      checksum,
    )
}

const migrationsTable = `create table if not exists migrations (
  number bigint primary key,
  name text not null,
  checksum text not null,
  applied_at bigint not null
)`

async function applied(
  connection: Connection,
): Promise<readonly { readonly number: number; readonly checksum: string }[]> {
  const [is] = await connection.query(`select to_regclass('migrations') is not null`)
  if (is?.[0] !== true) return []
  const rows = await connection.query('select number, checksum from migrations order by number')
  return rows.map((row) => ({ number: row[0] as number, checksum: row[1] as string }))
}

/** "migr" in ASCII. */
const lockSpace = 0x6d696772

async function inTransaction<T>(connection: Connection, work: () => Promise<T>): Promise<T> {
  await connection.command('begin')
  try {
    await connection.query(`select set_config('lock_timeout', '60s', true)`)
    await connection.query('select pg_advisory_xact_lock($1::int, hashtext(current_schema()))', lockSpace)
    await connection.query(`select set_config('lock_timeout', '5s', true)`)
    const done = await work()
    await connection.command('commit')
    return done
  } catch (thrown) {
    await connection.command('rollback').catch(() => {})
    throw thrown
  }
}
