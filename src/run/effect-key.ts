import { sha256 } from '../json/hash.ts'

/** The same over all attempts and redrives of one effect; another for a rerun, which is another execution. */
export function effectKey(tenant: string, executionId: string, step: string, name: string, ordinal: number): string {
  // An array of strings and a whole number: its JSON is canonical already.
  return sha256(JSON.stringify([tenant, executionId, step, name, ordinal]))
}
