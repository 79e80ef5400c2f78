import { type Server, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { codes } from '../errors/codes.ts'
import { refuse, toProblem } from '../errors/refusal.ts'
import { TrustedProxies } from './peer.ts'

/** What a client may cost before it is known who it is. */
export interface WireLimits {
  /** For all headers of a request, from the first byte of its connection or the end of the request before. */
  readonly headersMs: number
  /** For the whole request. */
  readonly requestMs: number
  /** After which a connection is closed on which no byte went either way: a client that does not read what it asked for. */
  readonly idleMs: number
  readonly connectionsMax: number
  readonly connectionsPerAddress: number
  /** Whose connections are those of many. */
  readonly trustedProxies: readonly string[]
}

export const wireLimits: WireLimits = {
  headersMs: 10_000,
  requestMs: 30_000,
  idleMs: 120_000,
  connectionsMax: 4_096,
  connectionsPerAddress: 1_024,
  trustedProxies: [],
}

export const headerBytesMax = 16 * 1024
export const headerCountMax = 100

/** For `createServer`: Node's own limits on headers, and how often it looks for those who are too slow. */
export const serverOptions = ({ headersMs, requestMs }: WireLimits) => ({
  headersTimeout: headersMs,
  requestTimeout: requestMs,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: Math.max(10, Math.min(5_000, Math.floor(headersMs / 2))),
  maxHeaderSize: headerBytesMax,
})

/** Limits on connections, and an answer that says what was wrong for those that cannot become a request. */
export function guardWire(server: Server, limits: WireLimits): void {
  // One more than may be: beyond its limit Node leaves headers out, and they could be the ones that matter.
  server.maxHeadersCount = headerCountMax + 1
  server.maxConnections = limits.connectionsMax
  server.timeout = limits.idleMs
  const proxies = new TrustedProxies(limits.trustedProxies)
  const open = new Map<string, number>()
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
    if (error.code === 'ECONNRESET' || !socket.writable) socket.destroy()
    else socket.end(answerTo(error.code), () => socket.destroy())
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
