import { noChanges } from '../store/no-changes.ts'
import { type UndecodableRow, UndecodableRows } from '../store/quarantine.ts'
import type { Awaitable, StoreSession } from '../store/store.ts'
import type { Clock } from '../time/clock.ts'
import { type Quarantine, QuarantineChanges } from './quarantine.ts'

interface Around {
  readonly session: StoreSession
  readonly clock: Clock
}

/**
 * Writes rows that cannot be read into quarantine, in a commit of their own: the batch that met them is begun anew.
 *
 * @returns whether there was anything new among them
 */
export async function setAside(
  { session, clock }: Around,
  quarantine: Quarantine,
  rows: readonly UndecodableRow[],
): Promise<boolean> {
  const news = quarantine.news(rows)
  if (news.length === 0) return false
  const changes = new QuarantineChanges()
  changes.add(news, clock.now())
  await session.begin()
  try {
    await session.write({ ...noChanges, ...changes.changes() })
    await session.commit()
  } catch (error) {
    await session.rollback()
    throw error
  }
  quarantine.remember(await session.quarantine())
  return true
}

/** Reads outside of every batch, around what cannot be read. */
export async function aroundUndecodable<T>(
  options: Around,
  quarantine: Quarantine,
  read: () => Awaitable<T>,
): Promise<T> {
  try {
    return await read()
  } catch (error) {
    if (!(error instanceof UndecodableRows) || !(await setAside(options, quarantine, error.rows))) throw error
    return await read()
  }
}
