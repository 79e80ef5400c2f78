import { MessageChannel, Worker as Thread } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import type { Heart, Lease } from '../run/heart.ts'
import { systemClock } from '../time/clock.ts'
import { threadHeart } from './thread-heart.ts'

/** A writer in a thread: counts beats, those that renewed the lease and those that told of a stall; [lost] is answered on demand. */
const writer = `
  const { parentPort, workerData } = require('node:worker_threads')
  const counts = new Int32Array(workerData.counts)
  workerData.port.on('message', ({ orders }) => {
    workerData.port.postMessage({ replies: orders.map(([number, order]) => {
      const isStalled = order.stalledMs !== null
      if (order.held.length > 0) {
        Atomics.add(counts, isStalled ? 1 : 0, 1)
        Atomics.notify(counts, isStalled ? 1 : 0)
      }
      const ids = order.held.map(({ id }) => id)
      return [number, 'answer', { lost: Atomics.load(counts, 2) ? ids : [], cancel: [] }]
    }) })
  })
`

const counts = new Int32Array(new SharedArrayBuffer(12))
let heart: Heart | undefined
let thread: Thread | undefined
afterEach(async () => {
  await heart?.stop()
  await thread?.terminate()
})

/** Stands still, as a handler that computes does, until the counter has grown by so much. */
function standStillUntil(index: number, grown: number): void {
  const from = Atomics.load(counts, index)
  for (let now = from; now < from + grown; now = Atomics.load(counts, index)) {
    if (Atomics.wait(counts, index, now, 10_000) === 'timed-out') throw new Error('no beat in 10 s')
  }
}

test('CP-004a leases are renewed while a handler blocks the loop, not beyond the stall limit, and a loss is told', async () => {
  const { port1, port2 } = new MessageChannel()
  thread = new Thread(writer, { eval: true, workerData: { port: port2, counts: counts.buffer }, transferList: [port2] })
  const lost: Lease[] = []
  let tellLost: () => void = () => {}
  const isLost = new Promise<void>((resolve) => {
    tellLost = resolve
  })
  const welcome = { worker: 1, leaseMs: 60_000, heartbeatMs: 20, pollMs: 1_000, stallLimitMs: 500 }
  heart = threadHeart(systemClock, { kind: 'port', port: port1 }, welcome, {
    lost: (lease) => {
      lost.push(lease)
      tellLost()
    },
    cancel: () => {},
    unknown: () => {},
  })
  heart.hold({ id: 7, fence: 3 })
  standStillUntil(0, 3)
  standStillUntil(1, 1)
  const renewals = Atomics.load(counts, 0)
  standStillUntil(1, 3)
  expect(Atomics.load(counts, 0)).toBe(renewals)
  Atomics.store(counts, 2, 1)
  await isLost
  expect(lost).toEqual([{ id: 7, fence: 3 }])
})
