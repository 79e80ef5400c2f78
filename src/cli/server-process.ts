import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { hostname, userInfo } from 'node:os'
import { join, resolve } from 'node:path'
import type { AnyAction } from '../action/action.ts'
import type { Config } from '../config/config.ts'
import type { Engine } from '../engine.ts'
import { orThrow, Refused, refuse } from '../errors/refusal.ts'
import { systemRandom } from '../identity/random.ts'
import { sha256 } from '../json/hash.ts'
import { dispatchOf } from '../open-dispatch.ts'
import { createPawl, type Pawl } from '../pawl.ts'
import { workerRoutes } from '../protocol/routes.ts'
import { createApp, type Log, type LogDelivery, startServer, type Tokens } from '../server.ts'
import { type ServerFile, serverFileName } from './connection.ts'

export interface ServerProcessOptions {
  readonly config: Config
  readonly actions: readonly AnyAction[]
  /** Where runs in a process of their own find the actions. */
  readonly actionsModule?: string | undefined
  readonly dataDir: string
  /** Executions that run in this process at a time; 0 leaves them to workers. */
  readonly slots: number
  readonly identity?: string | undefined
  /** `api` leaves the duties of the store to others; `all` by default. */
  readonly role?: 'all' | 'api' | undefined
  readonly log: Log
  /** Whose counts are told among the metrics. */
  readonly delivery?: LogDelivery | undefined
}

export interface ServerProcess {
  readonly url: string
  /** Of the user who started it, with every right; ends with the process. */
  readonly token: string
  readonly pawl: Pawl<readonly AnyAction[]>
  /** A link that signs a browser in, once. */
  signInLink(): Promise<string>
  /** Lets what runs end for `graceMs`, hands the rest back and leaves nothing behind. */
  close(graceMs?: number): Promise<void>
}

const tenant = 'default'
const localTokenMs = 365 * 86_400_000

/** Store, engine, worker and HTTP server in this process: what `serve`, `dev` and `up` run. */
export async function startServerProcess(options: ServerProcessOptions): Promise<ServerProcess> {
  const { config, actions, actionsModule, dataDir, slots, identity, role = 'all', log, delivery } = options
  makeFolder(dataDir)
  const engineLog = log.module('engine')
  const pawl = await createPawl({
    store: config.store,
    actions,
    actionsModule,
    slots,
    identity,
    dataDir,
    settings: config,
    dispatch: await dispatchOf(config.redisUrl),
    duties: role === 'all',
    role,
    log: (level, message, fields) => engineLog[level](fields, message),
  })
  const { plane, protocol, clock, tokens } = pawl.engine
  const closing = new AbortController()
  try {
    // Other servers on the same database have one each, which must not end with this one.
    const localName = `local server ${sha256(`${hostname()} ${resolve(dataDir)}`).slice(0, 8)}`
    await retireLocal(tokens, localName, clock.now())
    const principal = `human:${userName()}`
    const wanted = { name: localName, principal, tenant, role: 'admin', expiresAt: clock.now() + localTokenMs }
    const { token, view } = orThrow(await tokens.create(wanted))
    const app = createApp({
      plane,
      bulks: pawl.engine.bulks,
      tokens,
      protocolRoutes: workerRoutes(protocol),
      clock,
      random: systemRandom,
      log,
      delivery,
      limits: config.access,
      closing: closing.signal,
      role,
    })
    const server = await startServer({ app, host: config.host, port: config.port, clock, closing, wire: config.access })
    await pawl.start()
    const socket = await listenForWorkers(pawl.engine, dataDir)
    const file = join(dataDir, serverFileName)
    rmSync(file, { force: true })
    writeFileSync(file, JSON.stringify({ url: server.url, token, pid: process.pid, socket } satisfies ServerFile), {
      mode: 0o600,
    })
    return {
      url: server.url,
      token,
      pawl,
      async signInLink() {
        const { ticket } = orThrow(await tokens.offer({ principal, tenant, tokenId: view.id }))
        return `${server.url}/signin?ticket=${ticket}`
      },
      async close(graceMs) {
        rmSync(file, { force: true })
        await server.close(Math.min(graceMs ?? 5_000, 5_000))
        await tokens.retire(view.id, tenant)
        await pawl.stop({ graceMs })
      },
    }
  } catch (error) {
    await pawl.stop()
    throw error
  }
}

function makeFolder(path: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Refused(refuse('store_read_only', `The data folder ${path} cannot be made: ${why}.`, { path }))
  }
}

/** Addresses of sockets are short on every system (unix(7): 108 bytes); workers then use HTTP. */
const socketPathBytesMax = 100

/** Workers of this machine that connect here are known to be dead as soon as they are. */
async function listenForWorkers(engine: Engine, dataDir: string): Promise<string | undefined> {
  const path = join(dataDir, 'worker.sock')
  if (Buffer.byteLength(path) > socketPathBytesMax) return undefined
  await engine.listen(path)
  return path
}

/** A server that was killed could not take its token back. */
async function retireLocal(tokens: Tokens, localName: string, now: number): Promise<void> {
  for (const { id, name, expiresAt, revokedAt } of await tokens.list(tenant)) {
    const isOpen = revokedAt === null && (expiresAt === null || Date.parse(expiresAt) >= now)
    if (name === localName && isOpen) await tokens.retire(id, tenant)
  }
}

function userName(): string {
  try {
    return userInfo().username.replaceAll(/[^\w.@-]/g, '-')
  } catch {
    return 'operator'
  }
}
