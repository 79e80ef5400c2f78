import { isRefusal, type Refusal } from '../errors/refusal.ts'
import { mayHandOn } from '../rights/decide-right.ts'
import type { Rights } from '../rights/rights.ts'
import type { TokenScope } from '../store/sign-in.ts'
import type { Command, CommandContext, Identity } from './command.ts'
import { may, permissions } from './permissions.ts'

type Input = Readonly<Record<string, unknown>>

/** Rights that make rights: whoever holds a text that was replaced must not get new ones with it. */
const making = /^(?:token|session)\./

/**
 * Whether the token of the caller, as far as it is narrowed, lets them use a command; null when it does, else why not.
 * A role decides first: a scope only takes away.
 */
export async function outOfScope(
  { permission }: Command,
  input: Input,
  { caller, plane }: Pick<CommandContext, 'caller' | 'plane'>,
): Promise<string | Refusal | null> {
  const { scope, isOldText } = caller
  if (isOldText === true && making.test(permission)) return 'its text was replaced by a new one'
  if (scope === undefined) return null
  if (scope.permissions !== undefined && !scope.permissions.includes(permission)) return 'it is narrowed to others'
  if (scope.actions === undefined) return null
  const named = actionsOf(input)
  if (named !== null) return named.every((action) => scope.actions?.includes(action)) ? null : 'it is for other actions'
  // What names neither an action nor an execution reaches further than the token may.
  if (typeof input.id !== 'string') return 'it is for some actions only'
  const found = await plane.find(input.id, caller)
  if (isRefusal(found)) return found
  return scope.actions.includes(found.request.action) ? null : 'it is for other actions'
}

/** Whether everything that a new token could do, its maker can do, too, by what he was granted and by his own token. */
export function mayMake(
  rights: Rights,
  maker: Identity,
  wanted: { readonly role: string; readonly scope: TokenScope | null },
  now: number,
): boolean {
  const { actions } = maker.scope ?? {}
  const wantedActions = wanted.scope?.actions ?? null
  if (actions !== undefined && !(wantedActions?.every((each) => actions.includes(each)) ?? false)) return false
  const narrowing = { actions: wantedActions, subjects: null, levelMax: null }
  return permissions.every((permission) => {
    const isWanted = wanted.scope?.permissions?.includes(permission) ?? true
    const reach = isWanted ? may(wanted.role, permission) : 'none'
    if (reach === 'none') return true
    if (maker.scope?.permissions?.includes(permission) === false) return false
    return mayHandOn(rights, { ...maker, now }, { permission, reach, narrowing })
  })
}

/** The actions that a checked input names; null when it names none. */
function actionsOf(input: Input): readonly string[] | null {
  if (typeof input.action === 'string') return [input.action]
  if (!Array.isArray(input.executions)) return null
  return input.executions.map((each: { readonly action: string }) => each.action)
}
