import { loadConfig } from '../config/config.ts'
import { orThrow } from '../errors/refusal.ts'
import { loadActions } from './actions-module.ts'
import { dataDirOf } from './connection.ts'
import { usage } from './inputs.ts'
import { printJson, type Terminal } from './output.ts'
import type { Flags } from './program.ts'
import { startServerProcess } from './server-process.ts'

const roles = ['all', 'api', 'worker'] as const

/** Runs until SIGTERM or Ctrl-C, then drains and hands back. */
export async function serve(flags: Flags, terminal: Terminal, stop: AbortSignal): Promise<number> {
  const role = roles.find((each) => each === (flags.role ?? 'all'))
  if (role === undefined || role === 'worker')
    throw usage('--role is all or api here; run a worker of its own with `pawl worker`.')
  const env = { ...process.env }
  if (typeof flags.port === 'string') env.PAWL_PORT = flags.port
  if (typeof flags.host === 'string') env.PAWL_HOST = flags.host
  if (typeof flags.data === 'string') env.PAWL_STORE ??= `sqlite:${flags.data}/pawl.db`
  const config = orThrow(loadConfig(env))
  const { actions, actionsModule } = await loadActions(flags.actions as string | undefined)
  const running = await startServerProcess({
    config,
    actions,
    actionsModule: actionsModule.module,
    dataDir: dataDirOf({ data: flags.data as string | undefined }, config.store),
    slots: role === 'api' ? 0 : config.concurrency,
  })
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
}
