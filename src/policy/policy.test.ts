import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { action, actionRegistry } from '../action/action.ts'
import { type ApprovalsDefinition, type Level, levels, rulesOf } from '../action/approvals.ts'
import { isRefusal } from '../errors/refusal.ts'
import { type ApprovalRules, type Gate, nobodyAsked, rulesFor } from '../execution/approval.ts'
import { type Asked, demandOf } from './demand.ts'
import { type ApprovalRule, type PolicyDocument, policyBytesMax, policyText, type RuleCondition } from './document.ts'
import { differencesOf } from './policy-diff.ts'

const asked: Asked = {
  action: 'quote.send',
  subject: 'quote:1',
  actionClass: 'sync',
  requestedBy: 'human:ada',
  recordOnly: false,
}
const run = () => null
const actions = actionRegistry([
  action({ name: 'quote.send', version: 1, input: z.unknown(), run }),
  action({ name: 'crm.sync', version: 1, input: z.unknown(), run }),
])
const rule = (name: string, require: ApprovalRule['require'], when?: RuleCondition): ApprovalRule =>
  when === undefined ? { name, require } : { name, require, when }
const named = { name: 'quote.send' }
const demanded = (
  rules: readonly ApprovalRule[],
  {
    own = 'auto',
    approvals,
    effects = [],
  }: { own?: Level; approvals?: ApprovalsDefinition; effects?: readonly string[] } = {},
  flags: PolicyDocument['flags'] = {},
) => {
  const demand = demandOf(
    { approvals: rules, flags },
    { ...named, ...(approvals ? { approvals } : {}), effects },
    own,
    asked,
  )
  if (isRefusal(demand) || demand === null) return demand
  const { byRules: _, ...said } = demand.rules
  return said
}
const codeOf = (answer: unknown) => (isRefusal(answer) ? answer.code : answer)

