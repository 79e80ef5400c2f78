import { Worker as Thread, type TransferListItem } from 'node:worker_threads'
import type { Heart, HeartNews } from '../run/heart.ts'
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
    Atomics.store(lastTick, 0, BigInt(clock.now()))
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
  const exited = new Promise<void>((resolve) => {
    thread.on('exit', () => {
      resolve()
      // Without a heart no lease is safe: the worker signs on again and gets a new one.
      if (!isStopped) news.unknown()
    })
  })
  thread.on('error', () => {})
  thread.on('message', (message: FromHeart) => {
    if ('lost' in message) news.lost(message.lost, message.reason)
    else if ('cancel' in message) news.cancel(message.cancel)
    else news.unknown()
  })
  const tell = (message: ToHeart): void => thread.postMessage(message)
  return {
    hold: (lease) => tell({ hold: lease }),
    release: (lease) => tell({ release: lease }),
    async stop() {
      isStopped = true
      timer.cancel()
      tell({ stop: true })
      await exited
    },
  }
}
