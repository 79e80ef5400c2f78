import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MessageChannel, Worker as Thread } from 'node:worker_threads'
import { afterEach, expect, test } from 'vitest'
import type { Heart, Lease } from '../run/heart.ts'
import { systemClock } from '../time/clock.ts'
import type { WorkerProtocol } from './protocol.ts'
import { serveSocket } from './socket-server.ts'
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
  heart = undefined
  thread = undefined
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
  const welcome = {
    worker: 1,
    leaseMs: 60_000,
    heartbeatMs: 20,
    pollMs: 1_000,
    stallLimitMs: 500,
    cancelGraceMs: 30_000,
  }
  heart = threadHeart(systemClock, { kind: 'port', port: port1 }, welcome, {
    lost: (lease) => {
      lost.push(lease)
      tellLost()
    },
    cancel: () => {},
    unknown: () => {},
  })
  await heart.ready
  heart.hold({ id: 7, fence: 3 })
  await Promise.resolve()
  standStillUntil(0, 3)
  standStillUntil(1, 1)
  const renewals = Atomics.load(counts, 0)
  standStillUntil(1, 3)
  expect(Atomics.load(counts, 0)).toBe(renewals)
  Atomics.store(counts, 2, 1)
  await isLost
  expect(lost).toEqual([{ id: 7, fence: 3 }])
})

test('a heart in a thread reaches the other side over a socket of its own, and ends when it is stopped', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-heart-'))
  const path = join(folder, 'worker.sock')
  const closed: number[] = []
  const unused = () => Promise.reject(new Error('only heartbeats are expected'))
  const protocol: WorkerProtocol = {
    register: unused,
    claim: unused,
    work: unused,
    gone: unused,
    listen: unused,
    drain: unused,
    spawn: unused,
    signOff: unused,
    heartbeat: ({ held }) => Promise.resolve({ lost: [], cancel: held.map(({ id }) => id) }),
  }
  const server = await serveSocket({ path, protocol, onClosed: (workers) => closed.push(...workers), log: () => {} })
  const welcome = {
    worker: 1,
    leaseMs: 60_000,
    heartbeatMs: 20,
    pollMs: 1_000,
    stallLimitMs: 60_000,
    cancelGraceMs: 30_000,
  }
  const cancelled = await new Promise<Lease>((resolve) => {
    heart = threadHeart(systemClock, { kind: 'socket', path }, welcome, {
      lost: () => {},
      cancel: resolve,
      unknown: () => {},
    })
    heart.hold({ id: 9, fence: 2 })
  })
  expect(cancelled).toEqual({ id: 9, fence: 2 })
  await heart?.stop()
  await server.close()
  expect(closed).toEqual([])
  rmSync(folder, { recursive: true, force: true })
})
