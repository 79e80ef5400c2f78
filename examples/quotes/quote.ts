import { z } from 'zod'
import { priceQuote } from './pricing.ts'

/** Amounts that `priceQuote` computes. Whoever sends one of them is refused: a total is never taken on trust. */
export const computedFields = [
  'total',
  'totalCents',
  'subtotal',
  'subtotalCents',
  'tax',
  'taxCents',
  'discountCents',
  'grossCents',
  'netCents',
] as const

/** Currencies whose minor unit is one hundredth, because every amount of a quote is in cents. */
export const currencies = [
  'AUD',
  'CAD',
  'CHF',
  'CZK',
  'DKK',
  'EUR',
  'GBP',
  'NOK',
  'NZD',
  'PLN',
  'SEK',
  'SGD',
  'USD',
] as const

/** Upper bounds of a quote. Ten billion in total keeps every amount far inside exact integers. */
export const quoteBounds = {
  linesMax: 500,
  quantityMax: 1_000_000,
  unitPriceCentsMax: 1_000_000_000,
  totalCentsMax: 1_000_000_000_000,
  addressLinesMax: 6,
  notesCharactersMax: 2_000,
} as const

const computed = new Set<string>(computedFields)

/** Says of a computed field why it is refused, and of any other unknown field that it is unknown. */
function refuseUnknown(issue: { code?: string | undefined; keys?: unknown }): string | undefined {
  if (issue.code !== 'unrecognized_keys' || !Array.isArray(issue.keys)) return undefined
  const keys = issue.keys.map(String)
  const totals = keys.filter((key) => computed.has(key))
  if (totals.length > 0) return `${totals.join(', ')}: computed from the lines and never accepted; leave it out`
  return `unknown field ${keys.join(', ')}`
}

function text(charactersMax: number) {
  return z
    .string()
    .max(charactersMax)
    .refine((value) => value.trim().length > 0, 'must not be blank')
    .refine(
      (value) => value.isWellFormed() && !/\p{Cc}/u.test(value),
      'must not hold control characters or lone surrogates',
    )
}

export const quoteLine = z.strictObject(
  {
    sku: text(64),
    description: text(500),
    quantity: z.int().min(1).max(quoteBounds.quantityMax),
    unitPriceCents: z.int().min(0).max(quoteBounds.unitPriceCentsMax),
    discountBasisPoints: z.int().min(0).max(10_000).optional(),
  },
  { error: refuseUnknown },
)

/** Letters, digits, dots and hyphens: the number is part of keys, subjects and file names. */
export const quoteNumber = z
  .string()
  .regex(
    /^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,38}[A-Za-z0-9])?$/,
    'letters, digits, dots and hyphens, at most 40, such as Q-2041',
  )
  .refine((value) => !value.includes('..'), 'must not hold two dots in a row')

/** A quote as its author writes it: what is sold, to whom, at which price. No total is part of it. */
export const quote = z
  .strictObject(
    {
      number: quoteNumber,
      currency: z.enum(currencies),
      issuedOn: z.iso.date().refine((day) => day >= '1970-01-01', 'must not lie before 1970-01-01'),
      customer: z.strictObject(
        { name: text(200), addressLines: z.array(text(200)).min(1).max(quoteBounds.addressLinesMax) },
        { error: refuseUnknown },
      ),
      lines: z.array(quoteLine).min(1).max(quoteBounds.linesMax),
      taxBasisPoints: z.int().min(0).max(10_000),
      notes: z
        .string()
        .max(quoteBounds.notesCharactersMax)
        .refine(
          (value) => value.isWellFormed() && !/[^\P{Cc}\n]/u.test(value),
          'may hold line feeds, but no other control characters',
        )
        .optional(),
    },
    { error: refuseUnknown },
  )
  .check((context) => {
    // What already broke a bound is not priced: pricing counts on the bounds.
    if (context.issues.length > 0 || priceQuote(context.value).totalCents <= quoteBounds.totalCentsMax) return
    context.issues.push({
      code: 'custom',
      path: ['lines'],
      message: 'the total is above ten billion',
      input: context.value.lines,
    })
  })

export type Quote = z.infer<typeof quote>
export type QuoteLine = z.infer<typeof quoteLine>
