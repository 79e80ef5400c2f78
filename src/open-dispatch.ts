import type { Dispatch } from './dispatch/dispatch.ts'
import { Refused, refuse } from './errors/refusal.ts'

/**
 * Dispatch as the configuration asks for it; undefined where it does not. Its driver is installed by whoever uses it, and
 * read only then.
 *
 * @throws Refused `redis_driver_missing`, `bad_configuration`
 */
export async function dispatchOf(redisUrl: string | undefined): Promise<Dispatch | undefined> {
  if (redisUrl === undefined) return undefined
  const { bullmq } = await import('./bullmq.ts').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error
    throw new Refused(refuse('redis_driver_missing', 'The packages bullmq and ioredis are not installed.'))
  })
  return bullmq({ url: redisUrl })
}
