import type { IncomingMessage } from 'node:http'
import type { Context } from 'hono'
import type { Arrival } from './gate.ts'
import type { Variables } from './options.ts'

/** What the adapter of Node hands over; nothing where a request came over no socket. */
interface Incoming {
  readonly incoming?: Pick<IncomingMessage, 'rawHeaders'> & {
    readonly socket: Pick<IncomingMessage['socket'], 'remoteAddress'>
  }
}

type Requested = Context<{ Variables: Variables }>

const incomingOf = (c: Requested) => (c.env as Incoming | undefined)?.incoming

export const arrivalOf = (c: Requested): Arrival => ({
  request: c.req.raw,
  remoteAddress: incomingOf(c)?.socket.remoteAddress,
  onPrincipal: (principal) => c.set('principal', principal),
})

/** Header lines, names that repeat included; Node itself leaves out, without a word, what is beyond its own limit. */
export const headerCountOf = (c: Requested): number => (incomingOf(c)?.rawHeaders.length ?? 0) / 2
