import type { Changes } from '../rows.ts'
import type { SignIn, Token, TokenScope } from '../sign-in.ts'
import type { Prepared } from './prepared.ts'
import type { Row } from './rows-of.ts'

type Cells = readonly (string | number | null)[]

export const tokenOf = ([id, hash, name, principal, tenant, role, scope, ...times]: Row): Token => {
  const [createdAt, expiresAt, lastUsedAt, revokedAt, rotatedAt, oldHash, oldUntil] = times
  const identity = { id, hash, name, principal, tenant, role, scope: scopeOf(scope) }
  return { ...identity, createdAt, expiresAt, lastUsedAt, revokedAt, rotatedAt, oldHash, oldUntil } as Token
}

export const signInOf = ([hash, kind, token, tenant, principal, begunAt, usedAt, expiresAt]: Row): SignIn =>
  ({ hash, kind, token, tenant, principal, begunAt, usedAt, expiresAt }) as SignIn

/** @throws SyntaxError where it is no JSON: a scope that cannot be read must not be one that narrows nothing. */
const scopeOf = (cell: Row[number] | undefined): TokenScope | null =>
  typeof cell === 'string' ? (JSON.parse(cell) as TokenScope) : null

/** In the order of the columns. */
export const tokenCells = ({ id, hash, name, principal, tenant, role, scope, ...times }: Token): Cells => {
  const { createdAt, expiresAt, lastUsedAt, revokedAt, rotatedAt, oldHash, oldUntil } = times
  const narrowed = scope === null ? null : JSON.stringify(scope)
  const ends = [createdAt, expiresAt, lastUsedAt, revokedAt, rotatedAt, oldHash, oldUntil]
  return [id, hash, name, principal, tenant, role, narrowed, ...ends]
}

export const signInCells = ({ hash, kind, token, tenant, principal, begunAt, usedAt, expiresAt }: SignIn): Cells => [
  hash,
  kind,
  token,
  tenant,
  principal,
  begunAt,
  usedAt,
  expiresAt,
]

export function saveSignIns(prepared: Prepared, { tokens, signIns }: Changes): void {
  for (const token of tokens) prepared.run('saveToken', ...tokenCells(token))
  for (const hash of signIns.remove) prepared.run('removeSignIn', hash)
  for (const signIn of signIns.save) prepared.run('saveSignIn', ...signInCells(signIn))
}
