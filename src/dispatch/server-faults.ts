import { type Refusal, refuse } from '../errors/refusal.ts'

/** From here on every command that BullMQ uses is there; it recommends no older one. */
const versionMin = [6, 2] as const

/** What is wrong with a server for dispatch, by what it says of itself (`INFO`); null when nothing is. */
export function faultInServer(info: string): Refusal | null {
  const said = (name: string): string | undefined => new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1]?.trim()
  if (said('cluster_enabled') === '1' || said('redis_mode') === 'cluster')
    return refuse('redis_cluster', 'Redis runs in cluster mode; dispatch needs a single server.')
  const version = said('redis_version') ?? '0'
  const [major = 0, minor = 0] = version.split('.').map(Number)
  if (!(major > versionMin[0] || (major === versionMin[0] && minor >= versionMin[1])))
    return refuse('redis_too_old', `Redis is ${version}; at least ${versionMin.join('.')} is needed.`, { version })
  if (said('role') === 'slave') return refuse('redis_read_only', 'Redis takes no writes: this server is a replica.')
  const policy = said('maxmemory_policy')
  if (policy !== undefined && policy !== 'noeviction')
    return refuse('redis_evicts', `Redis has the eviction policy ${policy}; it must be noeviction.`, { policy })
  return null
}

/** A refusal where somebody has to correct user, password or rights; null where the failure may pass by itself. */
export function faultInAccess(message: string): Refusal | null {
  return /\b(?:WRONGPASS|NOAUTH|NOPERM)\b|invalid password|without any password configured/i.test(message)
    ? refuse('redis_denied', 'Redis does not let this user in, or not do what dispatch needs.')
    : null
}
