import { z } from 'zod'
import { action } from '../../src/action/action.ts'
import { orThrow } from '../../src/errors/refusal.ts'
import { canonicalize } from '../../src/json/canonical.ts'
import { sha256 } from '../../src/json/hash.ts'
import { amount } from './amounts.ts'
import { setting } from './configuration.ts'
import { findAccountByKey, upsertAccount } from './crm.ts'
import { priceQuote } from './pricing.ts'
import { unprintable } from './printable.ts'
import { computedFields, type Quote, quote, quoteNumber } from './quote.ts'
import { renderPdf } from './render-pdf.ts'
import { escapeText, findByEffectKey, findThread, postMessage, type SlackMessage } from './slack.ts'

/** Paths of the computed fields inside an input that holds a quote at `prefix`. */
function computedIn(prefix: string): string[] {
  return computedFields.flatMap((field) => [`${prefix}${field}`, `${prefix}lines.*.${field}`])
}

// The number alone is no key: a corrected quote may keep its number and is still another request.
function keyOf(number: string, input: unknown): string {
  return `${number}:${sha256(orThrow(canonicalize(input))).slice(0, 32)}`
}

/** A quote whose texts the PDF's font can draw; anything else is refused on submission, not on the third attempt. */
const printableQuote = quote.check((context) => {
  const found = context.issues.length === 0 ? unprintable(context.value) : undefined
  if (found !== undefined) context.issues.push({ code: 'custom', input: context.value, ...found })
})

/** Prices a quote and renders it as PDF. The same quote gives the same bytes, on every attempt and every machine. */
export const renderQuotePdf = action({
  name: 'quote.render_pdf',
  version: 1,
  input: printableQuote,
  output: z.object({ artifact: z.string(), sha256: z.string(), number: quoteNumber, totalCents: z.int() }),
  computed: computedIn(''),
  subject: ({ number }) => `quote:${number}`,
  idempotencyKey: (input) => keyOf(input.number, input),
  async run({ input, step, artifact, progress }) {
    const priced = await step('price', () => priceQuote(input))
    await progress({ done: 1, total: 2, message: 'priced' })
    // An artifact is recorded as a step of its own, so the bytes need no step around them.
    const stored = await artifact(`quote-${input.number}.pdf`, await renderPdf(input, priced), 'application/pdf')
    await progress({ done: 2, total: 2, message: 'rendered' })
    return { artifact: stored.name, sha256: stored.sha256, number: input.number, totalCents: priced.totalCents }
  },
})

/** Writes a quote's customer and total to the CRM, which applies it once per effect key. */
export const syncQuote = action({
  name: 'crm.sync_quote',
  version: 1,
  input: quote,
  output: z.object({ crmId: z.string(), revision: z.int(), number: quoteNumber, totalCents: z.int() }),
  computed: computedIn(''),
  subject: ({ number }) => `quote:${number}`,
  idempotencyKey: (input) => keyOf(input.number, input),
  // Two quotes of one customer write the same account, so they go one after the other.
  locks: ({ customer }) => [`crm-account:${sha256(customer.name).slice(0, 32)}`],
  secrets: ['PAWL_CRM_TOKEN'],
  async run({ input, step, effect, secrets, progress }) {
    const connection = { url: setting('PAWL_CRM_URL'), token: secrets.PAWL_CRM_TOKEN }
    const { totalCents } = await step('price', () => priceQuote(input))
    const { number, currency, customer } = input
    await progress({ done: 1, total: 2, message: 'priced' })
    const account = await effect('upsert', {
      target: 'keyed',
      do: ({ effectKey, signal }) =>
        upsertAccount(
          connection,
          { name: customer.name, addressLines: customer.addressLines, quote: { number, currency, totalCents } },
          { idempotencyKey: effectKey, signal },
        ),
      reconcile: ({ effectKey, signal }) => findAccountByKey(connection, effectKey, { signal }),
      simulate: () => ({ id: 'simulated', revision: 0 }),
    })
    await progress({ done: 2, total: 2, message: 'synced' })
    return { crmId: account.id, revision: account.revision, number, totalCents }
  },
})

/** What a message can tell; the wording and the total are ours, so that no submitter can post another total. */
const updates = {
  pdf_ready: 'the PDF is ready',
  crm_synced: 'is in the CRM',
  sent: 'was sent to the customer',
  accepted: 'was accepted',
  declined: 'was declined',
} as const

/** Posts an update to the quote's thread in Slack; the first update opens the thread. */
export const postUpdate = action({
  name: 'slack.post_update',
  version: 1,
  input: z.strictObject({
    quote,
    update: z.enum(Object.keys(updates) as (keyof typeof updates)[]),
    note: z.string().max(1_000).optional(),
  }),
  output: z.object({ channel: z.string(), ts: z.string(), threadTs: z.string().nullable() }),
  computed: computedIn('quote.'),
  subject: (input) => `quote:${input.quote.number}`,
  idempotencyKey: (input) => keyOf(input.quote.number, input),
  // Two first updates at once would open two threads.
  locks: (input) => [`slack-thread:${input.quote.number}`],
  secrets: ['PAWL_SLACK_BOT_TOKEN'],
  async run({ input, step, effect, secrets, signal, progress }): Promise<SlackMessage> {
    const connection = {
      apiUrl: setting('PAWL_SLACK_API_URL'),
      channel: setting('PAWL_SLACK_CHANNEL'),
      token: secrets.PAWL_SLACK_BOT_TOKEN,
    }
    const subject = `quote:${input.quote.number}`
    const threadTs = await step('find thread', () => findThread(connection, subject, { signal }))
    await progress({ done: 1, total: 2, message: threadTs === null ? 'opening a thread' : 'thread found' })
    const posted = await effect<SlackMessage>('post', {
      target: 'opaque',
      do: (call) =>
        postMessage(connection, { text: messageText(input), threadTs, effectKey: call.effectKey, subject }, call),
      reconcile: (call) => findByEffectKey(connection, { effectKey: call.effectKey, threadTs }, call),
      simulate: () => ({ channel: connection.channel, ts: '0.000000', threadTs }),
    })
    await progress({ done: 2, total: 2, message: 'posted' })
    return posted
  },
})

/** The actions of the example, as a server registers them. */
export const actions = [renderQuotePdf, syncQuote, postUpdate] as const

function messageText(input: { quote: Quote; update: keyof typeof updates; note?: string | undefined }): string {
  const { number, customer, currency } = input.quote
  const total = `${amount(priceQuote(input.quote).totalCents)} ${currency}`
  const first = `Quote ${number} for ${customer.name} (${total}): ${updates[input.update]}.`
  return escapeText(input.note === undefined ? first : `${first}\n${input.note}`)
}
