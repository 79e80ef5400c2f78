import { loadConfig } from '../config/config.ts'
import { isPostgresAddress } from '../config/store-address.ts'
import { orThrow, Refused, refuse } from '../errors/refusal.ts'
import { processRoles } from '../server.ts'
import { createSystemClock } from '../time/clock.ts'
import { loadActions } from './actions-module.ts'
import { dataDirOf } from './connection.ts'
import { usage } from './inputs.ts'
import { runMember } from './member.ts'
import { printJson, type Terminal } from './output.ts'
import { openLog } from './process-log.ts'
import type { Flags } from './program.ts'
import { startServerProcess } from './server-process.ts'

/** Runs until SIGTERM or Ctrl-C, then drains and hands back. */
export async function serve(flags: Flags, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const role = processRoles.find((each) => each === (flags.role ?? 'all'))
  if (role === undefined) throw usage(`--role is one of ${processRoles.join(', ')}.`)
  const env = { ...process.env }
  if (typeof flags.port === 'string') env.PAWL_PORT = flags.port
  if (typeof flags.host === 'string') env.PAWL_HOST = flags.host
  if (typeof flags.data === 'string') env.PAWL_STORE ??= `sqlite:${flags.data}/pawl.db`
  if (typeof flags.slots === 'string' && !/^\d{1,5}$/.test(flags.slots)) throw usage('--slots is a whole number.')
  const config = orThrow(loadConfig(env))
  if (role !== 'all' && !isPostgresAddress(config.store)) throw new Refused(oneServer(role))
  const { actions, actionsModule } = await loadActions(flags.actions as string | undefined)
  const slots = flags.slots === undefined ? config.concurrency : Number(flags.slots)
  const dataDir = dataDirOf({ data: flags.data as string | undefined }, config.store)
  const common = { config, actions, actionsModule: actionsModule.module, dataDir }
  if (role === 'worker' || role === 'leader') {
    // Several of them on one machine are usual: each says where its health is told, if anywhere.
    const port = (env.PAWL_PORT ?? '') === '' ? undefined : config.port
    return await runMember({ ...common, role, slots, port }, terminal, stop)
  }
  const { log, delivery, close } = openLog(config, createSystemClock())
  try {
    const running = await startServerProcess({ ...common, role, slots: role === 'api' ? 0 : slots, log, delivery })
    if (flags.json === true) printJson(terminal, { url: running.url, pid: process.pid })
    else {
      terminal.out(`Pawl listens at ${running.url}`)
      terminal.err(`Sign in once with: ${await running.signInLink()}\nStop it with Ctrl-C.`)
    }
    await new Promise<void>((resolve) => {
      if (stop.aborted) resolve()
      stop.addEventListener('abort', () => resolve(), { once: true })
    })
    terminal.err('Stopping: what runs may end, the rest is handed back.')
    await running.close()
    return 0
  } finally {
    await close()
  }
}

const oneServer = (role: string) =>
  refuse(
    'bad_configuration',
    `The role ${role} needs PostgreSQL: a SQLite file has one server, which is everything.`,
    { role },
    'Leave --role out. `--slots 0` leaves the executions to `pawl worker`, which comes over a socket or HTTP.',
  )