describe('what a policy asks for', () => {
  test('SE-31 a rule that fits raises what the definition says to its level, with all that belongs to that', () => {
    expect(demanded([])).toBeNull()
    expect(demanded([rule('r', { level: 'plan_review' })])).toEqual(rulesOf('plan_review'))
    expect(demanded([rule('r', { level: 'plan_review', quorum: 2, useBy: '4h' })])).toEqual({
      ...rulesOf('plan_review'),
      quorum: 2,
      useByMs: 4 * 3_600_000,
    })
    // Who asked may agree at `confirm`; raised from there, no longer.
    const confirmed = { own: 'confirm', approvals: { selfApproval: true, resume: 'auto' } } as const
    expect(demanded([rule('r', { level: 'plan_review' })], confirmed)).toMatchObject({
      level: 'plan_review',
      selfApproval: false,
      resume: 'manual',
    })
  })

  test('SE-31 of several the strictest of each holds, and none asks for less than the definition', () => {
    const own = { own: 'plan_review', approvals: { quorum: 3, useBy: '1h', groups: ['sre', 'finance'] } } as const
    const rules = [
      rule('low', { level: 'auto', quorum: 1, useBy: '9h' }),
      rule('one', { level: 'confirm', groups: ['sre', 'sales'], selfApproval: true, resume: 'auto' }),
      rule('two', { quorum: 2, planMaxAge: '5m', resume: 'manual', selfApproval: false }),
    ]
    expect(demanded(rules, own)).toEqual({
      level: 'plan_review',
      quorum: 3,
      groups: ['sre'],
      useByMs: 3_600_000,
      selfApproval: false,
      resume: 'manual',
      planMaxAgeMs: 300_000,
    })
    expect(demanded([rule('low', { level: 'auto', quorum: 1 })], { own: 'plan_review' })).toEqual(
      rulesOf('plan_review'),
    )
  })

  test('SE-31 somebody agrees to what they asked for above confirm only where a policy says so, and the action does not say no', () => {
    const bypass = [rule('r', { selfApproval: true, resume: 'auto' })]
    expect(demanded([], { own: 'plan_review' })).toMatchObject({ selfApproval: false })
    expect(demanded(bypass, { own: 'plan_review' })).toMatchObject({ selfApproval: true, resume: 'auto' })
    expect(
      demanded(bypass, { own: 'plan_review', approvals: { selfApproval: false, resume: 'manual' } }),
    ).toMatchObject({
      selfApproval: false,
      resume: 'manual',
    })
    expect(demanded([...bypass, rule('s', { level: 'plan_review' })], { own: 'plan_review' })).toMatchObject({
      selfApproval: false,
    })
  })

  test('groups that have nobody in common are told with the rules that name them', () => {
    const two = [rule('one', { level: 'confirm', groups: ['a'] }), rule('two', { groups: ['b'] })]
    expect(demanded(two)).toMatchObject({ code: 'policy_conflict', details: { rules: ['one', 'two'] } })
    const [one] = two
    expect(codeOf(demanded(one ? [one] : [], { approvals: { groups: ['c'] } }))).toBe('policy_conflict')
  })

  test('an action without steps is reviewed as a whole where step by step is asked for', () => {
    const stepwise: PolicyDocument = { approvals: [rule('r', { level: 'step_by_step' })] }
    expect(demandOf(stepwise, { ...named, effects: [] }, 'auto', asked)).toMatchObject({
      rules: { level: 'plan_review' },
    })
    const plan = () => ({ summary: '', steps: [] })
    expect(demandOf(stepwise, { ...named, plan }, 'auto', asked)).toMatchObject({ rules: { level: 'step_by_step' } })
  })

  test('SE-30 what depends on the number of targets is said for each number, as a plan is counted later', () => {
    const rules = [
      rule('some', { level: 'plan_review' }, { targetsFrom: 10 }),
      rule('many', { level: 'plan_review', quorum: 2 }, { targetsFrom: 50 }),
      rule('other', { level: 'step_by_step' }, { targetsFrom: 5, actions: ['crm.*'] }),
    ]
    const plan = () => ({ summary: '', steps: [] })
    const demand = demandOf({ approvals: rules }, { ...named, plan }, 'auto', asked)
    expect(demand).toEqual({
      rules: nobodyAsked,
      byTargets: [
        { from: 0, rules: nobodyAsked },
        { from: 10, rules: { ...rulesOf('plan_review'), byRules: ['some'] } },
        { from: 50, rules: { ...rulesOf('plan_review'), quorum: 2, byRules: ['some', 'many'] } },
      ],
    })
    if (isRefusal(demand) || demand === null) throw new Error('it asks for something')
    const quorumOf = (targets: number) => rulesFor({ ...demand } as Gate, targets).quorum
    expect([0, 9, 10, 49, 50, 9999].map(quorumOf)).toEqual([0, 0, 1, 1, 2, 2])
    // Without a plan there is one target, and it is known.
    expect(demandOf({ approvals: rules }, named, 'auto', asked)).toBeNull()
    expect(
      demandOf({ approvals: [rule('r', { level: 'confirm' }, { targetsFrom: 1 })] }, named, 'auto', asked),
    ).toEqual({
      rules: { ...rulesOf('confirm'), byRules: ['r'] },
    })
  })

  test.each<[RuleCondition, boolean]>([
    [{}, true],
    [{ actions: ['crm.*', 'quote.*'] }, true],
    [{ actions: ['crm.*'] }, false],
    [{ subjects: ['quote:1'] }, true],
    [{ subjects: ['quote:2'] }, false],
    [{ actionClasses: ['sync'] }, true],
    [{ actionClasses: ['heavy'] }, false],
    [{ requestedBy: ['agent:*'] }, false],
    [{ requestedBy: ['human:*'] }, true],
    [{ recordOnly: true }, false],
    [{ recordOnly: false }, true],
    [{ effects: ['delete*'] }, false],
    [{ effects: ['up*', 'delete'] }, true],
    [{ flags: { freeze: true } }, true],
    [{ flags: { freeze: false } }, false],
    [{ flags: { missing: false, stage: 'two' } }, true],
    [{ flags: { stage: 'three' } }, false],
    [{ actions: ['quote.send'], subjects: ['quote:2'] }, false],
  ])('SE-31 %j fits: %s', (when, fits) => {
    const answer = demanded(
      [rule('r', { level: 'confirm' }, when)],
      { effects: ['upsert'] },
      { freeze: true, stage: 'two' },
    )
    expect(answer !== null).toBe(fits)
  })

  test('SE-31 an action that does not say which effects it has may have any', () => {
    const approvals = [rule('r', { level: 'confirm' }, { effects: ['delete'] })]
    expect(demandOf({ approvals }, named, 'auto', asked)).toMatchObject({ rules: { level: 'confirm' } })
    // Nobody could agree to one that might do anything.
    const review = { approvals: [rule('r', { level: 'plan_review' })] }
    expect(codeOf(demandOf(review, named, 'auto', asked))).toBe('invalid_approval')
    expect(codeOf(demandOf(review, { ...named, effects: [] }, 'confirm', asked))).not.toBe('invalid_approval')
  })

  test('SE-31 a further rule never lets through what was held before, whatever the rules', () => {
    const require = fc.record(
      {
        level: fc.constantFrom(...levels),
        quorum: fc.integer({ min: 1, max: 5 }),
        groups: fc.subarray(['a', 'b', 'c'], { minLength: 1 }),
        useBy: fc.integer({ min: 1, max: 9 }),
        selfApproval: fc.boolean(),
        resume: fc.constantFrom('auto' as const, 'manual' as const),
      },
      { requiredKeys: [] },
    )
    const own = fc.record({ level: fc.constantFrom(...levels.slice(0, 3)), approvals: require })
    fc.assert(
      fc.property(fc.array(require, { maxLength: 3 }), require, own, (some, further, { level, approvals }) => {
        const { level: _, ...definition } = approvals
        const rules = some.map((each, index) => rule(`r${index}`, each))
        const before = demanded(rules, { own: level, approvals: definition })
        const after = demanded([...rules, rule('more', further)], { own: level, approvals: definition })
        if (isRefusal(before)) return isRefusal(after) || rules.length === 0
        if (before === null || isRefusal(after)) return true
        return after !== null && isAsStrict(after, before, some, definition)
      }),
      { numRuns: 500 },
    )
  })
})

