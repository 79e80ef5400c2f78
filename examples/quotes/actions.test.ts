import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, expectTypeOf, test, vi } from 'vitest'
import type { AnyAction, EffectSpec, InputOf, OutputOf, RunContext } from '../../src/action/action.ts'
import { refuseComputed } from '../../src/action/computed.ts'
import { validate } from '../../src/action/schema.ts'
import { NotApplied } from '../../src/errors/failures.ts'
import { actions, postUpdate, renderQuotePdf, syncQuote } from './actions.ts'
import { pdfText } from './pdf-text.ts'
import { computedFields, type Quote, quote } from './quote.ts'
import sampleJson from './sample-quote.json' with { type: 'json' }
import { askForFaults, sandboxEnvironment, sandboxState } from './sandbox/process.ts'
import { type Sandbox, startSandbox } from './sandbox/server.ts'

const sample = quote.parse(sampleJson)
let sandbox: Sandbox

beforeEach(async () => {
  sandbox = await startSandbox()
  for (const [name, value] of Object.entries(sandboxEnvironment(sandbox.addresses))) vi.stubEnv(name, value)
})
afterEach(async () => {
  vi.unstubAllEnvs()
  await sandbox.close()
})

/** The journal and ledger of one execution, kept over attempts: enough of an engine to run an action by hand. */
class Attempts {
  readonly journal = new Map<string, unknown>()
  readonly files = new Map<string, Uint8Array>()
  readonly messages: unknown[] = []
  inDoubt = false

  context<Input, SecretName extends string>(
    input: Input,
    secrets: Record<SecretName, string>,
  ): RunContext<Input, SecretName> {
    const { signal } = new AbortController()
    const call = { effectKey: 'effect-1', fence: 1, signal }
    const once = async <T>(name: string, fn: () => T | Promise<T>): Promise<T> => {
      if (!this.journal.has(name)) this.journal.set(name, JSON.parse(JSON.stringify(await fn())))
      return this.journal.get(name) as T
    }
    return {
      input,
      secrets,
      signal,
      executionId: 'e',
      tenant: 't',
      subject: null,
      traceId: 'x',
      attempt: 1,
      fence: 1,
      recordOnly: false,
      step: once,
      effect: <T>(name: string, spec: EffectSpec<T>) => once(name, () => this.perform(spec, call)),
      sleep: async () => {},
      waitForSignal: async () => null,
      child: () => Promise.reject(new Error('no children here')),
      transaction: () => Promise.reject(new Error('no database here')),
      progress: (progress) => void this.messages.push(progress),
      artifact: async (name, bytes, mediaType) => {
        const content = Buffer.from(bytes as Uint8Array)
        this.files.set(name, content)
        return {
          name,
          sha256: createHash('sha256').update(content).digest('hex'),
          bytes: content.length,
          mediaType,
          path: `/tmp/${name}`,
        }
      },
      log: () => {},
      random: () => 0,
      uuid: () => '',
      now: () => 0,
      clock: () => 0,
    }
  }

  async perform<T>(spec: EffectSpec<T>, call: { effectKey: string; fence: number; signal: AbortSignal }): Promise<T> {
    const known = this.inDoubt ? await spec.reconcile?.(call) : undefined
    if (known !== null && known !== undefined) return known
    try {
      return await spec.do(call)
    } catch (thrown) {
      this.inDoubt = !(thrown instanceof NotApplied)
      throw thrown
    }
  }
}

const crmSecrets = () => ({ PAWL_CRM_TOKEN: sandbox.addresses.crmToken })
const slackSecrets = () => ({ PAWL_SLACK_BOT_TOKEN: sandbox.addresses.slackBotToken })

test('EX-quotes the actions are typed from end to end', () => {
  expectTypeOf<InputOf<typeof renderQuotePdf>>().toEqualTypeOf<Quote>()
  expectTypeOf<OutputOf<typeof syncQuote>>().toEqualTypeOf<{
    crmId: string
    revision: number
    number: string
    totalCents: number
  }>()
  const erased: readonly AnyAction[] = actions
  expect(erased.map((each) => each.name)).toEqual(['quote.render_pdf', 'crm.sync_quote', 'slack.post_update'])
  expect(renderQuotePdf.subject?.(sample)).toBe('quote:Q-2041')
})

