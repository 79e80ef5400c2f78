import type { StoreHost } from '../commit/host.ts'
import type { Random } from '../identity/random.ts'
import type { WorkerProtocol } from '../protocol/protocol.ts'
import type { Heart } from '../run/heart.ts'
import type { Clock } from '../time/clock.ts'
import { Breaker, type DispatchStatus } from './breaker.ts'
import type { Carrier } from './carrier.ts'
import { NamedClaims } from './named-claims.ts'
import { Outbox } from './outbox.ts'

export interface DispatchPorts {
  /** The store; null in a worker that speaks to a server, which only takes hints. */
  readonly host: StoreHost | null
  readonly clock: Clock
  readonly random: Pick<Random, 'next' | 'uuid'>
  readonly log: (level: 'info' | 'warn', message: string, fields: Record<string, unknown>) => void
}

/** A way for hints of due work to go from whoever made it due to whoever has room for it. */
export interface Dispatch {
  /** @throws Refused for what somebody has to correct before anything starts */
  open(ports: DispatchPorts): Promise<Dispatching>
}

export interface Dispatching {
  /** What a worker must use in place of its protocol and its heart. */
  worker(protocol: WorkerProtocol): WorkerSide
  status(): DispatchStatus
  /** What people must know of it; null while all is well. */
  notice(): string | null
  close(): Promise<void>
}

export interface WorkerSide {
  readonly protocol: WorkerProtocol
  heart(heart: Heart): Heart
}

/** Joins what sends and what takes hints with the breaker that holds the carrier of both. */
export async function openDispatch(connect: () => Promise<Carrier>, ports: DispatchPorts): Promise<Dispatching> {
  const { host, clock, random, log } = ports
  const breaker = new Breaker({ connect, clock, random, log })
  await breaker.open()
  const outbox =
    host === null ? null : new Outbox({ host, clock, failed: (carrier, why) => breaker.fail(carrier, why) })
  if (outbox !== null) breaker.listen((carrier) => outbox.carry(carrier))
  return {
    worker(protocol) {
      const claims = new NamedClaims({ protocol, clock, missing: () => outbox?.refill() })
      breaker.listen((carrier) => claims.carry(carrier))
      return { protocol: claims.protocol(), heart: (heart) => claims.heart(heart) }
    },
    status: () => breaker.status(),
    notice: () => breaker.notice(),
    async close() {
      await outbox?.close()
      await breaker.close()
    },
  }
}