/** What nobody had said anything about, a policy may say; everything else only grows. */
function isAsStrict(
  after: ApprovalRules,
  before: ApprovalRules,
  some: readonly ApprovalRule['require'][],
  own: ApprovalsDefinition,
): boolean {
  const isSaid = (field: 'selfApproval' | 'resume'): boolean =>
    [own, ...some].some((one) => one[field] !== undefined) ||
    some.some(({ level }) => level !== undefined && level !== 'auto')
  return (
    levels.indexOf(after.level) >= levels.indexOf(before.level) &&
    after.quorum >= before.quorum &&
    (before.groups.length === 0 || after.groups.every((group) => before.groups.includes(group))) &&
    (after.groups.length > 0 || before.groups.length === 0) &&
    (after.useByMs ?? Number.POSITIVE_INFINITY) <= (before.useByMs ?? Number.POSITIVE_INFINITY) &&
    (before.selfApproval || !after.selfApproval || !isSaid('selfApproval')) &&
    (before.resume === 'auto' || after.resume === 'manual' || !isSaid('resume'))
  )
}

describe('a document', () => {
  const whole: PolicyDocument = {
    approvals: [rule('production', { level: 'plan_review', quorum: 2, groups: ['sre'] }, { actions: ['crm.*'] })],
    limits: { concurrency: 5, queueMax: 100 },
    flags: { live: true, banner: 'hello' },
  }

  test('SE-31 is kept as canonical JSON, whatever the order of its members', () => {
    const { flags, limits, approvals } = whole
    expect(policyText(whole, actions)).toBe(policyText({ flags, limits, approvals }, actions))
    expect(policyText({}, actions)).toBe('{}')
  })

  test.each<[string, unknown, string, string?]>([
    ['no object', 7, 'invalid_policy'],
    ['nothing', null, 'invalid_policy'],
    ['a list', [], 'invalid_policy'],
    ['an unknown section', { rules: [] }, 'invalid_policy', ''],
    ['rules that are no list', { approvals: {} }, 'invalid_policy', 'approvals'],
    ['a rule that is none', { approvals: [7] }, 'invalid_policy', 'approvals[0]'],
    [
      'a rule without a name',
      { approvals: [{ require: { level: 'confirm' } }] },
      'invalid_policy',
      'approvals[0].name',
    ],
    [
      'two rules of one name',
      { approvals: [rule('r', { level: 'confirm' }), rule('r', { quorum: 2 })] },
      'invalid_policy',
      'approvals[1].name',
    ],
    ['a rule that asks for nothing', { approvals: [{ name: 'r', require: {} }] }, 'invalid_policy'],
    ['a rule without a demand', { approvals: [{ name: 'r' }] }, 'invalid_policy', 'approvals[0].require'],
    ['an unknown field of a rule', { approvals: [{ ...rule('r', { quorum: 2 }), ask: 1 }] }, 'invalid_policy'],
    [
      'an unknown condition',
      { approvals: [{ ...rule('r', { quorum: 2 }), when: { tenants: ['x'] } }] },
      'invalid_policy',
      'approvals[0].when',
    ],
    ['a condition of nothing', { approvals: [rule('r', { quorum: 2 }, { actions: [] })] }, 'invalid_policy'],
    ['a condition that is a text', { approvals: [{ name: 'r', when: 'x', require: { quorum: 2 } }] }, 'invalid_policy'],
    ['a pattern that is none', { approvals: [rule('r', { quorum: 2 }, { subjects: ['a*b'] })] }, 'invalid_pattern'],
    [
      'a pattern that is a number',
      { approvals: [{ name: 'r', when: { subjects: [7] }, require: { quorum: 2 } }] },
      'invalid_pattern',
    ],
    [
      'actions that are not there',
      { approvals: [rule('r', { quorum: 2 }, { actions: ['fleet.*'] })] },
      'invalid_pattern',
    ],
    ['targets from 0 on', { approvals: [rule('r', { quorum: 2 }, { targetsFrom: 0 })] }, 'invalid_policy'],
    [
      'more targets than a plan has',
      { approvals: [rule('r', { quorum: 2 }, { targetsFrom: 10_001 })] },
      'invalid_policy',
    ],
    ['an unknown level', { approvals: [{ name: 'r', require: { level: 'secret' } }] }, 'invalid_policy'],
    ['a quorum of 0', { approvals: [rule('r', { quorum: 0 })] }, 'invalid_policy'],
    ['a quorum of 21', { approvals: [rule('r', { quorum: 21 })] }, 'invalid_policy'],
    ['half a vote', { approvals: [rule('r', { quorum: 1.5 })] }, 'invalid_policy'],
    ['no groups at all', { approvals: [rule('r', { groups: [] })] }, 'invalid_policy'],
    ['a time that is none', { approvals: [rule('r', { useBy: 'soon' })] }, 'invalid_policy'],
    ['an unknown demand', { approvals: [{ name: 'r', require: { votes: 2 } }] }, 'invalid_policy'],
    ['a limit of 0', { limits: { concurrency: 0 } }, 'invalid_policy', 'limits.concurrency'],
    ['an unknown limit', { limits: { money: 7 } }, 'invalid_policy', 'limits'],
    ['a flag that is a number', { flags: { live: 7 } }, 'invalid_policy', 'flags.live'],
    ['a flag without a name', { flags: { '': true } }, 'invalid_policy'],
    ['a flag of a long text', { flags: { live: 'x'.repeat(1001) } }, 'invalid_policy'],
    [
      'too many flags',
      { flags: Object.fromEntries(Array.from({ length: 201 }, (_, n) => [`f${n}`, true])) },
      'invalid_policy',
    ],
    ['half of a surrogate pair', { flags: { live: '\ud800' } }, 'invalid_string'],
    ['a number that is none', { limits: { concurrency: Number.NaN } }, 'invalid_number'],
    [
      'more than 64 KiB',
      {
        approvals: Array.from({ length: 200 }, (_, n) =>
          rule(`r${n}`, { groups: ['g'.repeat(200)] }, { subjects: ['s'.repeat(190)] }),
        ),
      },
      'invalid_policy',
    ],
  ])('SE-31 with %s is refused, and the place is named', (_, document, code, at) => {
    const answer = policyText(document, actions)
    expect(codeOf(answer)).toBe(code)
    if (at !== undefined) expect(answer).toMatchObject({ details: { at } })
    expect(policyBytesMax).toBe(65_536)
  })

  test('SE-31 a document of a megabyte is refused without being looked at', () => {
    const answer = policyText({ flags: { live: 'x'.repeat(2 * 1024 * 1024) } }, actions)
    expect(['invalid_policy', 'input_too_large']).toContain(codeOf(answer))
  })

  test('two documents differ place by place; the order of rules is none', () => {
    const one = rule('one', { level: 'confirm' })
    const two = rule('two', { level: 'plan_review', quorum: 2 }, { actions: ['crm.*'] })
    expect(differencesOf({ approvals: [one, two] }, { approvals: [two, one] })).toEqual([])
    expect(differencesOf({}, {})).toEqual([])
    expect(
      differencesOf(
        { approvals: [one, two], flags: { live: false } },
        {
          approvals: [rule('two', { level: 'plan_review', quorum: 3 }, { actions: ['crm.*'] })],
          limits: { queueMax: 5 },
        },
      ),
    ).toEqual([
      { at: 'approvals.one', before: { require: { level: 'confirm' } }, after: null },
      { at: 'approvals.two.require.quorum', before: 2, after: 3 },
      { at: 'flags.live', before: false, after: null },
      { at: 'limits.queueMax', before: null, after: 5 },
    ])
  })
})
