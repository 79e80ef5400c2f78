/** What parked work waits for, as the text of its key: one index holds all of them. */

/** A permit of this key; the tenant is empty for one that all share. */
export const lockKey = (tenant: string, key: string): string => `lock:${JSON.stringify([tenant, key])}`

/** A share of this rate. */
export const rateKey = (tenant: string, key: string): string => `rate:${JSON.stringify([tenant, key])}`

export interface Place {
  readonly tenant: string
  readonly key: string
}

export const readLockKey = (text: string): Place | null => read('lock:', text)
export const readRateKey = (text: string): Place | null => read('rate:', text)

export function isPlaceOf(text: string): 'lock' | 'rate' | 'pause' {
  return text.startsWith('lock:') ? 'lock' : text.startsWith('rate:') ? 'rate' : 'pause'
}

function read(prefix: string, text: string): Place | null {
  if (!text.startsWith(prefix)) return null
  const [tenant, key] = JSON.parse(text.slice(prefix.length)) as [string, string]
  return { tenant, key }
}
