import { z } from 'zod'
import { isRefusal, refuse } from '../errors/refusal.ts'
import { capacityMax, checkKey, isSharedLane, keyCharactersMax } from '../execution/permit.ts'
import { limitView, lineOf, permitViews } from '../projections/locks.ts'
import { type CommandContext, command } from './command.ts'
import { limit, reason } from './fields.ts'

// Internal keys of an action's lane are longer than those that people write by its name.
const key = z
  .string()
  .min(1)
  .max(2 * keyCharactersMax)
  .describe('The key: of a lock, `tenant`, or `action:<name>`.')
const shared = z
  .boolean()
  .optional()
  .describe('The key is one that all tenants share, as `action:<name>` is by itself.')

export const locking = [
  command({
    name: 'lock list',
    summary: 'List the permits that are held or reserved: of locks, limits and tenants.',
    permission: 'lock.list',
    input: z.strictObject({ limit: limit(1000).optional() }),
    http: { method: 'GET', path: '/v1/locks' },
    cli: { words: 'lock list', columns: ['key', 'slot', 'holder', 'fence', 'step', 'since', 'reserved', 'shared'] },
    refusals: [],
    async run({ plane, caller }, input) {
      const views = plane.host.views.of(caller.tenant)
      const permits = await views.permits({ tenant: caller.tenant, limit: input.limit ?? 100 })
      return { items: await permitViews(views, permits, await plane.naming(), caller.tenant) }
    },
  }),
  command({
    name: 'lock get',
    summary: 'Show who holds a lock or a limit, since when, and who stands in line for it, in order.',
    permission: 'lock.get',
    input: z.strictObject({ key, shared }),
    http: { method: 'GET', path: '/v1/locks/{key}' },
    cli: { words: 'lock get', positionals: ['key'], examples: ['pawl lock get asset:web-17'] },
    refusals: [],
    async run({ plane, caller }, input) {
      const views = plane.host.views.of(caller.tenant)
      const scope = scopeOf(input, caller.tenant)
      const naming = await plane.naming()
      const permits = (await views.permits({ tenant: scope, key: input.key, limit: 1000 })).filter(
        ({ tenant }) => tenant === scope,
      )
      const set = (await views.limits(caller.tenant)).find((one) => one.key === input.key && one.tenant === scope)
      return {
        key: input.key,
        shared: scope === '',
        limit: set === undefined ? null : limitView(set),
        holders: await permitViews(views, permits, naming, caller.tenant),
        waiting: await lineOf(views, scope, input.key, naming, caller.tenant),
      }
    },
  }),
  command({
    name: 'lock break',
    summary: 'Free a lock now and hand it to the next in line. Its holder is not stopped and goes on without it.',
    permission: 'lock.break',
    input: z.strictObject({
      key,
      shared,
      execution: z.string().max(64).optional().describe('Only what this execution holds.'),
      reason,
    }),
    http: { method: 'POST', path: '/v1/locks/{key}/break' },
    cli: {
      words: 'lock break',
      positionals: ['key'],
      examples: ['pawl lock break asset:web-17 --reason "host was replaced"'],
    },
    refusals: ['not_found'],
    async run({ plane, caller }, input) {
      const scope = scopeOf(input, caller.tenant)
      const refusal = notYours(scope, caller)
      if (refusal !== null) return refusal
      const found = input.execution === undefined ? null : await plane.find(input.execution, caller)
      if (isRefusal(found)) return found
      const answer = await plane.host.orders.give<'break'>({
        kind: 'break',
        tenant: scope,
        key: input.key,
        execution: found?.execution.id ?? null,
        principal: caller.principal,
        reason: input.reason,
      })
      return isRefusal(answer) ? answer : { key: input.key, broken: answer.broken.length }
    },
  }),
  command({
    name: 'limit list',
    summary: 'List the capacities that operators have set.',
    permission: 'limit.list',
    input: z.strictObject({}),
    http: { method: 'GET', path: '/v1/limits' },
    cli: { words: 'limit list', columns: ['key', 'capacity', 'shared', 'by', 'reason', 'at'] },
    refusals: [],
    run: async ({ plane, caller }) => ({
      items: (await plane.host.views.of(caller.tenant).limits(caller.tenant)).map(limitView),
    }),
  }),
  command({
    name: 'limit set',
    summary: 'Set how many may hold a key at the same time, in place of what actions declare.',
    permission: 'limit.set',
    input: z.strictObject({
      key,
      capacity: z.int().min(1).max(capacityMax).describe('How many at the same time.'),
      shared,
      reason,
    }),
    http: { method: 'POST', path: '/v1/limits' },
    cli: {
      words: 'limit set',
      positionals: ['key', 'capacity'],
      examples: [
        'pawl limit set tenant 5 --reason "quiet hours"',
        'pawl limit set action:crm.sync_quote 2 --reason "CRM is slow"',
      ],
    },
    refusals: ['invalid_permits'],
    run: (context, input) => setLimit(context, input, input.capacity),
  }),
  command({
    name: 'limit remove',
    summary: 'Go back to the capacity that actions declare.',
    permission: 'limit.remove',
    input: z.strictObject({ key, shared, reason: reason.optional() }),
    http: { method: 'DELETE', path: '/v1/limits/{key}' },
    cli: { words: 'limit remove', positionals: ['key'] },
    refusals: ['invalid_permits'],
    run: (context, input) => setLimit(context, input, null),
  }),
]

const scopeOf = (
  { key: name, shared: isShared = isSharedLane(name) }: { readonly key: string; readonly shared?: boolean | undefined },
  tenant: string,
): string => (isShared ? '' : tenant)

/** What all tenants share is changed by an administrator only. */
const notYours = (scope: string, { role }: CommandContext['caller']) =>
  scope === '' && role !== 'admin'
    ? refuse('not_permitted', 'A key that all tenants share is changed by an administrator only.')
    : null

async function setLimit(
  { plane, caller }: CommandContext,
  input: { readonly key: string; readonly shared?: boolean | undefined; readonly reason?: string | undefined },
  capacity: number | null,
) {
  const tenant = scopeOf(input, caller.tenant)
  const refusal = notYours(tenant, caller) ?? checkWellFormed(input.key)
  if (refusal !== null) return refusal
  const { key: name, reason: why = '' } = input
  return plane.host.orders.give<'limit'>({
    kind: 'limit',
    tenant,
    key: name,
    capacity,
    by: caller.principal,
    reason: why,
  })
}

const checkWellFormed = (text: string) => checkKey('A key', text.isWellFormed() ? 'fits' : text)
