import type { KeyLookup, KeyOwner } from '../store.ts'
import type { Prepared } from './prepared.ts'

/** Who holds a key: its newest generation, or the one that is asked for. */
export function keyOwnerOf(
  prepared: Prepared,
  { tenant, action, recordOnly, key, generation }: KeyLookup,
  mayHoldArchives: boolean,
): KeyOwner | null {
  const flag = recordOnly ? 1 : 0
  const row =
    generation === null
      ? prepared.one('newestKeyOwner', tenant, action, flag, key)
      : prepared.one('keyOwner', tenant, action, flag, key, generation)
  const owner = row === undefined ? null : { id: row[0] as number, inputHash: row[1] as string }
  if (!mayHoldArchives) return owner
  const archived =
    generation === null
      ? prepared.one('newestArchivedKeyOwner', tenant, action, flag, key)
      : prepared.one('archivedKeyOwner', tenant, action, flag, key, generation)
  // A later generation may have left for the archive before an earlier one.
  if (archived === undefined || (row !== undefined && Number(row[2]) > Number(archived[2]))) return owner
  return { id: archived[0] as number, inputHash: archived[1] as string, archived: true }
}
