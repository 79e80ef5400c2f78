import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createPawl, isRefusal } from '../../src/pawl.ts'
import { actions } from './actions.ts'
import { amount } from './amounts.ts'
import { pdfText } from './pdf-text.ts'
import { priceQuote } from './pricing.ts'
import { type Quote, quote as quoteSchema } from './quote.ts'
import { askForFaults, sandboxState, spawnSandbox } from './sandbox/process.ts'
import { readRequestRecord } from './sandbox/record.ts'

let folder = ''
let recordFile = ''
let sandbox: Awaited<ReturnType<typeof spawnSandbox>>

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pawl-quotes-'))
  recordFile = join(folder, 'requests.jsonl')
  sandbox = await spawnSandbox({ recordFile })
  Object.assign(process.env, sandbox.environment)
})
afterAll(async () => {
  await sandbox.stop()
  await rm(folder, { recursive: true, force: true })
})

const sample = async (name: string): Promise<Quote> =>
  quoteSchema.parse(JSON.parse(await readFile(new URL(name, import.meta.url), 'utf8')))

let databases = 0
async function onFreshDatabase<T>(
  work: (pawl: Awaited<ReturnType<typeof open>>, dataDir: string) => Promise<T>,
): Promise<T> {
  const dataDir = join(folder, `data-${++databases}`)
  const pawl = await open(dataDir)
  await pawl.start()
  try {
    return await work(pawl, dataDir)
  } finally {
    await pawl.stop({ graceMs: 5_000 })
  }
}
const open = (dataDir: string) => createPawl({ store: `sqlite:${join(dataDir, 'pawl.db')}`, actions })

const rendered = (input: Quote) =>
  onFreshDatabase(async (pawl, dataDir) => {
    const execution = await pawl.submit({ action: 'quote.render_pdf', input })
    const result = await pawl.result(execution)
    const artifacts = await pawl.engine.plane.kept.artifacts(execution.id, {
      principal: 'human:test',
      tenant: 'default',
    })
    if (isRefusal(artifacts) || artifacts[0] === undefined) throw new Error('the execution stored no artifact')
    const [artifact] = artifacts
    return { result, pdf: await readFile(join(dataDir, artifact.path ?? '')), execution: await pawl.get(execution.id) }
  })
test('EX-quotes DG-02 the PDF holds number, lines and total; the same quote gives the same bytes, another quote others', async () => {
  const quote = await sample('./sample-quote.json')
  const first = await rendered(quote)
  const again = await rendered(quote)
  const other = await rendered(await sample('./sample-quote-usd.json'))
  expect(again.result.sha256).toBe(first.result.sha256)
  expect(again.pdf.equals(first.pdf)).toBe(true)
  expect(other.result.sha256).not.toBe(first.result.sha256)
  const text = pdfText(first.pdf)
  expect(text).toContain(quote.number)
  for (const line of quote.lines) expect(text).toContain(line.sku)
  expect(text).toContain(amount(priceQuote(quote).totalCents))
  expect(first.execution).toMatchObject({ state: 'succeeded', attempt: 1, subject: `quote:${quote.number}` })
}, 60_000)

test('EX-quotes SE-20 a quote submitted twice is synced once and posted once', async () => {
  const quote = await sample('./sample-quote.json')
  await onFreshDatabase(async (pawl) => {
    const sync = await pawl.submit({ action: 'crm.sync_quote', input: quote })
    const post = await pawl.submit({ action: 'slack.post_update', input: { quote, update: 'sent' } })
    await Promise.all([pawl.result(sync), pawl.result(post)])
    const twice = await pawl.submit({ action: 'crm.sync_quote', input: quote })
    expect(twice).toMatchObject({ id: sync.id, replayed: true, state: 'succeeded' })
  })
  const state = await sandboxState(sandbox.addresses.url)
  expect(JSON.stringify(state)).toContain(quote.number)
}, 60_000)

test('EX-quotes REL-06c a submitted total is refused, and nothing is stored', async () => {
  const quote = await sample('./sample-quote.json')
  await onFreshDatabase(async (pawl) => {
    const answer = await pawl.trySubmit({ action: 'quote.render_pdf', input: { ...quote, totalCents: 1 } as Quote })
    expect(answer).toMatchObject({ refused: true, code: 'computed_field_submitted' })
    expect((await pawl.list()).items).toEqual([])
  })
})

test('EX-quotes REL-03 CP-008d an answer that is lost after it was applied is looked up, not repeated', async () => {
  const quote = { ...(await sample('./sample-quote-usd.json')), number: 'Q-LOST-1' }
  await askForFaults(sandbox.addresses.url, { kind: 'drop', when: 'after', route: '/api/chat.postMessage' })
  await onFreshDatabase(async (pawl) => {
    const post = await pawl.submit({ action: 'slack.post_update', input: { quote, update: 'sent' } })
    for await (const event of pawl.watch(post.id)) if (event.type === 'fail_retryable') await pawl.retry(post.id)
    const types = []
    for await (const event of pawl.watch(post.id)) types.push(event.type)
    expect(types).toContain('effect_in_doubt')
    expect(await pawl.get(post.id)).toMatchObject({ state: 'succeeded', attempt: 2 })
  })
  const posts = readRequestRecord(recordFile).filter(
    (entry) => JSON.stringify(entry).includes('chat.postMessage') && JSON.stringify(entry).includes('Q-LOST-1'),
  )
  expect(posts).toHaveLength(1)
}, 60_000)
