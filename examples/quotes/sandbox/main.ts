import { parseArgs } from 'node:util'
import { startSandbox } from './server.ts'

const usage = `Usage: node examples/quotes/sandbox/main.ts [--port N] [--host ADDRESS] [--record FILE] [--stop-with-stdin]

Stands in for a CRM and for Slack, so that the quote example runs without either. Prints one JSON line with its addresses.
  --port N            0 (the default) takes a free port
  --record FILE       appends every request and what became of it, one JSON line each
  --stop-with-stdin   stops when standard input ends, so that it never outlives the process that started it
  --crm-token T, --slack-token T, --slack-channel C   credentials it accepts`

/** Runs until SIGTERM, SIGINT or the end of standard input. Exit codes: 0 stopped, 1 could not start, 2 usage. */
async function main(): Promise<void> {
  const values = readArguments()
  if (values === undefined) return
  const sandbox = await startSandbox({
    port: values.port,
    host: values.host,
    crmToken: values['crm-token'],
    slackBotToken: values['slack-token'],
    slackChannel: values['slack-channel'],
    ...(values.record === undefined ? {} : { recordFile: values.record }),
  })
  process.stdout.write(
    `${JSON.stringify({ ...sandbox.addresses, pid: process.pid, recordFile: values.record ?? null })}\n`,
  )
  const stop = () => void sandbox.close().then(() => process.exit(0))
  process.once('SIGTERM', stop)
  if (values['stop-with-stdin']) {
    process.stdin.resume().once('end', stop).once('error', stop)
    // Ctrl-C reaches the whole process group; whoever started the sandbox needs it while it drains, and stops it after.
    process.on('SIGINT', () => {})
  } else {
    process.once('SIGINT', stop)
  }
}

function readArguments() {
  try {
    const { values } = parseArgs({
      options: {
        port: { type: 'string', default: '0' },
        host: { type: 'string', default: '127.0.0.1' },
        record: { type: 'string' },
        'stop-with-stdin': { type: 'boolean', default: false },
        'crm-token': { type: 'string', default: 'sandbox-crm-token' },
        'slack-token': { type: 'string', default: 'sandbox-slack-token' },
        'slack-channel': { type: 'string', default: 'C0SANDBOX' },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(`${usage}\n`)
      return undefined
    }
    const port = Number(values.port)
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError('--port is a number from 0 to 65535')
    return { ...values, port }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`)
    process.exitCode = 2
    return undefined
  }
}

// A reader of our output that has gone away is no reason to die.
process.stdout.on('error', () => {})
main().catch((error: unknown) => {
  process.stderr.write(`The sandbox could not start: ${error instanceof Error ? error.message : String(error)}\n`)
  process.exitCode = 1
})
