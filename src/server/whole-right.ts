import { isRefusal, type Refusal, refuse } from '../errors/refusal.ts'
import { decideRight } from '../rights/decide-right.ts'
import type { RouteOptions } from './command-routes.ts'

type Caller = Exclude<Awaited<ReturnType<RouteOptions['gate']['enter']>>, Refusal>

interface Wanted {
  readonly command: string
  readonly permission: 'ops.read' | 'worker.protocol'
  /** Said to whoever has the right, and a token that is narrowed. */
  readonly narrowed: string
}

/** Whether a caller may do what concerns no single execution: a token narrowed to actions never reaches it. Denials are told. */
export async function refuseWhole(
  { plane, clock, onDenied }: RouteOptions,
  { principal, role, tenant, scope }: Caller,
  { command, permission, narrowed }: Wanted,
): Promise<Refusal | null> {
  const asked = { principal, role, tenant, permission, about: null, now: clock.now() }
  const decided = decideRight(await plane.whoMay.current(), asked)
  const isNarrower = scope !== undefined && (scope.actions !== undefined || !scope.permissions?.includes(permission))
  if (!isRefusal(decided) && !isNarrower) return null
  onDenied({ command, permission, principal, role, executionId: null })
  return isRefusal(decided) ? decided : refuse('not_permitted', narrowed)
}
