import type { AnyAction } from '../action/action.ts'
import type { Config } from '../config/config.ts'
import { dispatchOf } from '../open-dispatch.ts'
import { createPawl } from '../pawl.ts'
import { createHealthApp, type RunningServer, startServer } from '../server.ts'
import { type Clock, createSystemClock } from '../time/clock.ts'
import type { Terminal } from './output.ts'
import { openLog, type ProcessLog } from './process-log.ts'

export interface MemberOptions {
  readonly role: 'worker' | 'leader'
  readonly config: Config
  readonly actions: readonly AnyAction[]
  readonly actionsModule: string
  readonly dataDir: string
  readonly slots: number
  readonly identity?: string | undefined
  /** Where health and readiness are served; nowhere when not given. */
  readonly port?: number | undefined
}

/**
 * A process that holds the database without serving people: it runs executions, or does what is done once for all. Ends on
 * SIGTERM or Ctrl-C, and once a person has drained it.
 */
export async function runMember(options: MemberOptions, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const clock = createSystemClock()
  const written = openLog(options.config, clock)
  try {
    return await live({ ...options, ...written, clock }, terminal, stop)
  } finally {
    await written.close()
  }
}

type LivingOptions = MemberOptions & Pick<ProcessLog, 'log' | 'delivery'> & { readonly clock: Clock }

async function live(options: LivingOptions, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const { role, config, actions, actionsModule, dataDir, slots, identity, delivery, clock } = options
  const log = options.log.module(role)
  const ended = Promise.withResolvers<{ readonly why: 'stuck' | 'drained'; readonly left: readonly string[] }>()
  let lacks: string | null = null
  const pawl = await createPawl({
    store: config.store,
    actions,
    actionsModule,
    slots: role === 'worker' ? slots : 0,
    identity,
    dataDir,
    settings: config,
    dispatch: await dispatchOf(config.redisUrl),
    duties: role === 'leader',
    role,
    log: (level, message, fields) => log[level](fields, message),
    onStuck: (left) => ended.resolve({ why: 'stuck', left }),
    onDrained: ({ abandoned: left }) => ended.resolve({ why: 'drained', left }),
  })
  let health: RunningServer | undefined
  try {
    await pawl.start()
    if (options.port !== undefined) {
      const { host } = pawl.engine
      const app = createHealthApp({ role, host, delivery, store: () => host.views.headPosition(), lacks: () => lacks })
      health = await startServer({ app, host: config.host, port: options.port, clock })
    }
    const told = health === undefined ? '' : ` Health is told at ${health.url}/readyz.`
    terminal.err(`A ${role} works on the database.${told} Stop it with Ctrl-C.`)
    const asked = new Promise<null>((resolve) => {
      if (stop.aborted) resolve(null)
      stop.addEventListener('abort', () => resolve(null), { once: true })
    })
    const end = await Promise.race([asked, ended.promise])
    lacks = 'It is stopping.'
    for (const id of end?.left ?? []) terminal.err(`${id} ignored the abort; it is freed when this process ends.`)
    if (end?.why === 'drained') terminal.err('It was drained: nothing runs here any more.')
    await health?.close(1_000)
    await pawl.stop(end === null ? {} : { graceMs: 0 })
    return (end?.left.length ?? 0) > 0 ? 1 : 0
  } catch (error) {
    await health?.close(0)
    await pawl.stop()
    throw error
  }
}
