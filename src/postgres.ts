import { Beginnings } from './commit/beginnings.ts'
import { Committer } from './commit/committer.ts'
import { DueListeners, Listeners, type StoreHost } from './commit/host.ts'
import { InboxWatch } from './commit/inbox-watch.ts'
import { settingAside } from './commit/quarantine.ts'
import { isPostgresAddress, serverAddresses } from './config/store-address.ts'
import { Refused, refuse } from './errors/refusal.ts'
import { systemRandom } from './identity/random.ts'
import { Connection } from './store/postgres/connection.ts'
import { Feed } from './store/postgres/feed.ts'
import { type ClientPool, PostgresTransactions } from './store/postgres/handler-transactions.ts'
import { Hosts } from './store/postgres/hosts.ts'
import { newestMigration } from './store/postgres/migrate.ts'
import { openPostgres } from './store/postgres/open.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database`, with what libpq's addresses may say behind it; `?prepare=false`,
   * `?listen=false` and `?roles=false` say there what the settings below do. Of several servers (`host1:5432,host2:5432`) the
   * one is used that takes writes, also after a failover.
   */
  readonly url: string
  /**
   * Whether statements keep a name on the server (the default). Behind a pooler that hands out connections by transaction:
   * only where it knows of them (PgBouncer 1.21 and later with `max_prepared_statements`).
   */
  readonly prepare?: boolean | undefined
  /**
   * Address of the server itself, to hear from it of commits of other processes at once; `false` where there is none past a
   * pooler, and they are looked for once a second. Default is `url`.
   */
  readonly listen?: string | false | undefined
  /**
   * Whether transactions take on the roles `pawl_engine` and `pawl_api`, which own nothing and see no more than they may
   * (the default); `false` runs everything with the rights of the connecting user.
   */
  readonly roles?: boolean | undefined
  /** Brings the schema to the newest version (the default), or refuses one that is older. */
  readonly migrate?: boolean | undefined
  /** Where `ctx.transaction` of handlers runs: a pool of `pg` on the same database; by default one at `url`, of ten connections. */
  readonly transactions?: ClientPool | undefined
  readonly clock?: Clock | undefined
  /** How a group is gathered; default is the end of the current turn of the event loop. */
  readonly soon?: ((run: () => void) => void) | undefined
}

/**
 * Opens a store on PostgreSQL 15 or later, beside any number of other processes on any number of machines.
 *
 * @throws Refused `store_unreachable`, `store_denied`, `store_read_only`, `store_foreign_tables`, `store_newer_schema`,
 *   `store_older_schema`, `store_roles_missing`, `store_clock_off`, `store_encoding` or `postgres_too_old`; the database is
 *   then as it was
 */
export async function postgres(options: PostgresOptions): Promise<StoreHost> {
  const { urls, said } = addressOf(options.url)
  const prepare = options.prepare ?? said.prepare
  const roles = options.roles ?? said.roles
  const listen = options.listen ?? said.listen
  const { migrate: migrates } = options
  const [url = ''] = urls
  const hosts = new Hosts(urls, (each) => Connection.open({ url: each, prepare, roles }))
  const waiting = createSystemClock()
  const writer = systemRandom.uuid()
  const opened = await openPostgres({
    url,
    hosts,
    prepare,
    roles,
    migrates,
    writer,
    pause: (ms) => waiting.sleep(ms),
    now: () => waiting.now(),
  })
  try {
    const clock = options.clock ?? createSystemClock({ floorAt: opened.newestAt })
    const listeners = new Listeners(() => feed.read())
    const due = new DueListeners()
    const committer = await Committer.open({
      session: opened.session,
      idKey: opened.publicIdKey,
      clock,
      soon: options.soon ?? setImmediate,
      random: () => systemRandom.next(),
      onCommit(ids, news) {
        listeners.tell(ids)
        due.tell(news)
      },
    })
    const views = opened.views(settingAside(committer))
    const { inbox } = views
    const beginnings = new Beginnings({ views, now: () => clock.now() })
    const handlers = new PostgresTransactions({
      pool: options.transactions,
      hosts,
      schema: () => inbox.schema(),
      look: (place) => beginnings.look(place),
      pause: (ms) => waiting.sleep(ms),
    })
    const watch = new InboxWatch({
      orders: committer,
      clock: waiting,
      isWaiting: () => inbox.isWaiting(),
      firstWaiting: () => inbox.firstWaiting(),
      outcomeOf: (number) => inbox.outcomeOf(number),
      forget: (before) => inbox.forget(before),
    })
    const feed = await Feed.open({
      url: () => (listen === true ? hosts.url : listen === false ? null : listen),
      writer,
      views,
      clock: waiting,
      isHeard: () => listeners.areHeard,
      onChanged: (ids) => listeners.tell(ids),
      onWord: () => committer.wake(),
      onInbox: () => void watch.look(),
    })
    return {
      orders: committer,
      views,
      idKey: opened.publicIdKey,
      newestAt: opened.newestAt,
      schema: newestMigration(),
      isShared: true,
      inbox: {
        leave: (tx, submission, at) => inbox.leave(tx, submission, at),
        outcome: (number) => watch.outcome(number),
      },
      transactions: handlers,
      onCommit: (listener) => listeners.add(listener),
      onDue: (listener) => due.add(listener),
      port: () => null,
      async standing() {
        const told = await views.standing(() => waiting.now())
        // Of others the server knows the try that they make now; of our own we know the first.
        return { ...told, lagMs: Math.max(told.lagMs, committer.underWayMs()) }
      },
      async close() {
        await feed.close()
        await watch.close()
        await committer.close()
        await handlers.close()
        await opened.close()
      },
    }
  } catch (error) {
    await opened.close()
    throw error
  }
}

/** The addresses of the servers, and what was said behind them for us and not for the driver. */
function addressOf(text: string) {
  const all = isPostgresAddress(text) ? serverAddresses(text) : null
  if (all === null) throw refused('The address of the store is not one of a PostgreSQL server.')
  const asked = new URL(all[0] ?? '').searchParams
  const wanted = asked.get('target_session_attrs') ?? 'read-write'
  if (!/^(any|read-write|primary)$/.test(wanted)) {
    throw refused(`The address asks for a server that is ${wanted}; Pawl needs the one that takes writes.`)
  }
  const is = (name: string): boolean => asked.get(name) !== 'false'
  return {
    urls: all.map(withoutOurs),
    said: { prepare: is('prepare'), roles: is('roles'), listen: is('listen') },
  }
}

function withoutOurs(url: string): string {
  const address = new URL(url)
  for (const name of ['prepare', 'listen', 'roles', 'target_session_attrs']) address.searchParams.delete(name)
  return address.href
}

const refused = (reason: string): Refused => new Refused(refuse('bad_configuration', reason))
