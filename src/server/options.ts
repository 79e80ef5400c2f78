import type { Hono } from 'hono'
import type { BulkCommands } from '../control/bulk-commands.ts'
import type { ControlPlane } from '../control/control-plane.ts'
import type { Random } from '../identity/random.ts'
import type { WorkerRoute } from '../protocol/routes.ts'
import type { ProcessRole } from '../store/fleet.ts'
import type { Clock } from '../time/clock.ts'
import type { AccessLimits } from './gate.ts'
import type { Log } from './log.ts'
import type { LogDelivery } from './log-delivery.ts'
import type { Tokens } from './tokens.ts'

export interface AppOptions {
  readonly plane: ControlPlane
  readonly tokens: Tokens
  readonly bulks: BulkCommands
  /** What workers may say over HTTP; none when not given. */
  readonly protocolRoutes?: readonly WorkerRoute[] | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Log
  /** Of the log to another system, for the metrics; nothing is delivered when not given. */
  readonly delivery?: Pick<LogDelivery, 'counts'> | undefined
  /** How many requests, streams and failed sign-ins there may be, and which proxies are believed. */
  readonly limits?: Partial<AccessLimits> | undefined
  readonly version?: string | undefined
  /** What this process is there for, as `healthz` says it; `all` by default. */
  readonly role?: ProcessRole | undefined
  /** Aborted when the server closes: streams and waits end then. */
  readonly closing?: AbortSignal | undefined
}

/** What a request is handled with beside the options of the server. */
export interface Variables {
  traceId: string
  /** Of whoever signed in, for the access log. */
  principal: string
}

export type App = Hono<{ Variables: Variables }>
