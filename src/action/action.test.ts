import { expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { isRefusal, Refused } from '../errors/refusal.ts'
import {
  type AnyAction,
  action,
  actionRegistry,
  type InputOf,
  levelOf,
  type OutputOf,
  retryPolicyOf,
} from './action.ts'
import { refuseComputed } from './computed.ts'
import { validate } from './schema.ts'

const sync = action({
  name: 'crm.sync_quote',
  version: 3,
  input: z.object({ quoteId: z.string(), env: z.enum(['staging', 'prod']).default('staging') }),
  output: z.object({ crmId: z.string() }),
  idempotencyKey: ({ quoteId, env }) => `${quoteId}:${env}`,
  subject: ({ quoteId }) => `quote:${quoteId}`,
  locks: ({ quoteId }) => [`quote:${quoteId}`],
  secrets: ['CRM_TOKEN'],
  computed: ['totals.total', 'lines.*.price', 'level'],
  timeout: { slaClass: 'standard', actionClass: 'sync' },
  retry: { maxAttempts: 3 },
  async run({ input, step, effect, secrets, progress, fence }) {
    const quote = await step('load', () => ({ id: input.quoteId }))
    await progress({ done: 1, total: 2 })
    const account = await effect('upsert', {
      target: 'keyed',
      do: async ({ effectKey }) => ({ id: `${quote.id}${secrets.CRM_TOKEN.length}${effectKey}${fence}` }),
      reconcile: ({ effectKey }) => (effectKey === '' ? undefined : { id: effectKey }),
      simulate: () => ({ id: 'crm-simulated' }),
    })
    return { crmId: account.id }
  },
})
const plain = action({
  name: 'bundle:generate',
  version: 1,
  input: z.object({ n: z.number() }),
  run: ({ input }) => input.n + 1,
})

test('an action carries the types of what is submitted and of what results', () => {
  expectTypeOf<InputOf<typeof sync>>().toEqualTypeOf<{ quoteId: string; env?: 'staging' | 'prod' | undefined }>()
  expectTypeOf<OutputOf<typeof sync>>().toEqualTypeOf<{ crmId: string }>()
  expectTypeOf<OutputOf<typeof plain>>().toEqualTypeOf<number>()
  expectTypeOf(sync.name).toEqualTypeOf<'crm.sync_quote'>()
  const erased: AnyAction[] = [sync, plain]
  expect(erased.map(({ approval }) => approval)).toEqual(['auto', 'auto'])
})

test.each([
  ['', 1],
  ['1a', 1],
  ['a b', 1],
  ['a..b', 1],
  ['a.', 1],
  ['a'.repeat(101), 1],
  ['ok', 0],
  ['ok', 1.5],
  ['ok', Number.NaN],
])('a definition named %j, version %d, is refused', (name, version) => {
  expect(() => action({ name, version, input: z.object({}), run: () => 1 })).toThrow(Refused)
})

test('a definition with a priority, timeout or retry policy out of range is refused', () => {
  const base = { name: 'a', version: 1, input: z.object({}), run: () => 1 }
  expect(() => action({ ...base, priority: 1001 })).toThrow(/priority/)
  expect(() => action({ ...base, timeout: { timeoutMs: 0 } })).toThrow(/timeoutMs/)
  expect(() => action({ ...base, retry: { maxAttempts: 0 } })).toThrow(/maxAttempts/)
})

test('SE-24 a definition with a field or a hold that nobody knows is refused, so that no typing error is silent', () => {
  const refused = (more: object) => () =>
    action({ name: 'a', version: 1, input: z.object({}), run: () => 1, ...more } as never)
  expect(refused({ lock: () => ['a'] })).toThrow('there is no field `lock`')
  expect(refused({ hold: 'through-wait' })).toThrow('`hold` must be')
  expect(refused({ hold: {} })).toThrow('`hold` must be')
  expect(refused({ hold: null })).toThrow('`hold` must be')
  expect(refused({ hold: { throughWait: '1m' } })).not.toThrow()
})

test('the registry gives the latest version unless one is named, and refuses duplicates', () => {
  const v1 = { ...sync, version: 1 }
  const registry = actionRegistry([sync, v1, plain])
  expect(registry.get('crm.sync_quote')).toBe(sync)
  expect(registry.get('crm.sync_quote', 1)).toBe(v1)
  expect(registry.latest('nope')).toBeUndefined()
  expect(registry.list().map(({ name, version }) => `${name}@${version}`)).toEqual([
    'bundle:generate@1',
    'crm.sync_quote@1',
    'crm.sync_quote@3',
  ])
  expect(registry.find('crm.sync_quote', 2)).toMatchObject({ code: 'unknown_action', details: { versions: [1, 3] } })
  expect(registry.find('__proto__')).toMatchObject({ code: 'unknown_action' })
  expect(() => actionRegistry([sync, sync])).toThrow(/twice/)
})

test('validation is synchronous for a synchronous schema and tells path and message', async () => {
  expect(validate(sync.input, { quoteId: 'Q' })).toEqual({ value: { quoteId: 'Q', env: 'staging' } })
  const refusal = validate(sync.input, { quoteId: 1 })
  expect(isRefusal(refusal) && refusal.details).toMatchObject({
    issues: [{ path: 'quoteId', message: expect.any(String) }],
  })
  const later = z.string().refine(async () => false, 'never')
  expect(
    await validate(
      { '~standard': { version: 1, vendor: 't', validate: async (v: unknown) => later['~standard'].validate(v) } },
      'x',
    ),
  ).toMatchObject({
    code: 'invalid_input',
  })
})

test('REL-06c a submitted value for a computed field is refused, wherever it stands and whatever it is', () => {
  expect(refuseComputed(sync, { quoteId: 'Q' })).toBeUndefined()
  expect(refuseComputed(sync, { totals: {}, lines: [{ sku: 'a' }] })).toBeUndefined()
  expect(refuseComputed(sync, { level: null })).toMatchObject({
    code: 'computed_field_submitted',
    details: { fields: ['level'] },
  })
  expect(refuseComputed(sync, { totals: { total: 1 }, lines: [{ sku: 'a' }, { price: 0 }] })?.details).toEqual({
    fields: ['totals.total', 'lines.*.price'],
  })
  expect(refuseComputed(plain, { level: 1 })).toBeUndefined()
})

test('an action overrides only what it declares of the retry policy', () => {
  expect(retryPolicyOf({ retry: { maxAttempts: 7 } })).toEqual({
    maxAttempts: 7,
    baseMs: 5000,
    multiplier: 2,
    capMs: 900_000,
    jitter: 'full',
  })
  expect(retryPolicyOf({ retry: { baseMs: 2_000_000 } }).capMs).toBe(2_000_000)
})

test('DG-06 a fallback is another step of the action, and has none itself', () => {
  const run = () => null
  const define =
    (onFailure: unknown, other: unknown = 'stop') =>
    () =>
      action({
        name: 'fleet',
        version: 1,
        input: z.object({}),
        plan: () => ({ summary: 's', steps: [] }),
        steps: { push: { run, onFailure: onFailure as 'stop' }, pull: { run, onFailure: other as 'stop' } },
      })
  expect(define({ fallback: 'pull' })).not.toThrow()
  expect(define({ fallback: 'push' })).toThrow(/must be another step of the action/)
  expect(define({ fallback: 'toString' })).toThrow(/must be another step of the action/)
  expect(define({ fallback: 'pull' }, { fallback: 'push' })).toThrow(/must not have one itself/)
  for (const wrong of ['ignore', {}, { fallback: 1 }, null, 7])
    expect(define(wrong)).toThrow(/must be 'stop', 'continue' or/)
})

test('SE-31 what people agree to names its effects: plan_review without plan() and without `effects` is refused, and says how', () => {
  const base = { name: 'charge', version: 1, input: z.object({ n: z.number() }), run: () => null } as const
  expect(() => action({ ...base, approval: 'plan_review' })).toThrow(/`effects`: the names of all effects/)
  expect(() => action({ ...base, approval: 'plan_review', effects: [] })).not.toThrow()
  expect(() => action({ ...base, approval: 'confirm' })).not.toThrow()
  const some = action({ ...base, approval: ({ n }) => (n > 100 ? 'plan_review' : 'confirm') })
  expect(levelOf(some, { n: 1 })).toBe('confirm')
  expect(levelOf(some, { n: 101 })).toMatchObject({ code: 'invalid_approval' })
  expect(levelOf(action({ ...base, approval: () => 'plan_review', effects: ['charge'] }), { n: 1 })).toBe('plan_review')
})
