import { mkdtempSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { z } from 'zod'
import { action } from '../../../src/action/action.ts'
import { DatabaseError } from '../../../src/errors/failures.ts'
import { isRefusal, orThrow, toProblem } from '../../../src/errors/refusal.ts'
import { httpProtocol } from '../../../src/protocol/http.ts'
import type { WorkerProtocol } from '../../../src/protocol/protocol.ts'
import { workerRoutes } from '../../../src/protocol/routes.ts'
import { socketProtocol } from '../../../src/protocol/socket.ts'
import { requestBytesMax, serveSocket } from '../../../src/protocol/socket-server.ts'
import { systemClock } from '../../../src/time/clock.ts'
import { World } from './world.ts'

const noted = action({ name: 'noted', version: 1, input: z.object({}), run: () => ({}) })
const hello = {
  identity: 'w',
  incarnation: 'w1',
  host: 'here',
  pid: 1,
  startedTicks: null,
  bootId: null,
  actions: [{ action: 'noted', version: 1 }],
  slots: 1,
}

let world: World
let folder: string
const closers: (() => unknown)[] = []
beforeEach(async () => {
  world = await World.open(noted)
  folder = mkdtempSync(join(tmpdir(), 'pawl-socket-'))
})
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
  await world.close()
  rmSync(folder, { recursive: true, force: true })
})

async function overSocket(behind: WorkerProtocol = world.protocol, log: string[] = [], closed: number[] = []) {
  const path = join(folder, 'worker.sock')
  const server = await serveSocket({
    path,
    protocol: behind,
    onClosed: (workers) => closed.push(...workers),
    log: (_, message) => log.push(message),
  })
  const client = socketProtocol({ path, clock: systemClock })
  closers.push(() => server.close())
  closers.push(() => client.close())
  return { client, path, server }
}

/** HTTP without a server: what the routes answer, as the server of the product wraps it. */
function overHttp(behind: WorkerProtocol = world.protocol): WorkerProtocol {
  const routes = new Map(workerRoutes(behind).map((route) => [route.path, route]))
  const answerTo: typeof fetch = async (url, init) => {
    const request = new Request(url, init)
    const answer = await routes.get(new URL(request.url).pathname)?.answer(await request.json())
    if (!isRefusal(answer)) return Response.json(answer)
    const problem = toProblem(answer)
    return Response.json(problem, { status: problem.status })
  }
  return httpProtocol({ url: 'http://127.0.0.1:7070/', token: 't', fetch: answerTo })
}

const carriers = {
  'a local socket': async (behind?: WorkerProtocol) => (await overSocket(behind)).client,
  HTTP: async (behind?: WorkerProtocol) => overHttp(behind),
}

for (const [name, open] of Object.entries(carriers)) {
  test(`SE-13 the worker protocol over ${name} claims, records, settles and gives refusals as answers`, async () => {
    const protocol = await open()
    const id = await world.submit(noted)
    const { worker, leaseMs } = await protocol.register(hello)
    expect(leaseMs).toBe(30_000)
    const [claimed] = await protocol.claim({ worker, limit: 5, waitMs: 0 })
    expect(claimed?.request.input).toBe('{}')
    const fence = claimed?.execution.fence ?? 0
    const startedAt = world.clock.now()
    const step = { type: 'record_step', fence, name: 'load', ordinal: 0, value: '{"a":1}', startedAt } as const
    orThrow(await protocol.work(worker, id, step))
    orThrow(await protocol.work(worker, id, step))
    expect(await protocol.heartbeat({ worker, held: [{ id, fence, cancelChecks: 1 }], stalledMs: null })).toEqual({
      lost: [],
      cancel: [],
    })
    expect(await protocol.work(worker, id, { type: 'hand_back', fence: fence - 1 })).toMatchObject({
      code: 'lease_lost',
    })
    const done = await protocol.work(worker, id, { type: 'succeed', fence, result: '{}', fingerprint: 'a'.repeat(64) })
    expect(done).toMatchObject({ state: 'succeeded' })
    expect(await world.steps(id)).toHaveLength(1)
    await protocol.signOff(worker)
    await expect(protocol.claim({ worker, limit: 1, waitMs: 0 })).rejects.toMatchObject({ code: 'worker_unknown' })
  })

  test(`a message that fits no schema is refused over ${name} and reaches nothing`, async () => {
    const protocol = await open()
    world.given.length = 0
    const answer = await protocol.work(1, 1, { type: 'hand_back', fence: -1 })
    expect(answer).toMatchObject({ code: 'invalid_input', reason: expect.stringContaining('command.fence') })
    expect(world.given).toEqual([])
  })
}

