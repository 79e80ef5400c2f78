import type { Breakage } from './breakage.ts'

const rules = ['src/policy']
const admitted = ['test/fast/approvals/policies.test.ts']

/** What tenants lay down, and when it decides. */
export const policyBreakages: readonly Breakage[] = [
  {
    name: 'work is admitted under a policy that was replaced',
    edits: [
      {
        file: 'src/commit/admission.ts',
        find: '  if (replaced !== null) return replaced\n',
        replace: '  if (replaced !== null && admission.parentId !== null) return replaced\n',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'work is run anew under a policy that was replaced',
    edits: [{ file: 'src/commit/rerun.ts', find: '  if (replaced !== null) return replaced\n', replace: '' }],
    shownBy: admitted,
  },
  {
    name: 'a change of a policy is forgotten with the commit that made it',
    edits: [{ file: 'src/commit/batch.ts', find: '      memory.policies = work.policies.current\n', replace: '' }],
    shownBy: admitted,
  },
  {
    name: 'a worker checks children under the policy of before',
    edits: [
      {
        file: 'src/protocol/spawner.ts',
        find: 'now: patience.clock.now(), policy })',
        replace: 'now: patience.clock.now() })',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'the version of the policy is not written on what it decided',
    edits: [
      {
        file: 'src/commit/admission.ts',
        find: '    policyVersion: admission.policyVersion ?? noPolicy.version,\n',
        replace: '    policyVersion: noPolicy.version,\n',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'whoever lost the race sets the policy all the same',
    edits: [
      {
        file: 'src/commit/rights/policies.ts',
        find: '    if (ifVersion !== undefined && ifVersion !== before.version) {\n',
        replace: '    if (ifVersion !== undefined && ifVersion > before.version) {\n',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'a policy asks for less than the action',
    edits: [
      {
        file: 'src/policy/demand.ts',
        find: '  const wanted = highest([own, ...rules',
        replace: '  const wanted = highest([...rules',
      },
    ],
    shownBy: rules,
  },
  {
    name: 'a policy lets somebody agree to what he asked for although the action says no',
    edits: [
      {
        file: 'src/policy/demand.ts',
        find: 'self.every((may) => may)',
        replace: 'self.some((may) => may)',
      },
    ],
    shownBy: rules,
  },
  {
    name: 'a policy lets votes of any group count that one of its rules names',
    edits: [
      {
        file: 'src/policy/demand.ts',
        find: '  const shared = first.filter((group) => others.every((list) => list.includes(group)))\n',
        replace: '  const shared = first\n',
      },
    ],
    shownBy: rules,
  },
  {
    name: 'a policy wants more votes than there are voters',
    edits: [
      {
        file: 'src/policy/decide-policy.ts',
        find: '  if (quorum <= members) return null\n',
        replace: '  if (quorum >= 0) return null\n',
      },
    ],
    shownBy: rules,
  },
  {
    name: 'a policy counts agents among those who can agree',
    edits: [{ file: 'src/policy/decide-policy.ts', find: 'mayVote(principal) && ', replace: '' }],
    shownBy: rules,
  },
  {
    name: 'a policy about effects does not hold what says nothing of its effects',
    edits: [{ file: 'src/policy/demand.ts', find: '?? true)) &&\n', replace: '?? false)) &&\n' }],
    shownBy: rules,
  },
  {
    name: 'a refused change of a policy leaves no trace',
    edits: [
      {
        file: 'src/commit/rights/policies.ts',
        find: "    this.#log.tell({ tenant, type: 'policy_refused', principal: by, data })\n",
        replace: '    void data\n',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'a policy about many targets is forgotten once there is a plan',
    edits: [
      {
        file: 'src/execution/decide-plan.ts',
        find: '  const rules = rulesFor(gate, ordered.length)\n',
        replace: '  const { rules } = gate\n',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'a policy that let few targets pass lets more of them pass later',
    edits: [
      {
        file: 'src/policy/demand.ts',
        find: '[{ from: 0, rules: base }]',
        replace: '[]',
      },
    ],
    shownBy: admitted,
  },
  {
    name: 'a plan that was made anew keeps the steps that it lost, where the same commit begins it',
    edits: [{ file: 'src/commit/approvals/plans.ts', find: '!this.#dropped.has(step.id) && ', replace: '' }],
    shownBy: admitted,
  },
  {
    name: 'a bulk rerun gives up what was checked under a policy that was replaced',
    edits: [
      {
        file: 'src/commit/bulks.ts',
        find: '(admission === undefined || isOutdated(work, admission))',
        replace: 'admission === undefined',
      },
    ],
    shownBy: ['test/fast/approvals/policy-races.test.ts'],
  },
  {
    name: 'an occurrence is lost where the policy was replaced meanwhile',
    edits: [
      {
        file: 'src/schedule/submitting.ts',
        find: '  return policies.underNewest(async () => {\n',
        replace: '  return (async () => {\n',
      },
      {
        file: 'src/schedule/submitting.ts',
        find: 'admission: timed })\n  })\n',
        replace: 'admission: timed })\n  })()\n',
      },
    ],
    shownBy: ['test/fast/approvals/policy-races.test.ts'],
  },
]
