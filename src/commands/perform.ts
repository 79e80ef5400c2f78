import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import type { Command, CommandContext } from './command.ts'
import { parseInput } from './fields.ts'
import { may } from './permissions.ts'
import { outOfScope } from './scope.ts'

/** Runs a command for a caller: first whether they may, then whether the input fits, then the command itself. */
export async function perform(command: Command, input: unknown, context: CommandContext): Promise<unknown | Refusal> {
  const reach = may(context.caller.role, command.permission)
  if (reach === 'none') return deny(command, context, executionIdOf(input))
  const parsed = parseInput(command.input, input)
  if (isRefusal(parsed)) return parsed
  const outside = await outOfScope(command, parsed, context)
  if (isRefusal(outside)) return outside
  if (outside !== null) return deny(command, context, executionIdOf(parsed), outside)
  if (reach === 'own') {
    const executionId = executionIdOf(parsed)
    // A right that reaches only one's own needs something whose requester can be compared.
    if (executionId === null) return deny(command, context, null)
    const found = await context.plane.find(executionId, context.caller)
    if (isRefusal(found)) return found
    if (found.request.requestedBy !== context.caller.principal) return deny(command, context, executionId)
  }
  return command.run(context, parsed as never)
}

function executionIdOf(input: unknown): string | null {
  const id = typeof input === 'object' && input !== null ? (input as { id?: unknown }).id : undefined
  return typeof id === 'string' ? id.slice(0, 64) : null
}

function deny(
  { name, permission }: Command,
  { caller, onDenied }: CommandContext,
  executionId: string | null,
  outside?: string,
): Refusal {
  const { principal, role } = caller
  onDenied?.({ command: name, permission, principal, role, executionId })
  const why =
    outside === undefined
      ? `The role ${role} may not use ${name} here (permission ${permission}).`
      : `This token may not be used for ${name} here (permission ${permission}): ${outside}.`
  return refuse('not_permitted', why, { command: name, permission, role })
}
