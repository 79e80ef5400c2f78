import type { QuoteLine } from './quote.ts'

/** What one line costs. All amounts are integer cents of the quote's currency. */
export type PricedLine = {
  sku: string
  description: string
  quantity: number
  unitPriceCents: number
  discountBasisPoints: number
  grossCents: number
  discountCents: number
  netCents: number
}

/** The priced quote. `subtotalCents` is after discounts and before tax. */
export type PricedQuote = {
  lines: PricedLine[]
  discountCents: number
  subtotalCents: number
  taxCents: number
  totalCents: number
}

type Priceable = { lines: readonly QuoteLine[]; taxBasisPoints: number }

/**
 * The only source of a quote's amounts: a pure function of the lines and the tax rate.
 *
 * Rounding is half-up to a whole cent, and happens in two places only: once per line for its discount,
 * and once for the tax on the subtotal. No other step rounds, so lines always add up to the subtotal.
 */
export function priceQuote(quote: Priceable): PricedQuote {
  const lines = quote.lines.map(priceLine)
  const subtotalCents = sum(lines.map((line) => line.netCents))
  const taxCents = shareHalfUp(subtotalCents, quote.taxBasisPoints)
  return {
    lines,
    discountCents: sum(lines.map((line) => line.discountCents)),
    subtotalCents,
    taxCents,
    totalCents: sum([subtotalCents, taxCents]),
  }
}

function priceLine(line: QuoteLine): PricedLine {
  const discountBasisPoints = line.discountBasisPoints ?? 0
  const grossCents = exact(BigInt(line.quantity) * BigInt(line.unitPriceCents))
  const discountCents = shareHalfUp(grossCents, discountBasisPoints)
  return {
    sku: line.sku,
    description: line.description,
    quantity: line.quantity,
    unitPriceCents: line.unitPriceCents,
    discountBasisPoints,
    grossCents,
    discountCents,
    netCents: grossCents - discountCents,
  }
}

/** `basisPoints` of a non-negative amount, half-up: 0.5 cents become 1 cent. */
export function shareHalfUp(cents: number, basisPoints: number): number {
  return exact((BigInt(cents) * BigInt(basisPoints) + 5_000n) / 10_000n)
}

function sum(amounts: readonly number[]): number {
  return exact(amounts.reduce((total, cents) => total + BigInt(cents), 0n))
}

/** Products pass through BigInt, so an amount is either exact or refused, never silently rounded by a double. */
function exact(cents: bigint): number {
  if (cents < 0n || cents > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw new RangeError(`amount of ${cents} cents is outside what a quote can hold`)
  }
  return Number(cents)
}
