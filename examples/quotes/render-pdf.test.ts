import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { ValidationError } from '../../src/errors/failures.ts'
import { amount } from './amounts.ts'
import { pdfText } from './pdf-text.ts'
import { priceQuote } from './pricing.ts'
import { printable, unprintable } from './printable.ts'
import { type Quote, quote } from './quote.ts'
import { renderPdf } from './render-pdf.ts'
import sampleJson from './sample-quote.json' with { type: 'json' }
import sampleUsdJson from './sample-quote-usd.json' with { type: 'json' }

const sample = quote.parse(sampleJson)
const sampleUsd = quote.parse(sampleUsdJson)

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test('EX-quotes the PDF holds number, customer, every line and the total', async () => {
  for (const each of [sample, sampleUsd]) {
    const text = pdfText(await renderPdf(each))
    const priced = priceQuote(each)
    expect(text).toContain(each.number)
    expect(text).toContain(each.customer.name)
    for (const line of priced.lines) {
      expect(text).toContain(line.sku)
      expect(text.replaceAll('\n', '')).toContain(line.description)
      expect(text).toContain(amount(line.netCents))
    }
    expect(text).toContain(`${amount(priced.totalCents)} ${each.currency}`)
  }
})

test('DG-02 the same quote gives the same bytes in another process, time zone, locale and folder; another quote gives others', async () => {
  const here = sha256(await renderPdf(sample))
  expect(sha256(await renderPdf(structuredClone(sample)))).toBe(here)
  expect(sha256(await renderPdf(sampleUsd))).not.toBe(here)
  expect(sha256(await renderPdf({ ...sample, notes: 'x' }))).not.toBe(here)
  const script = `
    const [{ renderPdf }, { default: sample }, { createHash }] = await Promise.all([
      import(${JSON.stringify(new URL('render-pdf.ts', import.meta.url).href)}),
      import(${JSON.stringify(new URL('sample-quote.json', import.meta.url).href)}, { with: { type: 'json' } }),
      import('node:crypto'),
    ])
    console.log(createHash('sha256').update(await renderPdf(sample)).digest('hex'))`
  const elsewhere = ['Pacific/Kiritimati', 'America/Adak'].map(async (zone) => {
    const env = { ...process.env, TZ: zone, LANG: 'ar_EG.UTF-8', LC_ALL: 'ar_EG.UTF-8' }
    const child = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], {
      env,
      cwd: tmpdir(),
    })
    return child.stdout.trim()
  })
  expect(await Promise.all(elsewhere)).toEqual([here, here])
})

test('EX-quotes 200 lines flow over pages that repeat the head of the table and count themselves', async () => {
  const lines = Array.from({ length: 200 }, (_, index) => ({
    sku: `SKU-${index}`,
    description: `Part ${index} `.repeat((index % 5) + 1).trim(),
    quantity: index + 1,
    unitPriceCents: 1_000_003,
  }))
  const long: Quote = { ...sample, lines, notes: 'Terms apply.\n'.repeat(60) }
  const text = pdfText(await renderPdf(long))
  const pages = Number(/Page 1 of (\d+)/.exec(text)?.[1])
  expect(pages).toBeGreaterThan(5)
  expect(text).toContain(`Page ${pages} of ${pages}`)
  expect(text.match(/^Description$/gm)?.length ?? 0).toBeGreaterThan(4)
  for (const line of priceQuote(long).lines) {
    expect(text.split('\n')).toContain(line.sku)
    expect(text.split('\n')).toContain(amount(line.netCents))
  }
  expect(text).toContain(`${amount(priceQuote(long).totalCents)} EUR`)
})

test('EX-quotes the largest amounts stay on one line', async () => {
  const lines = [
    {
      sku: 'W'.repeat(64),
      description: 'W'.repeat(500),
      quantity: 1_000,
      unitPriceCents: 1_000_000_000,
      discountBasisPoints: 3_333,
    },
  ]
  const drawn = pdfText(await renderPdf({ ...sample, lines: [...lines, ...sample.lines] })).split('\n')
  expect(drawn).toContain('10,000,000.00')
  expect(drawn).toContain('6,667,000,000.00')
  expect(drawn).toContain('33.33%')
})

test('EX-quotes a text that the font cannot draw is refused by name; Latin letters keep or lose their diacritics', async () => {
  expect(printable('Łódź, Škoda, Ångström – 5 €, “naïve”', 'x')).toBe('Lódz, Škoda, Ångström – 5 €, “naïve”')
  for (const name of ['Ελλάδα', '東京', 'Привет', 'a\u200bb', '👍', 'a\u00adb']) {
    const foreign: Quote = { ...sample, customer: { ...sample.customer, name } }
    await expect(renderPdf(foreign)).rejects.toThrow(ValidationError)
    expect(unprintable(foreign)).toMatchObject({
      path: ['customer', 'name'],
      message: expect.stringContaining('customer.name'),
    })
  }
  expect(unprintable(sample)).toBeUndefined()
})
