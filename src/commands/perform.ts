import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { internalId } from '../identity/public-id.ts'
import type { EventView } from '../projections/view.ts'
import { type About, type Allowed, decideRight, type RightAsked } from '../rights/decide-right.ts'
import type { Command, CommandContext } from './command.ts'
import { parseInput } from './fields.ts'
import { outOfScope } from './scope.ts'

/** Runs a command for a caller: first whether they may, then whether the input fits, then the command itself. */
export async function perform(command: Command, input: unknown, context: CommandContext): Promise<unknown | Refusal> {
  const { plane, caller, clock } = context
  const { tenant, principal, role } = caller
  const { permission } = command
  const rights = await plane.whoMay.current()
  const asked = { tenant, principal, role, permission, now: clock.now() }
  const atAll = decideRight(rights, { ...asked, about: 'later' })
  if (isRefusal(atAll)) return deny(command, context, executionIdOf(input), atAll)
  const parsed = parseInput(command.input, input)
  if (isRefusal(parsed)) return parsed
  const outside = await outOfScope(command, parsed, context)
  if (isRefusal(outside)) return outside
  if (outside !== null) return deny(command, context, executionIdOf(parsed), outsideOf(command, context, outside))
  // What is submitted for which subject is known at its admission, and decided there.
  const isDecided = atAll.reach === 'any' && (!atAll.isNarrowed || permission === 'execution.submit')
  let touches: Pick<RightAsked, 'about' | 'isOwn'> = { about: 'later' }
  if (!isDecided) {
    const touched = await touchedBy(command, parsed, context)
    if (isRefusal(touched)) return touched
    const decided = decideRight(rights, { ...asked, ...touched })
    if (isRefusal(decided)) return deny(command, context, executionIdOf(parsed), decided)
    touches = touched
  }
  const result = await command.run(context, parsed as never)
  if (command.http.answers !== 'events' || isRefusal(result)) return result
  const { events } = result as { readonly events: Events }
  const decideAgain = async () => decideRight(await plane.whoMay.current(), { ...asked, ...touches, now: clock.now() })
  return { events: whileMay(events, decideAgain) }
}

type Events = AsyncGenerator<EventView, Refusal | undefined>

/** A stream outlives its request: nothing more is told to somebody who has lost the right meanwhile. */
async function* whileMay(events: Events, decideAgain: () => Promise<Allowed | Refusal>): Events {
  try {
    for (;;) {
      const next = await events.next()
      if (next.done === true) return next.value
      const right = await decideAgain()
      if (isRefusal(right)) return right
      yield next.value
    }
  } finally {
    await events.return(undefined)
  }
}

/** What a command is about. A right that reaches only one's own needs an execution whose requester can be compared. */
async function touchedBy(
  { http }: Command,
  parsed: object,
  { plane, caller }: CommandContext,
): Promise<{ readonly about: About | null; readonly isOwn: boolean } | Refusal> {
  const { id, action, subject } = parsed as { id?: unknown; action?: unknown; subject?: unknown }
  if (typeof id === 'string' && ofExecution.test(http.path)) {
    const found = await plane.find(id, caller)
    if (isRefusal(found)) return found
    const { request } = found
    return {
      about: { action: request.action, subject: request.subject },
      isOwn: request.requestedBy === caller.principal,
    }
  }
  const named = { action: textOrNull(action), subject: textOrNull(subject) }
  return { about: named.action === null && named.subject === null ? null : named, isOwn: false }
}

const ofExecution = /^\/v1\/(?:executions|dead-letters|archives)\/\{id\}/

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null)

function executionIdOf(input: unknown): string | null {
  const id = typeof input === 'object' && input !== null ? (input as { id?: unknown }).id : undefined
  return typeof id === 'string' ? id.slice(0, 64) : null
}

/** Recorded where it concerns an execution of the tenant, as other refused commands are; the denial stands whether or not. */
async function deny(
  { name, permission }: Command,
  { caller, plane, onDenied }: CommandContext,
  executionId: string | null,
  refusal: Refusal,
): Promise<Refusal> {
  const { principal, role, tenant } = caller
  onDenied?.({ command: name, permission, principal, role, executionId })
  const id = executionId === null ? null : internalId(executionId, plane.host.idKey)
  if (id !== null) {
    const denied = { kind: 'denied', id, tenant, principal, command: name, permission } as const
    await plane.host.orders.give<'denied'>(denied).catch(() => undefined)
  }
  return { ...refusal, details: { ...refusal.details, command: name } }
}

const outsideOf = ({ name, permission }: Command, { caller }: CommandContext, why: string): Refusal =>
  refuse('not_permitted', `This token may not be used for ${name} here (permission ${permission}): ${why}.`, {
    permission,
    role: caller.role,
  })
