import { DatabaseSync } from 'node:sqlite'
import { Refused, refuse } from '../../errors/refusal.ts'
import { inPlainWords, resultCode } from './failures.ts'

/**
 * Makes this process the only owner of a database file until it releases it or dies.
 *
 * The lock is an exclusive transaction on a small file of its own, so the operating system holds it, frees it when the
 * process ends however it ends, and other connections may still read the database.
 */
export function own(path: string): { release(): void } {
  let lock: DatabaseSync | undefined
  try {
    lock = new DatabaseSync(`${path}.owner`)
    lock.exec('pragma journal_mode = off; begin exclusive')
  } catch (thrown) {
    lock?.close()
    if (resultCode(thrown) === busy) {
      throw new Refused(refuse('store_locked', `Another process owns ${path}.`, { path }))
    }
    throw inPlainWords(thrown, path)
  }
  const held = lock
  return { release: () => held.close() }
}

const busy = 5
