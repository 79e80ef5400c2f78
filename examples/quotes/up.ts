/** `./up`: everything on this machine, with real work to look at. See `./up --help`. */
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { type ServerProcess, startServerProcess } from '../../src/cli/server-process.ts'
import { loadConfig } from '../../src/config/config.ts'
import { orThrow } from '../../src/errors/refusal.ts'
import { codes, type ExecutionView, isRefusal, type Refusal, Refused } from '../../src/pawl.ts'
import { createLog } from '../../src/server.ts'
import { systemClock } from '../../src/time/clock.ts'
import { actions } from './actions.ts'
import { quote as quoteSchema } from './quote.ts'
import { spawnSandbox } from './sandbox/process.ts'

const usage = `usage: ./up [--once] [--quote FILE] [--data DIR] [--port N]

Starts server and worker on an embedded database, with a sandbox CRM and Slack, and sends a quote through:
its PDF is rendered, the CRM is synced, a message is posted.
  --once        does the same work, prints one JSON object and stops; exit 0 only if every execution succeeded
  --quote FILE  your own quote, as JSON (examples/quotes/README.md)
  --data DIR    where database and files lie (default: .pawl in the checkout)
  --port N      where the server listens (default: PAWL_PORT or 7070; with --once a free port)
With PAWL_CRM_URL, PAWL_CRM_TOKEN, PAWL_SLACK_BOT_TOKEN and PAWL_SLACK_CHANNEL set, the real services are used instead.
`

interface Options {
  readonly once: boolean
  readonly quote: string
  readonly data: string
  readonly port: number | undefined
}

const checkout = resolve(import.meta.dirname, '../..')

function optionsOf(args: readonly string[]): Options | null {
  const { values } = parseArgs({
    args: [...args],
    options: {
      once: { type: 'boolean', default: false },
      quote: { type: 'string', default: join(import.meta.dirname, 'sample-quote.json') },
      data: { type: 'string', default: join(checkout, '.pawl') },
      port: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  if (values.help) return null
  const port = values.port === undefined ? undefined : Number(values.port)
  return { once: values.once, quote: values.quote, data: resolve(values.data), port }
}

const say = (text: string): void => void process.stderr.write(`${text}\n`)

const patienceMs = 120_000

async function main(options: Options): Promise<number> {
  const quote = await readQuote(options.quote)
  const config = orThrow(loadConfig({ ...process.env, ...(options.once ? { PAWL_PORT: '0' } : {}) }))
  const usesSandbox = config.crmUrl === undefined || config.slackBotToken === undefined
  const sandbox = usesSandbox ? await spawnSandbox({}) : null
  if (sandbox !== null) Object.assign(process.env, sandbox.environment)
  let server: ServerProcess | undefined
  const stop = async (): Promise<void> => {
    await server?.close()
    await sandbox?.stop()
  }
  try {
    server = await startServerProcess({
      config: { ...config, store: `sqlite:${join(options.data, 'pawl.db')}`, port: options.port ?? config.port },
      actions,
      dataDir: options.data,
      slots: config.concurrency,
      log: createLog({ level: process.env.PAWL_LOG_LEVEL ?? (options.once ? 'error' : 'warn'), clock: systemClock }),
    })
    const { pawl } = server
    const pdf = await pawl.submit({ action: 'quote.render_pdf', input: quote })
    const executions = [
      pdf,
      await pawl.submit({ action: 'crm.sync_quote', input: quote }),
      await pawl.submit({ action: 'slack.post_update', input: { quote, update: 'sent' } }),
    ]
    // An execution in doubt waits for a person, and nobody waits for that here.
    const signal = AbortSignal.timeout(patienceMs)
    const ended = await Promise.all(executions.map(({ id }) => pawl.ended(id, { signal }).catch(() => pawl.get(id))))
    const artifact = await keepPdf(pawl, options.data, pdf.id, quote.number)
    const failed = ended.find(({ state }) => state !== 'succeeded')
    if (options.once) {
      const { url } = server
      const state = (failed ?? ended[0])?.state
      process.stdout.write(`${JSON.stringify({ url, executionId: pdf.id, state, ...artifact })}\n`)
      for (const each of ended) if (each.state !== 'succeeded') say(sentence(each))
      await stop()
      return failed === undefined ? 0 : 7
    }
    say(whereToLook(await server.signInLink(), artifact.artifact, ended, sandbox?.addresses.url))
    await new Promise<void>((resolveStop) => {
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => resolveStop())
    })
    say('stopping: work under way is finished or handed back')
    await stop()
    return 0
  } catch (error) {
    await stop().catch(() => {})
    throw error
  }
}

async function readQuote(file: string) {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (cause) {
    throw new Error(`the quote file ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`)
  }
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw new Error(`the quote file ${file} is not JSON`)
  }
  const parsed = quoteSchema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  throw new Error(`the quote in ${file} does not fit: ${issue?.path.join('.') ?? ''} ${issue?.message ?? ''}`)
}

type Running = ServerProcess['pawl']

/** Files are kept by content; people look for a name. */
async function keepPdf(pawl: Running, dataDir: string, id: string, number: string) {
  const artifacts = await pawl.engine.plane.kept.artifacts(id, { principal: 'human:local', tenant: 'default' })
  const [stored] = isRefusal(artifacts) ? [] : artifacts
  if (stored === undefined) return { artifact: null, sha256: null }
  const artifact = join(dataDir, 'quotes', `${number}.pdf`)
  await mkdir(join(dataDir, 'quotes'), { recursive: true })
  await writeFile(artifact, (await pawl.artifact(id, stored.name)).content)
  return { artifact, sha256: stored.sha256 }
}

const sentence = ({ action, state, lastErrorClass, lastError }: ExecutionView): string =>
  `${action} is ${state}: ${lastErrorClass ?? ''} ${lastError ?? ''}`

function whereToLook(
  link: string,
  pdf: string | null,
  ended: readonly ExecutionView[],
  sandboxUrl: string | undefined,
): string {
  const lines = ended.map(({ action, state, id }) => `  ${state.padEnd(10)} ${action.padEnd(18)} ${id}`)
  return [
    '',
    ...lines,
    '',
    `  console   ${link}   (signs you in once, within ten minutes)`,
    `  PDF       ${pdf ?? 'none'}`,
    ...(sandboxUrl === undefined ? [] : [`  sandbox   ${sandboxUrl}/sandbox/state   (stands for the CRM and Slack)`]),
    '',
    '  next      ./pawl list',
    `            ./pawl trace ${ended[1]?.id ?? ''}`,
    '            ./pawl ops',
    '',
    '  Ctrl-C stops.',
    '',
  ].join('\n')
}

function tell(error: unknown): number {
  if (!(error instanceof Refused)) {
    say(`up: ${error instanceof Error ? error.message : String(error)}`)
    return 1
  }
  const { code, reason, next }: Refusal = error.refusal
  say(`up: ${reason} ${next} (${code})`)
  return codes[code].exit
}

try {
  const options = optionsOf(process.argv.slice(2))
  if (options === null) process.stdout.write(usage)
  process.exitCode = options === null ? 0 : await main(options).catch(tell)
} catch (error) {
  say(`up: ${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
  process.exitCode = 2
}
