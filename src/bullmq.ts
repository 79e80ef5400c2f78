import { type Dispatch, openDispatch } from './dispatch/dispatch.ts'
import { connectRedis } from './dispatch/redis-carrier.ts'
import { Refused, refuse } from './errors/refusal.ts'
import type { PublicIdKey } from './identity/public-id.ts'
import { sha256 } from './json/hash.ts'
import { thisProcess } from './recover/this-process.ts'

export type { DispatchStatus } from './dispatch/breaker.ts'
export type { Dispatch, Dispatching } from './dispatch/dispatch.ts'
export { deadLetterName, nameBehind, queueName } from './dispatch/names.ts'

export interface BullmqOptions {
  /** `redis://user:password@host:port/database`, or `rediss://` over TLS; `?prefix=name` does what the setting below does. */
  readonly url: string
  /** What all keys in Redis begin with; each store needs one of its own. `pawl` by default. */
  readonly prefix?: string | undefined
  /** Milliseconds that a process may be silent before its jobs are given to another one; 30,000 by default. */
  readonly lockMs?: number | undefined
}

const prefixPattern = /^[\w.-]{1,60}$/

/**
 * Dispatch through BullMQ on Redis. It carries ids: the store stays the truth, and losing Redis loses time only.
 *
 * @throws Refused `bad_configuration` for an address that is none
 */
export function bullmq(options: BullmqOptions): Dispatch {
  const address = URL.canParse(options.url) ? new URL(options.url) : null
  if (address === null || !/^rediss?:$/.test(address.protocol) || address.hostname === '') {
    const reason =
      'The address of Redis is not one: it is redis://user:password@host:port/database, or rediss:// over TLS.'
    throw new Refused(refuse('bad_configuration', reason))
  }
  const prefix = options.prefix ?? address.searchParams.get('prefix') ?? 'pawl'
  if (!prefixPattern.test(prefix))
    throw new Refused(
      refuse('bad_configuration', 'The prefix for Redis is at most 60 letters, digits, `.`, `_` and `-`.'),
    )
  address.searchParams.delete('prefix')
  const { lockMs } = options
  const url = address.href
  return {
    open(ports) {
      const { host, clock, random } = ports
      const { host: machine, pid } = thisProcess()
      const store = host === null ? null : nameOf(host.idKey)
      const name = `pawl@${machine.split('/')[0]}:${pid}`
      return openDispatch(() => connectRedis({ url, prefix, store, clock, name, lockMs, token: random.uuid() }), ports)
    },
  }
}

/** Tells a store from every other without giving away the key of its ids. */
const nameOf = ({ rounds, check0, check1 }: PublicIdKey): string =>
  sha256([...rounds, check0, check1].join()).slice(0, 32)
