#!/usr/bin/env node
/** Entry of the command line. */
import { CommanderError, Command as Verb } from 'commander'
import { isRefusal, Refused } from '../errors/refusal.ts'
import { resolveToSources } from './checkout.ts'
import { findServer } from './connection.ts'
import { printRefusal, terminal as terminalOf } from './output.ts'
import { addCommands, type Flags, type WithContext } from './program.ts'

resolveToSources(import.meta.url)
const terminal = terminalOf(process.env)
const interrupt = new AbortController()
let isServing = false
let exitCode = 0

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    // Whoever asks twice does not want to wait.
    if (interrupt.signal.aborted) process.exit(130)
    interrupt.abort()
    if (!isServing) {
      terminal.err('Interrupted. Only this command ended: what was submitted goes on and is not canceled.')
      process.exit(130)
    }
  })
}
// A reader that has seen enough, such as `head`, is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

const withContext: WithContext = async (flags, call) => {
  const place = { url: flags.url as string | undefined, data: flags.data as string | undefined }
  let found: ReturnType<typeof findServer> | undefined
  const server = (): ReturnType<typeof findServer> => {
    found ??= findServer(place, process.env)
    return found
  }
  exitCode = await call({
    client: () => server().client,
    url: () => server().url,
    terminal,
    json: flags.json === true,
    yes: flags.yes === true,
    signal: interrupt.signal,
  })
}

const program = new Verb('pawl')
  .description('Executes consequential actions: durable, fenced, never blindly repeated, provable afterwards.')
  .option('--json', 'print JSON with a versioned schema')
  .option('--url <address>', 'address of the server (PAWL_URL)')
  .option('--data <folder>', 'data folder of the server on this machine; ./.pawl by default')
  .option('--yes', 'do not ask before acting on several executions')
  .exitOverride()
  .showHelpAfterError('See what there is with: pawl --help')
program.enablePositionalOptions(false)

addCommands(program, withContext)
addProcesses(program)

try {
  const args = standardInput(process.argv.slice(2))
  if (args.length === 0) program.outputHelp()
  else await program.parseAsync(args, { from: 'user' })
} catch (thrown) {
  exitCode = explainFailure(thrown)
}
process.exitCode = exitCode

/** `-` alone means standard input, which commander would take for one more argument. */
function standardInput(args: readonly string[]): string[] {
  return args.map((arg, index) =>
    arg === '-' && args[index - 1] !== '-f' && args[index - 1] !== '--file' ? '--stdin' : arg,
  )
}

function addProcesses(root: Verb): void {
  const longRunning = (verb: Verb, load: () => Promise<(flags: Flags) => Promise<number>>): void => {
    verb.action(async () => {
      isServing = true
      exitCode = await (await load())(verb.optsWithGlobals() as Flags)
      // What a handler that ignores its abort has left behind must not keep this process.
      if (exitCode !== 0) process.exit(exitCode)
    })
  }
  const actions = ['--actions <module>', 'module that exports the actions; pawl.actions.ts by default'] as const
  const serve = root
    .command('serve')
    .description('Run server and worker; or, on PostgreSQL, one part of them.')
    .option(...actions)
    .option('--role <role>', 'all; on PostgreSQL also api, worker or leader', 'all')
    .option('--slots <count>', 'executions at a time (PAWL_CONCURRENCY); 0 leaves them to workers')
    .option('--port <port>', 'PAWL_PORT')
    .option('--host <host>', 'PAWL_HOST')
  longRunning(serve, async () => {
    const module = await import('./serve.ts')
    return (flags) => module.serve(flags, terminal, interrupt.signal)
  })
  const dev = root
    .command('dev')
    .description('Run server and worker on a database that is thrown away at the end.')
    .option(...actions)
    .option('--port <port>', 'PAWL_PORT')
  longRunning(dev, async () => {
    const module = await import('./dev.ts')
    return (flags) => module.dev(flags, terminal, interrupt.signal)
  })
  const worker = root.commands.find((each) => each.name() === 'worker') ?? root.command('worker')
  worker
    .description('Run a worker as a process of its own; or list workers.')
    .option(...actions)
    .option('--slots <count>', 'executions at a time (PAWL_CONCURRENCY)')
    .option('--identity <name>', 'the same name after a restart frees what the last process held')
  longRunning(worker, async () => {
    const module = await import('./worker.ts')
    return (flags) => module.runWorker(flags, terminal, interrupt.signal)
  })
}

function explainFailure(thrown: unknown): number {
  const json = process.argv.includes('--json')
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2
  if (thrown instanceof Refused) return printRefusal(terminal, thrown.refusal, json)
  if (isRefusal(thrown)) return printRefusal(terminal, thrown, json)
  terminal.err(thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown))
  return 1
}
