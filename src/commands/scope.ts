import { isRefusal, type Refusal } from '../errors/refusal.ts'
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

/** Whether everything that a new token could do, its maker can do, too. */
export function covers(
  maker: Pick<Identity, 'role' | 'scope'>,
  wanted: { role: string; scope: TokenScope | null },
): boolean {
  const order = { none: 0, own: 1, any: 2 } as const
  const allowed = (each: string): boolean => maker.scope?.permissions?.includes(each) ?? true
  const wants = (each: string): boolean => wanted.scope?.permissions?.includes(each) ?? true
  const { actions } = maker.scope ?? {}
  if (actions !== undefined && !(wanted.scope?.actions?.every((each) => actions.includes(each)) ?? false)) return false
  return permissions.every((each) => {
    const reach = wants(each) ? may(wanted.role, each) : 'none'
    return reach === 'none' || (allowed(each) && order[may(maker.role, each)] >= order[reach])
  })
}

/** The actions that a checked input names; null when it names none. */
function actionsOf(input: Input): readonly string[] | null {
  if (typeof input.action === 'string') return [input.action]
  if (!Array.isArray(input.executions)) return null
  return input.executions.map((each: { readonly action: string }) => each.action)
}
