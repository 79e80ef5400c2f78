import type { Code } from '../../errors/codes.ts'
import { Refused, refuse } from '../../errors/refusal.ts'

/** Primary result codes of SQLite (sqlite.org/rescode.html) for which there is a plain sentence. */
const plain: Readonly<Record<number, { readonly code: Code; readonly reason: string }>> = {
  5: { code: 'store_busy', reason: 'The database did not become free in time.' },
  8: { code: 'store_read_only', reason: 'The database cannot be written.' },
  11: { code: 'store_corrupt', reason: 'The database file is damaged.' },
  13: { code: 'store_full', reason: 'There is no space left for the database.' },
  14: { code: 'store_read_only', reason: 'The database file cannot be opened or created.' },
  23: { code: 'store_read_only', reason: 'Access to the database was denied.' },
  26: { code: 'store_foreign_file', reason: 'The file is not a database.' },
}

/** The result code SQLite gave, without its extension; undefined when SQLite threw nothing. */
export function resultCode(thrown: unknown): number | undefined {
  if (!(thrown instanceof Error) || !('errcode' in thrown) || typeof thrown.errcode !== 'number') return undefined
  return thrown.errcode & 0xff
}

/** A refusal where SQLite's failure has a plain cause that somebody can remove; else what was thrown. */
export function inPlainWords(thrown: unknown, path?: string): unknown {
  const known = plain[resultCode(thrown) ?? -1]
  if (known === undefined) return thrown
  const message = thrown instanceof Error ? thrown.message : ''
  const where = path === undefined ? '' : ` (${path})`
  const refused = new Refused(refuse(known.code, `${known.reason}${where}`, { message }))
  refused.cause = thrown
  return refused
}