test('a failure of the store is told over the socket as what it is', async () => {
  const broken: WorkerProtocol = { ...world.protocol, work: () => Promise.reject(new DatabaseError('disk gone')) }
  const { client } = await overSocket(broken)
  await expect(client.work(1, 1, { type: 'hand_back', fence: 1 })).rejects.toMatchObject({
    errorClass: 'DatabaseError',
    message: 'disk gone',
  })
})

test('a peer that sends garbage is dropped with a sentence, and the others are served on', async () => {
  const log: string[] = []
  const { client, path } = await overSocket(world.protocol, log)
  for (const garbage of ['GET / HTTP/1.1\r\n\r\n', '{"id":"x"}\n', 'null\n', `${'['.repeat(requestBytesMax + 1)}`]) {
    const said = await new Promise<string>((resolve) => {
      const socket = connect(path)
      let text = ''
      socket.on('data', (chunk) => {
        text += chunk.toString()
      })
      socket.on('error', () => {})
      socket.on('close', () => resolve(text))
      socket.write(garbage)
    })
    expect(JSON.parse(said)).toMatchObject({ answer: { refused: true } })
  }
  expect(log).toHaveLength(4)
  expect(await client.register(hello)).toMatchObject({ worker: 1 })
})

test('after the server came back, the next call opens a new connection', async () => {
  const { client, server, path } = await overSocket()
  await client.register(hello)
  await server.close()
  await expect(client.register(hello)).rejects.toMatchObject({ errorClass: 'NetworkError' })
  const again = await serveSocket({ path, protocol: world.protocol, log: () => {} })
  closers.push(() => again.close())
  expect(await client.register(hello)).toMatchObject({ worker: 1 })
})

test('a closed connection names the incarnations behind it, and work claimed for nobody goes back', async () => {
  const closed: number[] = []
  let arrived: () => void = () => {}
  const asked = new Promise<void>((resolve) => {
    arrived = resolve
  })
  let handedBack: () => void = () => {}
  const back = new Promise<void>((resolve) => {
    handedBack = resolve
  })
  const slow: WorkerProtocol = {
    ...world.protocol,
    claim: async (ask) => {
      arrived()
      await gone
      return await world.protocol.claim(ask)
    },
    work: async (worker, id, command) => {
      const answer = await world.protocol.work(worker, id, command)
      if (command.type === 'hand_back') handedBack()
      return answer
    },
  }
  let left: () => void = () => {}
  const gone = new Promise<void>((resolve) => {
    left = resolve
  })
  const path = join(folder, 'worker.sock')
  const server = await serveSocket({
    path,
    protocol: slow,
    onClosed: (workers) => {
      closed.push(...workers)
      left()
    },
    log: () => {},
  })
  closers.push(() => server.close())
  const client = socketProtocol({ path, clock: systemClock })
  const id = await world.submit(noted)
  const { worker } = await client.register(hello)
  client.claim({ worker, limit: 1, waitMs: 0 }).catch(() => {})
  await asked
  client.close()
  await back
  expect(closed).toEqual([worker])
  expect(await world.find(id)).toMatchObject({ state: 'queued', attempt: 1 })
})

test('a second server on the same socket is refused, a socket left by a dead one is taken over', async () => {
  const { path, server } = await overSocket()
  await expect(serveSocket({ path, protocol: world.protocol, log: () => {} })).rejects.toMatchObject({
    code: 'store_locked',
  })
  await server.close()
})
