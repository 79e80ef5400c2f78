import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, expect, inject, test } from 'vitest'
import { spawnSandbox } from '../../examples/quotes/sandbox/process.ts'
import { connect } from '../../src/client.ts'
import { CommandLine } from './commands.ts'
import { openDatabase } from './database.ts'

const examples = resolve(import.meta.dirname, '../../examples/quotes')
const actions = ['--actions', join(examples, 'actions.ts')]
const folder = mkdtempSync(join(tmpdir(), 'pawl-quotes-'))
const ends: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0)) await end()
  rmSync(folder, { recursive: true, force: true })
})

test('the example of quotes runs unchanged on PostgreSQL with three worker processes, which share the work', async () => {
  const sandbox = await spawnSandbox({})
  ends.push(() => sandbox.stop())
  const store = await openDatabase(inject('postgres'))
  const line = new CommandLine(folder, { ...sandbox.environment, PAWL_STORE: store })
  ends.unshift(() => line.endAll())
  // One folder for all: what a worker has rendered is read by the server.
  const server = line.start('data', ['serve', '--slots', '0', '--port', '0', ...actions])
  const [, url = ''] = await server.said(/listens at (\S+)/)
  await server.said(/Stop it with/)
  const names = ['w1', 'w2', 'w3']
  const workers = names.map((name) => line.start('data', ['worker', '--identity', name, '--slots', '1', ...actions]))
  await Promise.all(workers.map((worker) => worker.said(/works on the database/)))
  const { token } = JSON.parse(readFileSync(join(folder, 'data', 'server.json'), 'utf8')) as { token: string }
  const client = connect({ url, token })
  const sample = JSON.parse(readFileSync(join(examples, 'sample-quote.json'), 'utf8')) as { readonly number: string }
  const submitted = []
  for (let each = 0; each < 12; each += 1) {
    const quote = { ...sample, number: `Q-2026-${1_000 + each}` }
    submitted.push(await client.submit({ action: 'quote.render_pdf', input: quote }))
    submitted.push(await client.submit({ action: 'crm.sync_quote', input: quote }))
  }
  const ended = await Promise.all(submitted.map(({ id }) => client.wait(id)))
  expect(ended.map(({ state }) => state)).toEqual(ended.map(() => 'succeeded'))
  const ran = await Promise.all(
    submitted.map(async ({ id }) => (await client.events(id)).map(({ workerId }) => workerId)),
  )
  expect(new Set(ran.flat().filter((worker) => worker !== null))).toEqual(new Set(names))
  const [first] = ended
  const { sha256 } = (first?.result ?? {}) as { sha256?: string }
  const pdf = await client.artifact(String(first?.id), `quote-Q-2026-1000.pdf`)
  expect(pdf.sha256).toBe(sha256)
})
