import { expect, test } from 'vitest'
import { computedFields, quote } from './quote.ts'
import sample from './sample-quote.json' with { type: 'json' }
import sampleUsd from './sample-quote-usd.json' with { type: 'json' }

function messages(value: unknown): string {
  return JSON.stringify(quote.safeParse(value).error?.issues ?? null)
}

test('EX-quotes the sample quotes are valid', () => {
  expect(quote.parse(sample)).toEqual(sample)
  expect(quote.parse(sampleUsd)).toEqual(sampleUsd)
})

test.each(computedFields)(
  'REL-06c a submitted %s is refused on the quote and on a line, even when it is right',
  (field) => {
    expect(messages({ ...sample, [field]: 790_916 })).toContain(`${field}: computed from the lines and never accepted`)
    expect(messages({ ...sample, lines: [{ ...sample.lines[0], [field]: 1 }] })).toContain(
      `${field}: computed from the lines and never accepted`,
    )
  },
)

test.each([
  ['an unknown field', { ...sample, discount: 5 }, 'unknown field discount'],
  ['no line', { ...sample, lines: [] }, 'lines'],
  ['half a unit', { ...sample, lines: [{ ...sample.lines[0], quantity: 0.5 }] }, 'quantity'],
  ['a negative price', { ...sample, lines: [{ ...sample.lines[0], unitPriceCents: -1 }] }, 'unitPriceCents'],
  [
    'a price that is not finite',
    { ...sample, lines: [{ ...sample.lines[0], unitPriceCents: Number.NaN }] },
    'unitPriceCents',
  ],
  [
    'a discount above all',
    { ...sample, lines: [{ ...sample.lines[0], discountBasisPoints: 10_001 }] },
    'discountBasisPoints',
  ],
  ['a day that does not exist', { ...sample, issuedOn: '2026-02-30' }, 'issuedOn'],
  ['a currency without cents', { ...sample, currency: 'JPY' }, 'currency'],
  ['a path as number', { ...sample, number: '../../etc' }, 'number'],
  ['a line feed in a name', { ...sample, customer: { ...sample.customer, name: 'a\nb' } }, 'control characters'],
  ['a lone surrogate', { ...sample, notes: '\ud800' }, 'control characters'],
  ['501 lines', { ...sample, lines: Array.from({ length: 501 }, () => sample.lines[0]) }, 'lines'],
  [
    'a total above ten billion',
    { ...sample, lines: [{ ...sample.lines[0], quantity: 1_000_000, unitPriceCents: 1_000_000_000 }] },
    'ten billion',
  ],
])('%s is refused', (_what, value, part) => {
  expect(messages(value)).toContain(part)
})
