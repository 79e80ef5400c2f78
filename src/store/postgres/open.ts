import { Refused, refuse } from '../../errors/refusal.ts'
import { type PublicIdKey, publicIdKey } from '../../identity/public-id.ts'
import type { OnUndecodable } from '../sqlite/views.ts'
import { Allowance } from './allowance.ts'
import { Connection, type ConnectionOptions, Readers } from './connection.ts'
import { isDeadlock } from './failures.ts'
import { checkSchema, migrate, migrations, schemaVersion } from './migrate.ts'
import { hasPrivileges } from './privileges.ts'
import { engineRole, refuseMissingRoles } from './roles.ts'
import { refuseServer } from './server.ts'
import { PostgresSession } from './session.ts'
import { Turns } from './turns.ts'
import { PostgresViews } from './views.ts'

export interface PostgresOptions extends ConnectionOptions {
  /** Names this writer among all that ever wrote to the database. */
  readonly writer: string
  readonly pause: (ms: number) => Promise<void>
  /** This machine's time, to compare the server's with; not compared when not given. */
  readonly now?: (() => number) | undefined
  /** Brings the schema to the newest version (the default), or refuses one that is older. */
  readonly migrates?: boolean | undefined
}

export interface OpenedPostgres {
  readonly session: PostgresSession
  views(onUndecodable?: OnUndecodable): PostgresViews
  readonly publicIdKey: PublicIdKey
  /** Time of the newest event; 0 in an empty store. */
  readonly newestAt: number
  close(): Promise<void>
}

const triesMax = 5
const deadlockPauseMs = 100

/**
 * Opens the store as one of any number of writers.
 *
 * @throws Refused `store_unreachable`, `store_denied`, `store_read_only`, `store_foreign_tables`, `store_newer_schema`,
 *   `store_older_schema`, `store_roles_missing`, `store_clock_off`, `store_encoding` or `postgres_too_old`; the database is
 *   then as it was
 */
export async function openPostgres(options: PostgresOptions): Promise<OpenedPostgres> {
  const connection = await Connection.open(options)
  let meta: { readonly key: Uint8Array; readonly newestAt: number }
  try {
    await refuseServer(connection, options.now)
    await checkSchema(connection)
    if (options.migrates === false) await refuseOldSchema(connection)
    else await bringUp(connection, options.pause)
    if (options.roles !== false) await refuseMissingRoles(connection)
    meta = await begun(connection, options.roles === false ? 'none' : engineRole)
  } catch (thrown) {
    await connection.close()
    throw thrown
  }
  const session = new PostgresSession(new Turns(options, connection))
  const opened: PostgresViews[] = []
  return {
    session,
    views(onUndecodable) {
      const views = new PostgresViews(Readers.open(options), onUndecodable)
      opened.push(views)
      return views
    },
    publicIdKey: publicIdKey(meta.key),
    newestAt: meta.newestAt,
    async close() {
      await session.close()
      await Promise.all(opened.splice(0).map((views) => views.close()))
    },
  }
}

/** Of a migration and a reader of an older process that wait for each other, either may be ended; each begins again. */
async function bringUp(connection: Connection, pause: (ms: number) => Promise<void>): Promise<void> {
  for (let tries = 1; ; tries += 1) {
    try {
      await migrate(connection)
      return
    } catch (thrown) {
      if (!isDeadlock(thrown) || tries === triesMax) throw thrown
      await pause(deadlockPauseMs * tries)
    }
  }
}

async function refuseOldSchema(connection: Connection): Promise<void> {
  const [present, known] = [await schemaVersion(connection), migrations().at(-1)?.number ?? 0]
  if (present === known && (await hasPrivileges(connection))) return
  const reason =
    present === known
      ? 'The rights in the database are not those that this version needs.'
      : `The database has migration ${present}; this version needs ${known}.`
  throw new Refused(refuse('store_older_schema', reason, { present, known }))
}

async function begun(connection: Connection, role: string): Promise<{ key: Uint8Array; newestAt: number }> {
  await connection.command('begin')
  try {
    await connection.one('settings', role, new Allowance().setting)
    const meta = await metaOf(connection)
    await connection.run('forgetWriters')
    await connection.command('commit')
    return meta
  } catch (thrown) {
    await connection.command('rollback')
    throw thrown
  }
}

async function metaOf(connection: Connection): Promise<{ key: Uint8Array; newestAt: number }> {
  const [meta] = await connection.query('select public_id_key from meta')
  if (meta === undefined) throw new Error('the database has lost its row of meta')
  const [newest] = await connection.query('select at from log order by position desc limit 1')
  return { key: meta[0] as Uint8Array, newestAt: (newest?.[0] ?? 0) as number }
}
