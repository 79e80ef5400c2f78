import { Refused, refuse } from '../../errors/refusal.ts'
import { clockOff, clockOffMax } from '../feed-standing.ts'
import type { Connection } from './connection.ts'
import { refuseReadOnly } from './failures.ts'

const versionMin = 150_000

/**
 * Looks at the server before anything of the store is touched.
 *
 * @throws Refused `postgres_too_old`, `store_encoding`, `store_read_only` or `store_clock_off`
 */
export async function refuseServer(connection: Connection, now?: () => number): Promise<void> {
  const sentAt = now?.()
  const [row = []] = await connection.query(`select current_setting('server_version_num')::int,
  current_setting('server_encoding'),
  pg_is_in_recovery(),
  current_setting('default_transaction_read_only') = 'on',
  (extract(epoch from clock_timestamp()) * 1000)::bigint`)
  const [version, encoding, isReplica, isReadOnly, serverAt] = row as readonly [
    number,
    string,
    boolean,
    boolean,
    number,
  ]
  if (version < versionMin)
    throw new Refused(
      refuse('postgres_too_old', `PostgreSQL is ${Math.floor(version / 10_000)}; at least 15 is needed.`, { version }),
    )
  if (encoding !== 'UTF8')
    throw new Refused(
      refuse('store_encoding', `The database keeps texts as ${encoding}; UTF8 is needed.`, { encoding }),
    )
  if (isReplica) throw new Refused(refuseReadOnly('PostgreSQL takes no writes: this server is a replica.'))
  if (isReadOnly)
    throw new Refused(refuseReadOnly('PostgreSQL takes no writes: server, database or user is set to read only.'))
  if (sentAt === undefined || now === undefined) return
  const offMs = clockOff(serverAt, sentAt, now())
  if (Math.abs(offMs) <= clockOffMax) return
  const reason = `The clocks of PostgreSQL and of this machine differ by ${Math.round(Math.abs(offMs) / 1000)} s.`
  throw new Refused(refuse('store_clock_off', reason, { offMs }))
}
