/** Every permission there is. Names are static, so that roles, routes and documents can be compared. */
export const permissions = [
  'execution.submit',
  'execution.get',
  'execution.list',
  'execution.events',
  'execution.trace',
  'execution.why',
  'execution.steps',
  'execution.plan',
  'execution.effects',
  'execution.artifacts',
  'execution.logs',
  'execution.wait',
  'execution.stream',
  'execution.cancel',
  'execution.retry',
  'execution.redrive',
  'execution.rerun',
  'execution.approve',
  'execution.reject',
  'execution.resume',
  'execution.revoke',
  'execution.replan',
  'approval.list',
  'bulk.create',
  'bulk.get',
  'execution.signal',
  'execution.signals',
  'execution.children',
  'event.list',
  'dead_letter.list',
  'dead_letter.get',
  'dead_letter.redrive',
  'pause.list',
  'pause.set',
  'pause.lift',
  'timeout_policy.list',
  'timeout_policy.set',
  'policy.list',
  'policy.get',
  'policy.simulate',
  'policy.set',
  'policy.rollback',
  'flag.list',
  'flag.set',
  'ops.read',
  'failure.list',
  'effect.list',
  'effect.resolve',
  'quarantine.list',
  'quarantine.release',
  'artifact.sweep',
  'idempotency.get',
  'idempotency.list',
  'worker.list',
  'worker.drain',
  'worker.protocol',
  'action.list',
  'action.get',
  'code.explain',
  'schedule.list',
  'schedule.get',
  'schedule.create',
  'schedule.pause',
  'schedule.unpause',
  'schedule.trigger',
  'schedule.delete',
  'schedule.backfill',
  'lock.list',
  'lock.get',
  'lock.break',
  'limit.list',
  'limit.set',
  'limit.remove',
  'archive.run',
  'archive.list',
  'archive.restore',
  'role.list',
  'role.grant',
  'role.revoke',
  'role.define',
  'token.create',
  'token.list',
  'token.rotate',
  'token.revoke',
  'session.create',
  'session.end',
] as const

export type Permission = (typeof permissions)[number]

export const roles = ['admin', 'operator', 'submitter', 'viewer', 'worker', 'agent'] as const
export type Role = (typeof roles)[number]

/** How far a permission reaches: every execution of the tenant, only those the principal asked for, or nothing. */
export type Reach = 'any' | 'own' | 'none'

const watching = ['execution.get', 'execution.events', 'execution.wait', 'execution.stream'] as const

const reading = [
  ...watching,
  'execution.list',
  'execution.trace',
  'execution.why',
  'execution.steps',
  'execution.plan',
  'execution.effects',
  'execution.artifacts',
  'execution.logs',
  'execution.signals',
  'execution.children',
  'event.list',
  'dead_letter.list',
  'dead_letter.get',
  'pause.list',
  'timeout_policy.list',
  'policy.list',
  'policy.get',
  'flag.list',
  'ops.read',
  'failure.list',
  'effect.list',
  'quarantine.list',
  'idempotency.get',
  'idempotency.list',
  'worker.list',
  'action.list',
  'action.get',
  'approval.list',
  'code.explain',
  'schedule.list',
  'schedule.get',
  'lock.list',
  'lock.get',
  'limit.list',
  'archive.list',
  'session.create',
  'session.end',
] as const

const operating = [
  'execution.submit',
  'execution.cancel',
  'execution.retry',
  'execution.redrive',
  'execution.rerun',
  'execution.approve',
  'execution.reject',
  'execution.resume',
  'execution.revoke',
  'execution.replan',
  'bulk.create',
  'bulk.get',
  'execution.signal',
  'dead_letter.redrive',
  'pause.set',
  'pause.lift',
  'effect.resolve',
  'quarantine.release',
  'lock.break',
  'limit.set',
  'limit.remove',
  'schedule.create',
  'schedule.pause',
  'schedule.unpause',
  'schedule.trigger',
  'schedule.delete',
  'schedule.backfill',
  'archive.run',
  'archive.restore',
  'artifact.sweep',
  'role.list',
  'worker.drain',
  'policy.simulate',
] as const

interface Grants {
  readonly any: ReadonlySet<string>
  readonly own: ReadonlySet<string>
}

const grants: { readonly [R in Role]: Grants } = {
  admin: { any: new Set(permissions), own: new Set() },
  operator: { any: new Set([...reading, ...operating]), own: new Set() },
  submitter: {
    any: new Set([...reading, 'execution.submit']),
    own: new Set(['execution.cancel', 'execution.retry', 'execution.signal']),
  },
  viewer: { any: new Set(reading), own: new Set() },
  worker: { any: new Set(['worker.protocol']), own: new Set() },
  // Submit, watch and cancel what it asked for itself; a command added later is denied until somebody lists it here.
  agent: { any: new Set(['execution.submit']), own: new Set([...watching, 'execution.cancel']) },
}

/** What a role may do. Whatever is not granted by name is denied, unknown roles and permissions included. */
export function may(role: string, permission: string): Reach {
  const granted = isRole(role) ? grants[role] : undefined
  if (granted?.any.has(permission)) return 'any'
  return granted?.own.has(permission) ? 'own' : 'none'
}

/** What a built-in role holds, with how far each of it reaches. */
export const permissionsOfRole = (role: Role): ReadonlyMap<string, Reach> =>
  new Map(permissions.flatMap((name) => (may(role, name) === 'none' ? [] : [[name, may(role, name)] as const])))

export const isPermission = (text: string): text is Permission => (permissions as readonly string[]).includes(text)

export const isRole = (text: string): text is Role => (roles as readonly string[]).includes(text)
