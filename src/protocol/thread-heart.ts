import { Worker as Thread, type TransferListItem } from 'node:worker_threads'
import type { Heart, HeartNews, Lease } from '../run/heart.ts'
import type { Clock, Timer } from '../time/clock.ts'
import type { Carrier, FromHeart, HeartThreadData, ToHeart } from './heart-thread.ts'
import type { Welcome } from './protocol.ts'

/** The main loop ticks at least this often, and four times within the stall limit. */
const tickMsMax = 1_000

/**
 * A heart in a thread of its own: a handler that computes for seconds does not lose its lease, and one that has stood
 * still for longer than `stallLimitMs` does.
 */
export function threadHeart(clock: Clock, carrier: Carrier, welcome: Welcome, news: HeartNews): Heart {
  const tick = new SharedArrayBuffer(8)
  const lastTick = new BigInt64Array(tick)
  const tickMs = Math.min(tickMsMax, welcome.stallLimitMs / 4)
  let timer: Timer
  const ticks = (): void => {
    Atomics.store(lastTick, 0, BigInt(Math.floor(clock.elapsed())))
    timer = clock.timer(tickMs, ticks)
  }
  ticks()
  const data: HeartThreadData = { welcome, carrier, tick }
  const transferList: TransferListItem[] = carrier.kind === 'port' ? [carrier.port] : []
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js'
  const thread = new Thread(new URL(`./heart-thread.${extension}`, import.meta.url), {
    name: 'pawl-heart',
    workerData: data,
    transferList,
  })
  let isStopped = false
  const ready = Promise.withResolvers<void>()
  const exited = new Promise<void>((resolve) => {
    thread.on('exit', () => {
      resolve()
      ready.resolve()
      // Without a heart no lease is safe: the worker signs on again and gets a new one.
      if (!isStopped) news.unknown()
    })
  })
  thread.on('error', () => {})
  thread.on('message', (message: FromHeart) => {
    if ('ready' in message) ready.resolve()
    else if ('lost' in message) news.lost(message.lost, message.reason)
    else if ('cancel' in message) news.cancel(message.cancel)
    else if ('unknown' in message) news.unknown()
    else if ('suspects' in message) news.suspects?.()
    else if ('drain' in message) news.drain?.(message.drain)
  })
  const tell = (message: ToHeart): void => thread.postMessage(message)
  const outgoing = { hold: new Set<Lease>(), release: new Set<Lease>() }
  // One message for what one turn has claimed and settled. It leaves before the handlers that were claimed begin to run.
  const flush = (): void => {
    if (outgoing.hold.size + outgoing.release.size === 0) return
    tell({ hold: [...outgoing.hold], release: [...outgoing.release] })
    outgoing.hold.clear()
    outgoing.release.clear()
  }
  const soon = (): void => {
    if (outgoing.hold.size + outgoing.release.size === 1) queueMicrotask(flush)
  }
  return {
    ready: ready.promise,
    hold(lease) {
      outgoing.hold.add(lease)
      soon()
    },
    release(lease) {
      // What begins and ends within a turn is no concern of the other thread.
      if (outgoing.hold.delete(lease)) return
      outgoing.release.add(lease)
      soon()
    },
    async stop() {
      isStopped = true
      timer.cancel()
      tell({ stop: true })
      await exited
    },
  }
}
