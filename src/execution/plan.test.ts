import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { seededRandom } from '../identity/random.ts'
import { canonicalize } from '../json/canonical.ts'
import {
  orderSteps,
  type PlannedStep,
  type Proposal,
  planBytesMax,
  planHash,
  planStepsMax,
  planText,
  refuseProposal,
} from './plan.ts'

const request = {
  action: 'fleet.deploy',
  actionVersion: 2,
  input: '{"version":"2.1"}',
  recordOnly: false,
  policyVersion: 1,
}

const planned = (step: string, target: string, args = '{"a":1}'): PlannedStep => ({
  step,
  target,
  args,
  effects: ['do'],
})

const proposal = (steps: readonly PlannedStep[], over: Partial<Proposal> = {}): Proposal => ({
  summary: 'Deploy',
  reads: '[]',
  parallel: 1,
  ordered: false,
  steps,
  handlers: ['drain', 'install'],
  handlerDigest: 'd'.repeat(64),
  secrets: ['TOKEN', 'KEY'],
  ...over,
})

const hashOf = (given: Proposal, of = request): string => planHash(planText(of, given, orderSteps(given)))

const targets = ['web-10', 'web-9', 'Web-1', 'ä', 'z', '\u{1f600}', '\ufb33', '"quoted"', 'a b']
const steps = targets.flatMap((target) => [planned('install', target), planned('drain', target)])

function shuffled<T>(list: readonly T[], random: { int(most: number): number }): T[] {
  const out = [...list]
  for (let index = out.length - 1; index > 0; index -= 1) {
    const other = random.int(index + 1)
    ;[out[index], out[other]] = [out[other] as T, out[index] as T]
  }
  return out
}

test('SE-21 whatever order the steps were found in, a plan has one order and one hash', () => {
  const random = seededRandom('plan order')
  const first = hashOf(proposal(steps))
  for (let round = 0; round < 1_000; round += 1) expect(hashOf(proposal(shuffled(steps, random)))).toBe(first)
  const names = orderSteps(proposal(steps)).map(({ step, target }) => `${step} ${target}`)
  expect(names.slice(0, 5)).toEqual(['drain "quoted"', 'drain Web-1', 'drain a b', 'drain web-10', 'drain web-9'])
  expect(names[9]).toBe('install "quoted"')
})

test('SE-21 a plan that declares its order keeps it, and another order has another hash', () => {
  const given = proposal(steps, { ordered: true })
  expect(orderSteps(given)).toEqual(steps)
  expect(hashOf(given)).not.toBe(hashOf({ ...given, steps: [...steps].reverse() }))
})

test('SE-21 what is hashed is canonical JSON (RFC 8785)', () => {
  const text = planText(request, proposal(steps), steps)
  expect(canonicalize(JSON.parse(text))).toBe(text)
})

test('SE-21 whatever an approval binds to changes the hash, and nothing else does', () => {
  const plain = hashOf(proposal(steps))
  expect(hashOf(proposal(steps, { secrets: ['KEY', 'TOKEN'] }))).toBe(plain)
  expect(hashOf(proposal(steps, { summary: 'other', reads: '[1]', parallel: 9 }))).toBe(plain)
  const changed = [
    hashOf(proposal(steps, { secrets: ['KEY'] })),
    hashOf(proposal(steps, { handlerDigest: 'e'.repeat(64) })),
    hashOf(proposal([...steps.slice(1), planned('install', 'web-10', '{"a":2}')])),
    hashOf(proposal([...steps.slice(1), { ...planned('install', 'web-10'), effects: ['do', 'more'] }])),
    hashOf(proposal(steps.slice(1))),
    hashOf(proposal(steps), { ...request, action: 'fleet.undo' }),
    hashOf(proposal(steps), { ...request, actionVersion: 3 }),
    hashOf(proposal(steps), { ...request, input: '{"version":"2.2"}' }),
    hashOf(proposal(steps), { ...request, recordOnly: true }),
    hashOf(proposal(steps), { ...request, policyVersion: 2 }),
  ]
  expect(new Set([plain, ...changed]).size).toBe(changed.length + 1)
})

test('DG-06 a plan names only steps there are, each target once, and keeps to its limits', () => {
  const code = (given: Proposal): string | null => {
    const refusal = refuseProposal(given)
    return isRefusal(refusal) ? refusal.code : null
  }
  const many = (count: number): PlannedStep[] =>
    Array.from({ length: count }, (_, index) => planned('drain', `t${index}`))
  expect(code(proposal(many(planStepsMax)))).toBeNull()
  expect(code(proposal(many(planStepsMax + 1)))).toBe('plan_too_large')
  expect(code(proposal([planned('drain', 't', `"${'x'.repeat(planBytesMax)}"`)]))).toBe('plan_too_large')
  expect(code(proposal([planned('reboot', 't')]))).toBe('plan_invalid')
  expect(code(proposal([planned('drain', 't'), planned('drain', 't')]))).toBe('plan_invalid')
  expect(code(proposal([planned('drain', 't'), planned('install', 't')]))).toBeNull()
})
