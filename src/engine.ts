import { type ActionRegistry, type AnyAction, actionRegistry } from './action/action.ts'
import type { ArtifactStore } from './artifacts/store.ts'
import { artifactGraceMs } from './artifacts/sweep.ts'
import type { StoreHost } from './commit/host.ts'
import { type Config, checkConfig, loadConfig } from './config/config.ts'
import { BulkCommands } from './control/bulk-commands.ts'
import { ControlPlane } from './control/control-plane.ts'
import { beginDuties } from './duties.ts'
import { orThrow, Refused, refuse } from './errors/refusal.ts'
import { type Random, systemRandom } from './identity/random.ts'
import { pawlVersion } from './identity/version.ts'
import { createLeadership, type Leadership, leaderLeaseMs } from './leader/leadership.ts'
import { inProcess } from './protocol/in-process.ts'
import type { WorkerProtocol } from './protocol/protocol.ts'
import { serveSocket } from './protocol/socket-server.ts'
import { createPresence } from './recover/presence.ts'
import { processTable } from './recover/proof-of-death.ts'
import { createRecovery, type Recovery } from './recover/recovery.ts'
import { sweepOnce } from './recover/sweep.ts'
import { type ProcessFacts, thisProcess } from './recover/this-process.ts'
import { Tokens } from './server/tokens.ts'
import type { FleetProcess } from './store/fleet.ts'
import { type Clock, createSystemClock } from './time/clock.ts'

export type Log = (
  level: 'debug' | 'info' | 'warn' | 'error',
  message: string,
  fields: Readonly<Record<string, unknown>>,
) => void

export type Settings = Pick<
  Config,
  | 'leaseMs'
  | 'heartbeatMs'
  | 'sweepMs'
  | 'pollMs'
  | 'stallLimitMs'
  | 'cancelGraceMs'
  | 'poisonLosses'
  | 'retryPolicy'
  | 'tenantConcurrency'
  | 'queueMax'
  | 'archiveAfterDays'
  | 'artifactBytesMax'
  | 'keptLogLevel'
  | 'access'
>

export interface EngineOptions {
  readonly host: StoreHost
  readonly actions: ActionRegistry | Iterable<AnyAction>
  /** Where artifacts and large results are kept; a function is given the settings. None when not given. */
  readonly artifacts?: ArtifactStore | ((settings: Settings) => ArtifactStore) | undefined
  readonly settings?: Partial<Settings> | undefined
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
  readonly log?: Log | undefined
  /** False where this process never does what is done once for all: sweeps, schedules, retention. */
  readonly duties?: boolean | undefined
  /** What the list of processes calls this one; without it, it is not in there. */
  readonly process?: Pick<FleetProcess, 'role' | 'name'> | undefined
}

/**
 * The side that holds the store: control plane, worker protocol and the duties of recovery. Whoever runs executions,
 * in this process or elsewhere, talks to `protocol`.
 */
export interface Engine {
  readonly host: StoreHost
  readonly plane: ControlPlane
  readonly protocol: WorkerProtocol
  readonly artifacts: ArtifactStore | undefined
  readonly bulks: BulkCommands
  /** Who may sign in; a server in this process shares it. */
  readonly tokens: Tokens
  readonly settings: Settings
  readonly clock: Clock
  readonly random: Random
  readonly newTraceId: () => string
  readonly here: ProcessFacts
  readonly log: Log
  /** Takes its turn at the duties; null where it never does. */
  readonly leadership: Leadership | null
  /** Frees what a former owner left behind, then takes its turn at the duties. Returns how many leases were freed. */
  start(): Promise<{ readonly freed: number }>
  /** Serves workers of this machine at a socket file. */
  listen(path: string): Promise<void>
  stop(): Promise<void>
}

