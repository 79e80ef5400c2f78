import type { Row } from '../sqlite/rows-of.ts'
import type { KeyLookup, KeyOwner } from '../store.ts'
import type { Value } from './connection.ts'
import type { StatementName } from './statements.ts'

/** Who holds keys, one answer for each lookup; where nothing was ever archived, a new key costs no second question. */
export async function keyOwners(
  all: (name: StatementName, ...values: Value[]) => Promise<readonly Row[]>,
  lookups: readonly KeyLookup[],
  holdsArchives: boolean,
): Promise<readonly (KeyOwner | null)[]> {
  const arrays = [
    lookups.map(({ tenant }) => tenant),
    lookups.map(({ action }) => action),
    lookups.map(({ recordOnly }) => (recordOnly ? 1 : 0)),
    lookups.map(({ key }) => key),
    lookups.map(({ generation }) => generation),
  ]
  const [held, away] = await Promise.all([
    all('keyOwners', ...arrays),
    holdsArchives ? all('archivedKeyOwners', ...arrays) : [],
  ])
  const byPlace = (rows: readonly Row[]) => new Map(rows.map((row) => [row[0] as number, row]))
  const [living, archived] = [byPlace(held), byPlace(away)]
  return lookups.map((_, index) => ownerOf(living.get(index + 1), archived.get(index + 1)))
}

/** A later generation may have left for the archive before an earlier one. */
function ownerOf(living: Row | undefined, archived: Row | undefined): KeyOwner | null {
  if (archived !== undefined && (living === undefined || Number(living[3]) <= Number(archived[3])))
    return { id: archived[1] as number, inputHash: archived[2] as string, archived: true }
  return living === undefined ? null : { id: living[1] as number, inputHash: living[2] as string }
}
