import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  deadlineBy,
  defaultTimeouts,
  faultInPolicy,
  newestPolicies,
  policiesAt,
  type TimeoutPolicy,
  timeoutPolicyFor,
} from './timeout-policy.ts'

const policy = (slaClass: string, actionClass: string, some: Partial<TimeoutPolicy> = {}): TimeoutPolicy => ({
  version: 1,
  slaClass,
  actionClass,
  attemptMs: 1_000,
  overallMs: null,
  by: 'human:alice',
  reason: 'test',
  at: 0,
  fromPosition: 0,
  ...some,
})

test('SE-26 the most specific policy decides; the class of the action speaks before the SLA class', () => {
  const all = [policy('*', '*'), policy('critical', '*'), policy('*', 'sync'), policy('critical', 'sync')]
  const found = (slaClass: string, actionClass: string, policies = all) => {
    const best = timeoutPolicyFor(policies, slaClass, actionClass)
    return best && `${best.slaClass} ${best.actionClass}`
  }
  expect(found('critical', 'sync')).toBe('critical sync')
  expect(found('critical', 'sync', all.slice(0, 3))).toBe('* sync')
  expect(found('critical', 'heavy')).toBe('critical *')
  expect(found('gold', 'sync')).toBe('* sync')
  expect(found('gold', 'unheard_of')).toBe('* *')
  expect(found('gold', 'unheard_of', all.slice(1))).toBeUndefined()
})

test('SE-26 in whatever order policies stand, the same one decides', () => {
  const classes = fc.constantFrom('*', 'critical', 'sync', 'gold')
  fc.assert(
    fc.property(fc.array(fc.tuple(classes, classes)), classes, classes, (pairs, sla, of) => {
      const all = pairs.map(([a, b], index) => policy(a, b, { version: index + 1 }))
      expect(timeoutPolicyFor(all, sla, of)).toEqual(timeoutPolicyFor(all.toReversed(), sla, of))
      expect(timeoutPolicyFor(newestPolicies(all), sla, of)).toEqual(timeoutPolicyFor(all, sla, of))
    }),
  )
})

test('SE-26 what was in force at a position of the log is known from the history', () => {
  const history = [policy('*', '*'), policy('*', '*', { version: 2, fromPosition: 7 })]
  expect([6, 7, 8].map((position) => timeoutPolicyFor(policiesAt(history, position), 'a', 'b')?.version)).toEqual([
    1, 2, 2,
  ])
})

test('SE-26 a deadline is the earlier of the asked one and the one of the policy', () => {
  expect(deadlineBy(null, 1_000, null)).toBeNull()
  expect(deadlineBy(5_000, 1_000, null)).toBe(5_000)
  expect(deadlineBy(null, 1_000, 500)).toBe(1_500)
  expect(deadlineBy(5_000, 1_000, 500)).toBe(1_500)
  expect(deadlineBy(1_200, 1_000, 500)).toBe(1_200)
})

test('SE-26 the defaults fit their own rules', () => {
  for (const one of defaultTimeouts) expect(faultInPolicy(one)).toBeUndefined()
})

test.each([
  { slaClass: '' },
  { slaClass: 'Critical' },
  { actionClass: 'a b' },
  { actionClass: '\ud800' },
  { attemptMs: 0 },
  { attemptMs: 1.5 },
  { attemptMs: -1 },
  { overallMs: Number.NaN },
  { overallMs: 1e15 },
  { overallMs: 999 },
])('SE-26 the policy %j is not taken', (some) => {
  expect(faultInPolicy(policy('critical', 'sync', some))).toMatch(/\.$/)
})