/** @throws Refused `bad_configuration` when the settings contradict each other. */
export function createEngine(options: EngineOptions): Engine {
  const { host } = options
  if (options.duties === false && host.isShared !== true) {
    const why = 'Nobody else can hold this store: without its duties no lease is ended and no schedule fires.'
    throw new Refused(refuse('bad_configuration', why))
  }
  const clock = options.clock ?? createSystemClock({ floorAt: host.newestAt })
  const random = options.random ?? systemRandom
  const log = options.log ?? (() => {})
  const actions = Symbol.iterator in options.actions ? actionRegistry(options.actions) : options.actions
  const settings: Settings = orThrow(checkConfig({ ...orThrow(loadConfig({})), ...options.settings }))
  const { leaseMs, heartbeatMs, pollMs, stallLimitMs, cancelGraceMs, sweepMs } = settings
  const { poisonLosses, retryPolicy, tenantConcurrency } = settings
  const artifacts = typeof options.artifacts === 'function' ? options.artifacts(settings) : options.artifacts
  const here = thisProcess()
  const recovery: Recovery = createRecovery({
    orders: host.orders,
    workers: () => host.views.workers(),
    here,
    table: processTable,
    clock,
    isShared: host.isShared,
    sweepMs,
    poisonLosses,
    log,
  })
  const protocol = inProcess({
    orders: host.orders,
    settings: { leaseMs, heartbeatMs, pollMs, stallLimitMs, cancelGraceMs },
    idKey: host.idKey,
    poisonLosses,
    onRegistered: (worker, identity) => void recovery.registered(worker, identity),
  })
  const newTraceId = (): string => Buffer.from(random.bytes(16)).toString('hex')
  const plane = new ControlPlane({
    host,
    actions,
    clock,
    retryPolicy,
    tenantConcurrency,
    queueMax: settings.queueMax,
    artifacts,
    graceMs: Math.max(artifactGraceMs, 2 * leaseMs),
    newTraceId,
  })
  const bulks = new BulkCommands(plane, clock, log)
  const id = random.uuid()
  const presence =
    options.process === undefined
      ? null
      : createPresence({
          orders: host.orders,
          processes: () => host.views.processes(),
          self: { id, ...options.process, version: pawlVersion, schema: host.schema ?? 0 },
          here,
          table: processTable,
          clock,
          heartbeatMs,
          isShared: host.isShared,
          log,
        })
  const leadership = createLeadership({
    orders: host.orders,
    clock,
    holder: id,
    here,
    leaseMs: host.isShared === true ? leaderLeaseMs(leaseMs) : null,
    begin: (orders) => beginDuties({ orders, plane, bulks, artifacts, settings, clock, log }),
    log,
  })
  // Secrets are never seeded, whatever else is.
  const sessions = { idleMs: settings.access.sessionIdleMs, maxMs: settings.access.sessionMs }
  const tokens = new Tokens({ host, clock, random: systemRandom, sessions })
  const sockets: { close(): Promise<void> }[] = []
  return {
    host,
    plane,
    protocol,
    artifacts,
    bulks,
    tokens,
    settings,
    clock,
    random,
    newTraceId,
    here,
    log,
    leadership: options.duties === false ? null : leadership,
    async start() {
      const gone = await recovery.atStart()
      recovery.start()
      // Said together, they are one commit.
      const leads = options.duties === false ? undefined : leadership.start()
      await Promise.all([presence?.start(), leads])
      if (leads === undefined) return { freed: gone }
      const orders = leadership.orders()
      const freed = gone + (orders === null ? 0 : await sweepOnce({ orders, poisonLosses }))
      if (host.isShared !== true) await bulks.resume(Number.POSITIVE_INFINITY)
      return { freed }
    },
    async listen(path) {
      sockets.push(
        await serveSocket({
          path,
          protocol,
          onClosed: (workers) => void recovery.disconnected(workers),
          log: (level, message) => log(level, message, {}),
        }),
      )
    },
    async stop() {
      await Promise.all([recovery.stop(), bulks.stop(), leadership.stop(), presence?.stop()])
      for (const socket of sockets.splice(0)) await socket.close()
    },
  }
}
