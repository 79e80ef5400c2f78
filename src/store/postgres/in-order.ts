import type { Row } from '../sqlite/rows-of.ts'

/** Rows that are named by their first column, in the order of the keys that were asked for. */
export function inOrderOf(keys: readonly number[], rows: readonly Row[]): readonly Row[] {
  const byKey = new Map<number, Row[]>()
  for (const row of rows) {
    const known = byKey.get(row[0] as number)
    if (known === undefined) byKey.set(row[0] as number, [row])
    else known.push(row)
  }
  return keys.flatMap((key) => byKey.get(key) ?? [])
}
