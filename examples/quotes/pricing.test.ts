import fc from 'fast-check'
import { expect, test } from 'vitest'
import { amount, percent } from './amounts.ts'
import { priceQuote, shareHalfUp } from './pricing.ts'
import { quoteBounds } from './quote.ts'
import sample from './sample-quote.json' with { type: 'json' }
import sampleUsd from './sample-quote-usd.json' with { type: 'json' }

test('EX-quotes the samples cost what was worked out by hand', () => {
  expect(priceQuote(sample)).toMatchObject({
    discountCents: 6_705,
    subtotalCents: 664_635,
    taxCents: 126_281,
    totalCents: 790_916,
  })
  expect(priceQuote(sample).lines.map((line) => line.netCents)).toEqual([293_940, 82_695, 288_000])
  expect(priceQuote(sampleUsd)).toMatchObject({
    discountCents: 36_317,
    subtotalCents: 556_763,
    taxCents: 38_305,
    totalCents: 595_068,
  })
})

test('REL-06c half a cent is rounded up, less is rounded down', () => {
  expect([49, 50, 51, 149, 150].map((cents) => shareHalfUp(cents, 100))).toEqual([0, 1, 1, 1, 2])
  expect(shareHalfUp(1, 4_999)).toBe(0)
  expect(shareHalfUp(1, 5_000)).toBe(1)
})

const line = fc.record(
  {
    sku: fc.constant('S'),
    description: fc.constant('d'),
    quantity: fc.integer({ min: 1, max: quoteBounds.quantityMax }),
    unitPriceCents: fc.integer({ min: 0, max: 1_000_000 }),
    discountBasisPoints: fc.integer({ min: 0, max: 10_000 }),
  },
  { requiredKeys: ['sku', 'description', 'quantity', 'unitPriceCents'] },
)
const priceable = fc.record({
  lines: fc.array(line, { minLength: 1, maxLength: 40 }),
  taxBasisPoints: fc.integer({ min: 0, max: 10_000 }),
})

test('REL-06c lines add up to the subtotal, and subtotal and tax to the total, in exact non-negative integers', () => {
  fc.assert(
    fc.property(priceable, (quote) => {
      const priced = priceQuote(quote)
      const nets = priced.lines.map((each) => each.netCents)
      expect(nets.reduce((a, b) => a + b, 0)).toBe(priced.subtotalCents)
      expect(priced.subtotalCents + priced.taxCents).toBe(priced.totalCents)
      for (const cents of [...nets, priced.taxCents, priced.totalCents]) {
        expect(Number.isSafeInteger(cents) && cents >= 0).toBe(true)
      }
      for (const each of priced.lines) expect(each.grossCents - each.discountCents).toBe(each.netCents)
    }),
    { seed: 20_411, numRuns: 300 },
  )
})

test('REL-06c the order of lines does not change a total, and no rounding is off by more than half a cent', () => {
  fc.assert(
    fc.property(
      priceable,
      fc.integer({ min: 0, max: 1_000_000_000 }),
      fc.integer({ min: 0, max: 10_000 }),
      (quote, cents, rate) => {
        expect(priceQuote({ ...quote, lines: quote.lines.toReversed() }).totalCents).toBe(priceQuote(quote).totalCents)
        const twiceTheError = 2n * (BigInt(shareHalfUp(cents, rate)) * 10_000n - BigInt(cents) * BigInt(rate))
        expect(twiceTheError > -10_000n && twiceTheError <= 10_000n).toBe(true)
      },
    ),
    { seed: 20_412, numRuns: 300 },
  )
})

test('amounts beyond exact integers are refused, never rounded', () => {
  const lines = [{ sku: 'S', description: 'd', quantity: 1e9, unitPriceCents: 1e9 }]
  expect(() => priceQuote({ lines, taxBasisPoints: 0 })).toThrow(RangeError)
})

test('amounts and percentages print the same whatever the locale', () => {
  expect([0, 5, 123, 99_999, 123_456_789].map(amount)).toEqual(['0.00', '0.05', '1.23', '999.99', '1,234,567.89'])
  expect([0, 50, 688, 750, 1_900, 10_000].map(percent)).toEqual(['0%', '0.5%', '6.88%', '7.5%', '19%', '100%'])
})
