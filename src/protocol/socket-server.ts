import { chmod, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { classify } from '../errors/failures.ts'
import { isRefusal, type Refusal, Refused, refuse } from '../errors/refusal.ts'
import { FrameReader, frame } from './frames.ts'
import type { WorkerProtocol } from './protocol.ts'
import { type WorkerRoute, workerRoutes } from './routes.ts'

export interface SocketServerOptions {
  readonly path: string
  readonly protocol: WorkerProtocol
  /** Told which incarnations spoke over a connection that has closed: their process may have ended. */
  readonly onClosed?: ((workers: readonly number[]) => void) | undefined
  readonly log: (level: 'warn' | 'error', message: string) => void
}

/** One value of 256 KiB doubles at most when it is quoted twice; a frame beyond this is no message of ours. */
/** The largest plan, with its canonical texts written as JSON strings. */
export const requestBytesMax = 10 * 1024 * 1024
const unreadBytesMax = 256 * 1024 * 1024

/** Serves the worker protocol on a local socket that only the user of this process may open. */
export async function serveSocket(options: SocketServerOptions): Promise<{ close(): Promise<void> }> {
  const { path, protocol, log } = options
  await removeStale(path)
  const routes = new Map(workerRoutes(protocol).map((route) => [route.name as string, route]))
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    const peer = new Peer(socket, routes, log)
    socket.on('close', () => {
      sockets.delete(socket)
      if (peer.workers.size > 0) options.onClosed?.([...peer.workers])
    })
  })
  await listen(server, path)
  await chmod(path, 0o600)
  return {
    async close() {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

class Peer {
  readonly workers = new Set<number>()
  readonly #socket: Socket
  readonly #routes: ReadonlyMap<string, WorkerRoute>
  readonly #reader = new FrameReader(requestBytesMax)

  constructor(socket: Socket, routes: ReadonlyMap<string, WorkerRoute>, log: SocketServerOptions['log']) {
    this.#socket = socket
    this.#routes = routes
    // A peer that died is told by `close`; its error says nothing more.
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => {
      const refusal = this.#take(chunk)
      if (refusal === undefined) return
      log('warn', `A peer on the worker socket was dropped: ${refusal.reason}`)
      socket.end(frame({ id: 0, answer: refusal }))
      socket.removeAllListeners('data').resume()
    })
  }

  #take(chunk: Buffer): Refusal | undefined {
    const messages = this.#reader.read(chunk)
    if (isRefusal(messages)) return messages
    for (const message of messages) {
      const refusal = this.#receive(message)
      if (refusal !== undefined) return refusal
    }
    return undefined
  }

  #receive(message: unknown): Refusal | undefined {
    const { id, route, body } = (typeof message === 'object' && message !== null ? message : {}) as Frame
    const isCall = typeof id === 'number' && Number.isSafeInteger(id) && typeof route === 'string'
    if (!isCall) return refuse('invalid_input', 'A frame is not { id, route, body }.')
    const found = this.#routes.get(route)
    if (found === undefined)
      this.#send({ id, answer: refuse('unknown_command', `There is no worker message of this name.`) })
    else void this.#answer(id, found, body)
    return undefined
  }

  async #answer(id: number, route: WorkerRoute, body: unknown): Promise<void> {
    try {
      const answer = await route.answer(body, () => this.#socket.destroyed)
      this.#remember(route, body, answer)
      this.#send({ id, answer })
    } catch (thrown) {
      const { errorClass, message } = classify(thrown)
      this.#send(thrown instanceof Refused ? { id, answer: thrown.refusal } : { id, failed: { errorClass, message } })
    }
  }

  #remember(route: WorkerRoute, body: unknown, answer: unknown): void {
    if (isRefusal(answer)) return
    // The connection of a heart is not counted: it ends with a thread, and says nothing about the process.
    const { worker } = (route.name === 'register' ? answer : body) as { worker?: unknown }
    if (typeof worker !== 'number') return
    if (route.name === 'sign-off') this.workers.delete(worker)
    else if (route.name === 'register' || route.name === 'claim') this.workers.add(worker)
  }

  #send(message: unknown): void {
    if (this.#socket.destroyed) return
    // A peer that asks and never reads must not fill the memory of the server.
    if (this.#socket.writableLength > unreadBytesMax) this.#socket.destroy()
    else this.#socket.write(frame(message))
  }
}

interface Frame {
  readonly id?: unknown
  readonly route?: unknown
  readonly body?: unknown
}

/** A socket file that nobody answers on was left by a process that died. */
async function removeStale(path: string): Promise<void> {
  const isServed = await new Promise<boolean>((resolve) => {
    const probe = connect(path)
    probe.on('connect', () => {
      probe.destroy()
      resolve(true)
    })
    probe.on('error', () => resolve(false))
  })
  if (isServed) throw new Refused(refuse('store_locked', `Another process serves the worker socket ${path}.`))
  await rm(path, { force: true })
}

function listen(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
