import { signInColumns, tokenColumns } from '../sqlite/sign-in-statements.ts'
import { insertInto } from './rows-from.ts'

const numbers = new Set(
  'created_at expires_at last_used_at revoked_at rotated_at old_until begun_at used_at expires_at'.split(' '),
)
const typed = (columns: string): string =>
  columns
    .split(', ')
    .map((name) => `${name} ${numbers.has(name) ? 'bigint' : 'text'}`)
    .join(', ')

/** Statements of tokens and of the links and sessions of browsers. */
export const signInStatements = {
  saveTokens: `${insertInto('tokens', typed(tokenColumns))}
on conflict (id) do update
set hash = excluded.hash, expires_at = excluded.expires_at, last_used_at = excluded.last_used_at, revoked_at = excluded.revoked_at, rotated_at = excluded.rotated_at, old_hash = excluded.old_hash, old_until = excluded.old_until`,

  tokens: `select ${tokenColumns}
from tokens
order by created_at, id collate "C"`,

  token: `select ${tokenColumns}
from tokens
where id = $1`,

  saveSignIns: `${insertInto('sign_ins', typed(signInColumns))}
on conflict (hash) do update
set used_at = excluded.used_at`,

  removeSignIns: `delete from sign_ins
where hash = any($1::text[])`,

  signIn: `select ${signInColumns}
from sign_ins
where hash = $1`,

  signInsOf: `select ${signInColumns}
from sign_ins
where tenant = $1
and principal = $2
order by begun_at, hash collate "C"`,

  expiredSignIns: `select ${signInColumns}
from sign_ins
where expires_at <= $1
order by expires_at, hash collate "C"
limit $2`,
} as const
