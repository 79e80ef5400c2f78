import type { StoreHost } from './commit/host.ts'
import { isPostgresAddress, storePath } from './config/store-address.ts'
import { Refused, refuse } from './errors/refusal.ts'
import { sqlite } from './sqlite.ts'
import type { Clock } from './time/clock.ts'

/**
 * Opens the store at an address. The driver of PostgreSQL is installed by whoever uses it, and read only then.
 *
 * @throws Refused `postgres_driver_missing`, and what `sqlite` and `postgres` refuse
 */
export async function openStore(address: string, clock: Clock | undefined): Promise<StoreHost> {
  if (!isPostgresAddress(address)) return sqlite({ path: storePath(address) ?? '', clock })
  const { postgres } = await import('./postgres.ts').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Refused(refuse('postgres_driver_missing', 'The package pg is not installed.'))
  })
  return postgres({ url: address, clock })
}
