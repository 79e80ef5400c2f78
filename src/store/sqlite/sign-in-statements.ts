export const tokenColumns =
  'id, hash, name, principal, tenant, role, scope, created_at, expires_at, last_used_at, revoked_at, rotated_at, old_hash, old_until'
export const signInColumns = 'hash, kind, token, tenant, principal, begun_at, used_at, expires_at'

/** Statements of tokens and of the links and sessions of browsers. */
export const signInStatements = {
  saveToken: `insert into tokens (${tokenColumns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14)
on conflict (id) do update
set hash = excluded.hash, expires_at = excluded.expires_at, last_used_at = excluded.last_used_at, revoked_at = excluded.revoked_at, rotated_at = excluded.rotated_at, old_hash = excluded.old_hash, old_until = excluded.old_until`,

  tokens: `select ${tokenColumns}
from tokens
order by created_at, id`,

  token: `select ${tokenColumns}
from tokens
where id = ?1`,

  saveSignIn: `insert into sign_ins (${signInColumns})
values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
on conflict (hash) do update
set used_at = excluded.used_at`,

  removeSignIn: `delete from sign_ins
where hash = ?1`,

  signIn: `select ${signInColumns}
from sign_ins
where hash = ?1`,

  signInsOf: `select ${signInColumns}
from sign_ins
where tenant = ?1
and principal = ?2
order by begun_at, hash`,

  expiredSignIns: `select ${signInColumns}
from sign_ins
where expires_at <= ?1
order by expires_at, hash
limit ?2`,
} as const
