/** The same job for everybody: about 85 bytes of input, a handler that does nothing but return. */
export interface Job {
  readonly customer: string
  readonly amount: number
  readonly currency: string
  readonly note: string
}

export function jobs(count: number, round: number): Job[] {
  return Array.from({ length: count }, (_, index) => ({
    customer: `c-${String(round).padStart(3, '0')}-${String(index).padStart(7, '0')}`,
    amount: 100 + (index % 900),
    currency: 'EUR',
    note: 'the quick brown fox jumps',
  }))
}

/** What the handler of every contender returns. */
export const receipt = { ok: true } as const
