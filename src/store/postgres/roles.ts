import { Refused, refuse } from '../../errors/refusal.ts'
import type { Connection } from './connection.ts'
import { inPlainWords } from './failures.ts'

/** Decides and writes: claims, batches, sweeps, of all tenants. */
export const engineRole = 'pawl_engine'
/** Reads for people, one tenant for each transaction. */
export const apiRole = 'pawl_api'

const names = [engineRole, apiRole] as const

/** Conditions of PostgreSQL: not allowed, no such role, made by somebody else meanwhile. */
const refused = /^(42501|22023|42704|0LP01)$/
const isThere = /^(42710|23505)$/

/**
 * Makes the roles where they are missing and takes the connecting user into them. Roles belong to the whole cluster, so
 * that several databases share them; what they may do belongs to each database.
 *
 * @throws Refused `store_roles_missing`
 */
export async function ensureRoles(connection: Connection): Promise<void> {
  for (const name of names) {
    const [found] = await connection.query('select 1 from pg_roles where rolname = $1', name)
    if (found === undefined) await attempt(connection, `create role ${name} nologin`)
    const [member] = await connection.query(`select pg_has_role(current_user, $1, 'usage')`, name)
    if (member?.[0] !== true) await attempt(connection, `grant ${name} to current_user`)
  }
}

/**
 * Tries both roles as each transaction will.
 *
 * @throws Refused `store_roles_missing`
 */
export async function refuseMissingRoles(connection: Connection): Promise<void> {
  for (const name of names) {
    await connection.command('begin')
    try {
      await connection.query(`select set_config('role', $1, true)`, name)
    } catch (thrown) {
      throw (await missing(connection, thrown)) ?? thrown
    } finally {
      await connection.command('rollback')
    }
  }
}

async function attempt(connection: Connection, text: string): Promise<void> {
  try {
    await connection.command(text)
  } catch (thrown) {
    if (isThere.test(codeOf(thrown))) return
    throw (await missing(connection, thrown)) ?? thrown
  }
}

const codeOf = (thrown: unknown): string => {
  const cause = thrown instanceof Error && thrown.cause instanceof Error ? thrown.cause : thrown
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}

/** With the words that an administrator can run as they stand. */
async function missing(connection: Connection, thrown: unknown): Promise<unknown> {
  if (!refused.test(codeOf(thrown))) return inPlainWords(thrown)
  const [row] = await connection.query('select quote_ident(session_user)').catch(() => [])
  const user = typeof row?.[0] === 'string' ? row[0] : 'the user of PAWL_STORE'
  const refusal = new Refused(
    refuse(
      'store_roles_missing',
      `The user ${user} cannot act as the roles ${names.join(' and ')}.`,
      { user },
      `As an administrator of the server run once: ${names.map((name) => `create role ${name} nologin;`).join(' ')} grant ${names.join(', ')} to ${user};`,
    ),
  )
  refusal.cause = thrown
  return refusal
}
