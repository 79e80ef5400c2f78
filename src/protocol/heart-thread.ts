/** Entry of the thread in which a worker's heart beats while its handlers keep the main loop busy. */
import { type MessagePort, parentPort, workerData } from 'node:worker_threads'
import { ChannelOrders, type FromWriter } from '../commit/channel.ts'
import type { DrainAsked } from '../commit/order.ts'
import { Beats, type Lease, type Pulse, rhythm } from '../run/heart.ts'
import { createSystemClock } from '../time/clock.ts'
import { httpProtocol } from './http.ts'
import { inProcess } from './in-process.ts'
import type { Welcome, WorkerProtocol } from './protocol.ts'
import { socketProtocol } from './socket.ts'

/** How the thread reaches the side that holds the store: never through the loop that it watches. */
export type Carrier =
  | { readonly kind: 'port'; readonly port: MessagePort }
  | { readonly kind: 'socket'; readonly path: string }
  | { readonly kind: 'http'; readonly url: string; readonly token: string }

export interface HeartThreadData {
  readonly welcome: Welcome
  readonly carrier: Carrier
  /** One 64-bit integer: when the handlers' loop ticked last, by the elapsed time of the process. */
  readonly tick: SharedArrayBuffer
}

export type ToHeart = { readonly hold: readonly Lease[]; readonly release: readonly Lease[] } | { readonly stop: true }
export type FromHeart =
  | { readonly ready: true }
  | { readonly lost: Lease; readonly reason: string }
  | { readonly cancel: Lease }
  | { readonly unknown: true }
  | { readonly suspects: true }
  | { readonly drain: DrainAsked }

if (parentPort !== null) runHeart(parentPort, workerData as HeartThreadData)

function runHeart(parent: MessagePort, { welcome, carrier, tick }: HeartThreadData): void {
  const clock = createSystemClock()
  const protocol = protocolOver(carrier, welcome)
  const lastTick = new BigInt64Array(tick)
  const tell = (news: FromHeart): void => parent.postMessage(news)
  const pulse: Pulse = (beat) => protocol.heartbeat({ worker: welcome.worker, ...beat })
  const beats = new Beats(welcome, pulse, {
    lost: ({ id, fence }, reason) => tell({ lost: { id, fence }, reason }),
    cancel: ({ id, fence }) => tell({ cancel: { id, fence } }),
    unknown: () => tell({ unknown: true }),
    suspects: () => tell({ suspects: true }),
    drain: (drain) => tell({ drain }),
  })
  const beating = rhythm(clock, welcome.heartbeatMs, () => {
    // By the time that has passed: a wall that is set forward is no handler that stands still.
    const silentMs = Math.round(clock.elapsed()) - Number(Atomics.load(lastTick, 0))
    return beats.beat(clock.now(), silentMs > welcome.stallLimitMs ? silentMs : null)
  })
  parent.on('message', (message: ToHeart) => {
    if ('hold' in message) {
      const now = clock.now()
      for (const lease of message.hold) beats.hold(lease, now)
      for (const lease of message.release) beats.release(lease)
    } else {
      void beating.stop().then(() => {
        // Connections kept alive for a next call would keep the thread, too; this ends the thread, not the process.
        process.exit()
      })
    }
  })
  tell({ ready: true })
}

function protocolOver(carrier: Carrier, settings: Welcome): WorkerProtocol {
  switch (carrier.kind) {
    case 'port': {
      const { port } = carrier
      const orders = new ChannelOrders((message) => port.postMessage(message))
      port.on('message', (message: FromWriter) => {
        if ('replies' in message) orders.receive(message.replies)
      })
      return inProcess({ orders, settings })
    }
    case 'socket':
      return socketProtocol({ path: carrier.path, clock: createSystemClock() })
    case 'http':
      return httpProtocol(carrier)
  }
}
