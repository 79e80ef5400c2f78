import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { actionRegistry } from '../action/action.ts'
import { artifactFiles } from '../artifacts/files.ts'
import { type Config, loadConfig } from '../config/config.ts'
import { isPostgresAddress } from '../config/store-address.ts'
import { orThrow } from '../errors/refusal.ts'
import { systemRandom } from '../identity/random.ts'
import { environmentSecrets } from '../local-worker.ts'
import { dispatchOf } from '../open-dispatch.ts'
import { httpProtocol } from '../protocol/http.ts'
import { socketProtocol } from '../protocol/socket.ts'
import { threadHeart } from '../protocol/thread-heart.ts'
import { thisProcess } from '../recover/this-process.ts'
import type { RunLog } from '../run/context.ts'
import type { Log } from '../server.ts'
import { type Clock, createSystemClock } from '../time/clock.ts'
import { createWorker } from '../worker.ts'
import { loadActions } from './actions-module.ts'
import { dataDirOf, findServer, type Place } from './connection.ts'
import { runMember } from './member.ts'
import type { Terminal } from './output.ts'
import { openLog } from './process-log.ts'
import type { Flags } from './program.ts'

/** Where the store is a server, a worker holds it like everybody else. */
async function onDatabase(config: Config, flags: Flags, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const { actions, actionsModule } = await loadActions(flags.actions as string | undefined)
  const options = {
    role: 'worker',
    config,
    actions,
    actionsModule: actionsModule.module,
    dataDir: dataDirOf({ data: flags.data as string | undefined }, config.store),
    slots: flags.slots === undefined ? config.concurrency : Number(flags.slots),
    identity: (flags.identity as string | undefined) ?? `worker@${hostname()}:${process.pid}`,
  } as const
  return await runMember(options, terminal, stop)
}

/** A worker as a process of its own, over the socket of a server on this machine or else HTTP; ends on SIGTERM or Ctrl-C and hands back what it holds. */
export async function runWorker(flags: Flags, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const config = orThrow(loadConfig(process.env))
  if (isPostgresAddress(config.store) && flags.url === undefined && (process.env.PAWL_URL ?? '') === '') {
    return await onDatabase(config, flags, terminal, stop)
  }
  const place: Place = { url: flags.url as string | undefined, data: flags.data as string | undefined }
  const server = findServer(place, process.env)
  const clock = createSystemClock()
  const { log, close } = openLog(config, clock, [server.token])
  try {
    return await atServer({ config, flags, place, server, clock, log: log.module('worker') }, terminal, stop)
  } finally {
    await close()
  }
}

interface AtServer {
  readonly config: Config
  readonly flags: Flags
  readonly place: Place
  readonly server: ReturnType<typeof findServer>
  readonly clock: Clock
  readonly log: Log
}

async function atServer(
  { config, flags, place, server, clock, log }: AtServer,
  terminal: Terminal,
  stop: AbortSignal,
): Promise<number> {
  const { url, token, socket } = server
  const say: RunLog = (level, message, fields) => log[level](fields, message)
  const dispatch = await dispatchOf(config.redisUrl)
  const dispatching = await dispatch?.open({ host: null, clock, random: systemRandom, log: say })
  const identity = (flags.identity as string | undefined) ?? `worker@${hostname()}:${process.pid}`
  const carrier =
    socket === undefined ? ({ kind: 'http', url, token } as const) : ({ kind: 'socket', path: socket } as const)
  // A closed socket tells the server at once that this process may be dead; HTTP has nothing to close.
  const overSocket = socket === undefined ? undefined : socketProtocol({ path: socket, clock })
  const { actions, actionsModule } = await loadActions(flags.actions as string | undefined)
  const protocol = overSocket ?? httpProtocol({ url, token })
  const side = dispatching?.worker(protocol)
  const stuck = Promise.withResolvers<'stuck'>()
  const drained = Promise.withResolvers<'drained'>()
  const worker = createWorker({
    protocol: side?.protocol ?? protocol,
    actions: actionRegistry(actions),
    actionsModule,
    identity,
    incarnation: randomUUID(),
    host: thisProcess(),
    slots: flags.slots === undefined ? config.concurrency : Number(flags.slots),
    clock,
    random: systemRandom,
    artifacts: artifactFiles({
      dataDir: dataDirOf(place, config.store),
      unique: () => randomUUID(),
      now: () => clock.now(),
      bytesMax: config.artifactBytesMax,
    }),
    keepLogs: config.keptLogLevel,
    secrets: environmentSecrets,
    retry: config.retryPolicy,
    log: say,
    onStuck: () => stuck.resolve('stuck'),
    onDrained: () => drained.resolve('drained'),
    heart: (welcome, news) => {
      const heart = threadHeart(clock, carrier, welcome, news)
      return side?.heart(heart) ?? heart
    },
  })
  try {
    await worker.start()
    terminal.err(`${identity} works for ${socket ?? url}. Stop it with Ctrl-C.`)
    const asked = new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      stop.addEventListener('abort', () => resolve(), { once: true })
    })
    // A supervisor starts the process anew; its end is what frees the slots of handlers that do not end.
    const end = await Promise.race([asked.then(() => 'asked' as const), stuck.promise, drained.promise])
    if (end === 'drained') terminal.err(`${identity} was drained: nothing runs here any more.`)
    const { abandoned } = await worker.stop(end === 'asked' ? {} : { graceMs: 0, abortMs: 0 })
    for (const id of abandoned) terminal.err(`${id} ignored the abort; it is freed when this process ends.`)
    return abandoned.length === 0 ? 0 : 1
  } finally {
    // An open connection would keep this process alive.
    overSocket?.close()
    await dispatching?.close()
  }
}
