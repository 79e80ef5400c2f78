import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ChannelAnswers, type FromWriter, type ToWriter } from './commit/channel.ts'
import { Committer } from './commit/committer.ts'
import { Refused } from './errors/refusal.ts'
import type { PublicIdKey } from './identity/public-id.ts'
import { openSqlite } from './store/sqlite/open.ts'
import { createSystemClock } from './time/clock.ts'

/**
 * The writer thread of an embedded store: it alone holds the write connection. Commits and their fsync happen here, so
 * that neither handlers nor heartbeats wait for the disk.
 */
export interface WriterData {
  readonly path: string
}

/** What the thread says first: that it serves, or why it does not. */
export type WriterHello =
  | { readonly idKey: PublicIdKey }
  | { readonly refused: Refused['refusal'] }
  | { readonly failed: string }

async function main(port: MessagePort, { path }: WriterData): Promise<void> {
  const opened = openSqlite({ path })
  const send = (message: FromWriter): void => port.postMessage(message)
  const committer = await Committer.open({
    session: opened.session,
    idKey: opened.publicIdKey,
    clock: createSystemClock({ floorAt: opened.newestAt }),
    soon: setImmediate,
    stopwatch: () => performance.now(),
    onCommit(changed, news) {
      owner.tell(changed)
      if (tellsDue) send(news())
    },
  })
  let tellsDue = false
  const owner = new ChannelAnswers(send)
  const serve = (from: MessagePort, answers = new ChannelAnswers((message) => from.postMessage(message))): void => {
    from.on('message', (message: ToWriter) => {
      if ('orders' in message) answers.take(message.orders, committer.post.bind(committer))
      else if ('attach' in message) serve(message.attach)
      else if ('tellDue' in message) tellsDue = true
      else void close()
    })
  }
  const close = async (): Promise<void> => {
    let failure: string | null = null
    try {
      await committer.close()
      opened.close()
    } catch (error) {
      failure = error instanceof Error ? error.message : String(error)
    }
    send({ closed: failure })
    port.close()
  }
  serve(port, owner)
  port.postMessage({ idKey: opened.publicIdKey } satisfies WriterHello)
}

const port = parentPort
if (port === null) throw new Error('this file runs as a thread of a store')
main(port, workerData as WriterData).catch((error: unknown) => {
  const hello: WriterHello =
    error instanceof Refused
      ? { refused: error.refusal }
      : { failed: error instanceof Error ? error.message : String(error) }
  port.postMessage(hello)
  port.close()
})
