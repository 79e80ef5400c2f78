import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { type AccessConfig, accessDefaults } from '../config/access-variables.ts'
import { codes } from '../errors/codes.ts'
import { refuse, toProblem } from '../errors/refusal.ts'
import type { Clock } from '../time/clock.ts'
import { TrustedProxies } from './peer.ts'

/** What a client may cost before it is known who it is. */
export interface WireLimits
  extends Pick<
    AccessConfig,
    'headersMs' | 'requestMs' | 'connectionsMax' | 'connectionsPerAddress' | 'trustedProxies'
  > {
  /** After which a connection is closed on which no byte went either way: a client that does not read what it asked for. */
  readonly idleMs: number
}

export const wireLimits: WireLimits = { ...accessDefaults, idleMs: 120_000 }

export const headerBytesMax = 16 * 1024
export const headerCountMax = 100
const lingerMs = 500

/** For `createServer`: Node's own limits on headers, and how often it looks for those who are too slow. */
export const serverOptions = ({ headersMs, requestMs }: WireLimits) => ({
  headersTimeout: headersMs,
  requestTimeout: requestMs,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: Math.max(10, Math.min(5_000, Math.floor(headersMs / 2))),
  maxHeaderSize: headerBytesMax,
})

/** Limits on connections, and an answer that says what was wrong for those that cannot become a request. */
export function guardWire(server: Server, limits: WireLimits, clock: Pick<Clock, 'timer'>): void {
  // One more than may be: beyond its limit Node leaves headers out, and they could be the ones that matter.
  server.maxHeadersCount = headerCountMax + 1
  server.maxConnections = limits.connectionsMax
  server.timeout = limits.idleMs
  const proxies = new TrustedProxies(limits.trustedProxies)
  const open = new Map<string, number>()
  const answered = new WeakSet<Socket>()
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress?.replace(/^::ffff:/, '')
    if (address === undefined || proxies.trusts(address)) return
    const count = (open.get(address) ?? 0) + 1
    if (count > limits.connectionsPerAddress) {
      socket.destroy()
      return
    }
    open.set(address, count)
    socket.once('close', () => {
      const left = (open.get(address) ?? 1) - 1
      if (left === 0) open.delete(address)
      else open.set(address, left)
    })
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    if (answered.has(socket)) return
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    answered.add(socket)
    // Read on for a moment: a socket that is closed on unread bytes takes its answer back.
    socket.resume()
    socket.end(answerTo(error.code))
    const timer = clock.timer(lingerMs, () => socket.destroy())
    socket.once('close', () => timer.cancel())
  })
}

function answerTo(code: string | undefined): string {
  const known = codeOf(code)
  const problem = toProblem(refuse(known, codes[known].why))
  const body = JSON.stringify(problem)
  return [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'content-type: application/problem+json',
    'cache-control: no-store',
    'x-content-type-options: nosniff',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
    '',
    body,
  ].join('\r\n')
}

function codeOf(code: string | undefined) {
  if (code === 'HPE_HEADER_OVERFLOW') return 'headers_too_large'
  return code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 'request_too_slow' : 'malformed_request'
}
