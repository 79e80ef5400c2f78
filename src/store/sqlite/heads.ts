import type { Prepared } from './prepared.ts'
import type { Row } from './rows-of.ts'

/** The first entries of every rank behind one, from rank to rank by a seek each, however many entries a rank has. */
export function headsOf(
  prepared: Prepared,
  next: 'nextReadyRank' | 'nextParkedRank',
  ofRank: 'readyOfRank' | 'parkedOfRank',
  of: number | string,
  behind: number,
  each: number,
): readonly Row[] {
  const heads: Row[] = []
  let row = prepared.one(next, of, behind)
  for (; row !== undefined; row = prepared.one(next, of, row[0] as number)) {
    const found = prepared.all(ofRank, of, row[0] as number, each)
    if (found.length === 0) break
    heads.push(...found)
  }
  return heads
}

/** A turn that nothing due lies before. */
export function virtualTimeOf(prepared: Prepared, queue: number, rank: number): number {
  const first = prepared.one('firstTurn', queue, rank)
  if (first !== undefined) return (first[0] as number) - 1
  return (prepared.one('newestTurn', queue, rank)?.[0] ?? 0) as number
}
