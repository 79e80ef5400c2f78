import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createAdaptorServer } from '@hono/node-server'
import { Refused, refuse } from '../errors/refusal.ts'
import type { Clock } from '../time/clock.ts'
import type { App } from './options.ts'
import { guardWire, serverOptions, type WireLimits, wireLimits } from './wire.ts'

export interface StartOptions {
  readonly app: Pick<App, 'fetch'>
  /** Loopback unless said otherwise. */
  readonly host?: string | undefined
  /** 0 takes a free one. */
  readonly port: number
  readonly clock: Clock
  /** Told to end streams and waits when the server closes. */
  readonly closing?: AbortController | undefined
  readonly wire?: Partial<WireLimits> | undefined
}

export interface RunningServer {
  readonly url: string
  /** Takes no more requests, lets those under way end for `graceMs` (default 5 s), then closes every connection. */
  close(graceMs?: number): Promise<void>
}

/**
 * Listens, with limits on clients that are slow on purpose.
 *
 * @throws Refused `bad_configuration` when the address cannot be used.
 */
export async function startServer({
  app,
  host = '127.0.0.1',
  port,
  clock,
  closing,
  wire,
}: StartOptions): Promise<RunningServer> {
  const limits = { ...wireLimits, ...wire }
  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: serverOptions(limits),
  }) as Server
  guardWire(server, limits, clock)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(
        new Refused(
          refuse(
            'bad_configuration',
            `The server cannot listen on ${host}:${port}: ${error.message}.`,
            undefined,
            'Choose another PAWL_PORT or PAWL_HOST; another server may be running.',
          ),
        ),
      )
    })
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address
  return {
    url: `http://${name}:${address.port}`,
    async close(graceMs = 5_000) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      closing?.abort()
      server.closeIdleConnections()
      const timer = clock.timer(graceMs, () => server.closeAllConnections())
      await closed
      timer.cancel()
    },
  }
}
