import { MessageChannel, Worker } from 'node:worker_threads'
import { ChannelOrders, type FromWriter, type ToWriter } from './commit/channel.ts'
import { Committer } from './commit/committer.ts'
import { DueListeners, Listeners, type StoreHost } from './commit/host.ts'
import { settingAside } from './commit/quarantine.ts'
import { DatabaseError } from './errors/failures.ts'
import { Refused } from './errors/refusal.ts'
import type { PublicIdKey } from './identity/public-id.ts'
import type { WriterData, WriterHello } from './sqlite-writer.ts'
import { newestMigration } from './store/sqlite/migrate.ts'
import { openSqlite } from './store/sqlite/open.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export interface SqliteOptions {
  /** File of the database; its folder is made when missing. `:memory:` keeps nothing and runs in the caller's thread. */
  readonly path: string
  /**
   * Where commits happen: in a thread of their own (the default), so that handlers never wait for the disk; or in the
   * caller's, which answers a little sooner when idle and stalls handlers under load.
   */
  readonly writer?: 'thread' | 'inline' | undefined
  readonly clock?: Clock | undefined
  /** How an inline writer gathers a group; default is the end of the current turn of the event loop. */
  readonly soon?: ((run: () => void) => void) | undefined
}

/**
 * Opens an embedded store: one file, one owner.
 *
 * @throws Refused `store_locked`, `store_foreign_file`, `store_corrupt`, `store_read_only`, `store_newer_schema`, `sqlite_too_old`
 */
export function sqlite(options: SqliteOptions): Promise<StoreHost> {
  const inline = options.writer === 'inline' || options.path === ':memory:'
  return inline ? openInline(options) : openThread(options)
}

async function openInline({ path, clock, soon }: SqliteOptions): Promise<StoreHost> {
  const opened = openSqlite({ path })
  const listeners = new Listeners()
  const due = new DueListeners()
  const committer = await Committer.open({
    session: opened.session,
    idKey: opened.publicIdKey,
    clock: clock ?? createSystemClock({ floorAt: opened.newestAt }),
    soon: soon ?? setImmediate,
    onCommit: (ids, news) => {
      listeners.tell(ids)
      due.tell(news)
    },
  })
  const views = opened.views(settingAside(committer))
  return {
    orders: committer,
    views,
    idKey: opened.publicIdKey,
    newestAt: opened.newestAt,
    schema: newestMigration(),
    onCommit: (listener) => listeners.add(listener),
    onDue: (listener) => due.add(listener),
    port: () => null,
    async close() {
      await committer.close()
      views.close()
      opened.close()
    },
  }
}

async function openThread({ path }: SqliteOptions): Promise<StoreHost> {
  const thread = new Worker(
    new URL(import.meta.url.endsWith('.ts') ? './sqlite-writer.ts' : './sqlite-writer.js', import.meta.url),
    {
      workerData: { path } satisfies WriterData,
      // Rows live for one commit: in a larger nursery they die young.
      resourceLimits: { maxYoungGenerationSizeMb: 64 },
    },
  )
  const idKey = await hello(thread)
  const orders = new ChannelOrders((message) => thread.postMessage(message))
  const listeners = new Listeners()
  const due = new DueListeners(() => thread.postMessage({ tellDue: true } satisfies ToWriter))
  const closed = Promise.withResolvers<void>()
  thread.on('message', (message: FromWriter) => {
    if ('replies' in message) {
      orders.receive(message.replies)
      if (message.changed.length > 0) listeners.tell(message.changed)
    } else if ('due' in message) {
      due.tell(() => message)
    } else if ('closed' in message) {
      if (message.closed === null) closed.resolve()
      else closed.reject(new DatabaseError(message.closed))
    }
  })
  thread.on('error', (error) =>
    orders.break(new DatabaseError('the writer thread of the store failed', { cause: error })),
  )
  thread.on('exit', () => {
    orders.break(new DatabaseError('the store is closed'))
    closed.resolve()
  })
  const reader = openSqlite({ path, readOnly: true })
  const views = reader.views(settingAside(orders))
  return {
    orders,
    views,
    idKey,
    newestAt: reader.newestAt,
    schema: newestMigration(),
    onCommit: (listener) => listeners.add(listener),
    onDue: (listener) => due.add(listener),
    port() {
      const { port1, port2 } = new MessageChannel()
      thread.postMessage({ attach: port2 } satisfies ToWriter, [port2])
      return port1
    },
    async close() {
      reader.close()
      thread.postMessage({ close: true } satisfies ToWriter)
      await closed.promise
      await thread.terminate()
    },
  }
}

/** The first word of the writer. Others may speak on the same channel (`node --watch` does), so only its own forms count. */
function hello(thread: Worker): Promise<PublicIdKey> {
  return new Promise((resolve, reject) => {
    const listen = (message: WriterHello): void => {
      if ('idKey' in message) resolve(message.idKey)
      else if ('refused' in message) reject(new Refused(message.refused))
      else if ('failed' in message) reject(new DatabaseError(message.failed))
      else return
      thread.off('error', reject)
      thread.off('message', listen)
    }
    thread.on('error', reject)
    thread.on('message', listen)
  })
}
