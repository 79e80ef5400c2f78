import { dirname, resolve } from 'node:path'
import type { ActionsModule } from './action/module.ts'
import type { Dispatching } from './dispatch/dispatch.ts'
import type { Engine } from './engine.ts'
import { threadHeart } from './protocol/thread-heart.ts'
import { inProcessIncarnation } from './recover/incarnation.ts'
import { timerHeart } from './run/heart.ts'
import type { SecretSource } from './run/secrets.ts'
import type { WorkerRole } from './store/rows.ts'
import { createWorker, type Worker, type WorkerOptions } from './worker.ts'

export interface LocalWorkerOptions {
  readonly engine: Engine
  readonly identity?: string | undefined
  /** Executions at a time. */
  readonly slots: number
  readonly secrets?: SecretSource | undefined
  /** How it hears of due work; without it, from the store. */
  readonly dispatching?: Dispatching | null | undefined
  /** Where a process of its own finds the actions. */
  readonly actionsModule?: ActionsModule | undefined
  /** `all` beside the server. */
  readonly role?: WorkerRole | undefined
  readonly onStuck?: WorkerOptions['onStuck']
  readonly onDrained?: WorkerOptions['onDrained']
}

/** Secrets as variables of this process's environment, for every tenant. */
export const environmentSecrets: SecretSource = (_tenant, names) =>
  Promise.resolve(
    Object.fromEntries(
      names.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ) as Record<string, string>,
  )

/** The folder beside an embedded store's file. */
export const dataDirOf = (path: string): string => resolve(path === ':memory:' ? '.' : dirname(path))

/** A worker in the process that holds the store. Its heart beats in a thread of its own where the writer has one. */
export function createLocalWorker(options: LocalWorkerOptions): Worker {
  const { engine, identity, slots, secrets, actionsModule, role = 'all' } = options
  const { host, clock, random, here, log, plane, protocol } = engine
  const side = options.dispatching?.worker(protocol)
  return createWorker({
    protocol: side?.protocol ?? protocol,
    actions: plane.actions,
    actionsModule,
    identity: identity ?? `local@${here.host.split('/')[0]}`,
    incarnation: inProcessIncarnation(random.uuid()),
    host: here,
    slots,
    role,
    onStuck: options.onStuck,
    onDrained: options.onDrained,
    clock,
    random,
    artifacts: engine.artifacts,
    keepLogs: engine.settings.keptLogLevel,
    transactions: host.transactions,
    secrets: secrets ?? environmentSecrets,
    retry: engine.settings.retryPolicy,
    log,
    heart: (welcome, news) => {
      const port = host.port()
      const heart =
        port === null
          ? timerHeart(clock, welcome, (beat) => protocol.heartbeat({ worker: welcome.worker, ...beat }), news)
          : threadHeart(clock, { kind: 'port', port }, welcome, news)
      return side?.heart(heart) ?? heart
    },
  })
}
