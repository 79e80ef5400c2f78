import { connect, type Socket } from 'node:net'
import { failureOf, NetworkError, TimeoutError } from '../errors/failures.ts'
import { isRefusal } from '../errors/refusal.ts'
import type { Clock, Timer } from '../time/clock.ts'
import { FrameReader, frame } from './frames.ts'
import type { WorkerProtocol } from './protocol.ts'
import { remoteProtocol, waitMsOf } from './remote.ts'

/** A claim may bring many inputs and journals. */
const answerBytesMax = 256 * 1024 * 1024

export interface SocketProtocol extends WorkerProtocol {
  /** Ends the connection; calls under way fail. */
  close(): void
}

export interface SocketProtocolOptions {
  readonly path: string
  readonly clock: Clock
  /** Milliseconds beyond which an answer is given up, the waiting that the call asks for not counted. */
  readonly timeoutMs?: number | undefined
}

interface Waiting {
  readonly resolve: (answer: unknown) => void
  readonly reject: (error: Error) => void
  readonly timer: Timer
}

/**
 * The worker protocol over a local socket: many calls under way on one connection, which is opened when it is needed
 * and opened anew after it broke.
 */
export function socketProtocol({ path, clock, timeoutMs = 15_000 }: SocketProtocolOptions): SocketProtocol {
  const waiting = new Map<number, Waiting>()
  let connection: Socket | undefined
  let isClosed = false
  let next = 1

  const settle = (id: number): Waiting | undefined => {
    const found = waiting.get(id)
    waiting.delete(id)
    found?.timer.cancel()
    return found
  }
  const breakAll = (why: string): void => {
    connection = undefined
    for (const id of waiting.keys()) settle(id)?.reject(new NetworkError(why))
  }
  const open = (): Socket => {
    const socket = connect(path)
    const reader = new FrameReader(answerBytesMax)
    let problem = 'the worker socket was closed'
    socket.on('error', (error) => {
      problem = `the worker socket failed: ${error.message}`
    })
    socket.on('data', (chunk: Buffer) => {
      const messages = reader.read(chunk)
      if (isRefusal(messages)) {
        problem = `the other side of the worker socket sends garbage: ${messages.reason}`
        socket.destroy()
        return
      }
      for (const message of messages) {
        const { id, answer, failed } = message as Reply
        const found = settle(id)
        if (failed === undefined) found?.resolve(answer)
        else found?.reject(failureOf(failed.errorClass, failed.message))
      }
    })
    socket.on('close', () => {
      if (connection === socket) breakAll(problem)
    })
    return socket
  }

  const protocol = remoteProtocol(
    (route, body) =>
      new Promise((resolve, reject) => {
        if (isClosed) {
          reject(new NetworkError('the worker socket was closed'))
          return
        }
        connection ??= open()
        const id = next++
        const patienceMs = timeoutMs + waitMsOf(body)
        const timer = clock.timer(patienceMs, () => {
          settle(id)?.reject(new TimeoutError(`${route}: no answer in ${patienceMs} ms`))
        })
        waiting.set(id, { resolve, reject, timer })
        connection.write(frame({ id, route, body }))
      }),
  )
  return {
    ...protocol,
    close() {
      isClosed = true
      connection?.destroy()
      breakAll('the worker socket was closed')
    },
  }
}

interface Reply {
  readonly id: number
  readonly answer?: unknown
  readonly failed?: { readonly errorClass: string; readonly message: string }
}