test('EX-quotes rendering gives the PDF with its total, the same on a second attempt', async () => {
  const first = new Attempts()
  const result = await renderQuotePdf.run(first.context(sample, {}))
  expect(result).toMatchObject({ artifact: 'quote-Q-2041.pdf', number: 'Q-2041', totalCents: 790_916 })
  expect(pdfText(first.files.get('quote-Q-2041.pdf') ?? new Uint8Array())).toContain('7,909.16 EUR')
  expect(await renderQuotePdf.run(new Attempts().context(sample, {}))).toEqual(result)
  expect([...first.journal.keys()]).toEqual(['price'])
})

test('CP-008d a sync whose answer was lost is reconciled, and the CRM is written once', async () => {
  await askForFaults(sandbox.addresses.url, { kind: 'drop', when: 'after', route: '*' })
  const attempts = new Attempts()
  await expect(syncQuote.run(attempts.context(sample, crmSecrets()))).rejects.toMatchObject({
    errorClass: 'NetworkError',
  })
  expect(attempts.inDoubt).toBe(true)
  const result = await syncQuote.run(attempts.context(sample, crmSecrets()))
  const { accounts } = await sandboxState(sandbox.addresses.url)
  expect(accounts).toMatchObject([{ id: result.crmId, revision: 1, quote: { number: 'Q-2041', totalCents: 790_916 } }])
})

test('CP-008d a message whose answer was lost is found again and posted once; the next update joins its thread', async () => {
  await askForFaults(sandbox.addresses.url, { kind: 'drop', when: 'after', route: '/api/chat.postMessage' })
  const attempts = new Attempts()
  const input = {
    quote: { ...sample, customer: { ...sample.customer, name: '<!channel> Ltd' } },
    update: 'pdf_ready' as const,
  }
  await expect(postUpdate.run(attempts.context(input, slackSecrets()))).rejects.toMatchObject({
    errorClass: 'NetworkError',
  })
  const first = await postUpdate.run(attempts.context(input, slackSecrets()))
  const second = await postUpdate.run(
    new Attempts().context({ ...input, update: 'crm_synced' as const }, slackSecrets()),
  )
  expect([first.threadTs, second.threadTs]).toEqual([null, first.ts])
  const { messages } = await sandboxState(sandbox.addresses.url)
  expect(messages.map((message) => message.text)).toEqual([
    'Quote Q-2041 for &lt;!channel&gt; Ltd (7,909.16 EUR): the PDF is ready.',
    'Quote Q-2041 for &lt;!channel&gt; Ltd (7,909.16 EUR): is in the CRM.',
  ])
})

test('EX-quotes a missing setting fails before any effect is intended, and names itself', async () => {
  vi.stubEnv('PAWL_CRM_URL', '')
  const attempts = new Attempts()
  await expect(syncQuote.run(attempts.context(sample, crmSecrets()))).rejects.toMatchObject({
    errorClass: 'ValidationError',
    message: expect.stringContaining('PAWL_CRM_URL'),
  })
  expect(attempts.inDoubt).toBe(false)
  vi.stubEnv('PAWL_CRM_URL', 'ftp://x')
  await expect(syncQuote.run(new Attempts().context(sample, crmSecrets()))).rejects.toThrow(/http/)
})

test.each(computedFields)('REL-06c a submitted %s is refused by every action, on the quote and on a line', (field) => {
  const [line] = sample.lines
  for (const forged of [
    { ...sample, [field]: 1 },
    { ...sample, lines: [line, { ...line, [field]: null }] },
  ]) {
    expect(refuseComputed(renderQuotePdf, forged)?.code).toBe('computed_field_submitted')
    expect(refuseComputed(syncQuote, forged)?.code).toBe('computed_field_submitted')
    expect(refuseComputed(postUpdate, { quote: forged, update: 'sent' })?.code).toBe('computed_field_submitted')
  }
  expect(refuseComputed(renderQuotePdf, sample)).toBeUndefined()
})

test('EX-quotes a quote that cannot be printed is refused on submission, and may still be synced', () => {
  const foreign = { ...sample, customer: { ...sample.customer, name: '東京' } }
  expect(validate(renderQuotePdf.input, foreign)).toMatchObject({
    code: 'invalid_input',
    reason: expect.stringContaining('U+6771'),
  })
  expect(validate(syncQuote.input, foreign)).toEqual({ value: foreign })
})

test('EX-quotes the same quote has the same key, a changed quote under the same number another one', () => {
  const key = renderQuotePdf.idempotencyKey?.(sample)
  expect(renderQuotePdf.idempotencyKey?.(quote.parse(JSON.parse(JSON.stringify(sample))))).toBe(key)
  expect(renderQuotePdf.idempotencyKey?.({ ...sample, notes: 'changed' })).not.toBe(key)
})
