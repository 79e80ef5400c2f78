import type { Breakage } from './breakage.ts'

const rules = 'src/execution/decide-plan.ts'
const plan = 'src/execution/plan.ts'
const targets = 'src/run/targets.ts'
const hashTests = ['src/execution/plan.test.ts']
const planTests = ['test/fast/worker/plans.test.ts']
const fallbackTests = ['test/fast/worker/fallbacks.test.ts']
const lockTests = ['test/fast/worker/step-locks.test.ts']
const permitTests = ['test/fast/permits']

/** What a plan is, in which order its targets are done, and what follows when one fails. */
export const planBreakages: readonly Breakage[] = [
  {
    name: 'a plan keeps the order in which its steps were found',
    edits: [
      {
        file: plan,
        find: '  if (ordered) return steps\n',
        replace: '  if (ordered || steps.length > 1) return steps\n',
      },
    ],
    shownBy: hashTests,
  },
  {
    name: 'a plan may name a target twice',
    edits: [{ file: plan, find: '    if (seen.has(key)) {', replace: '    if (seen.has(`${key} `)) {' }],
    shownBy: hashTests,
  },
  {
    name: 'the hash does not cover the effects',
    edits: [
      {
        file: plan,
        find: '"effects":${JSON.stringify(effects)},',
        replace: '"effects":${JSON.stringify(effects.slice(99))},',
      },
    ],
    shownBy: hashTests,
  },
  {
    name: 'a redrive leaves out what was skipped',
    edits: [
      {
        file: rules,
        find: "    .filter(({ state }) => state === 'failed' || state === 'skipped')",
        replace: "    .filter(({ state }) => state === 'failed')",
      },
    ],
    shownBy: planTests,
  },
  {
    name: 'stop skips nothing',
    edits: [
      { file: targets, find: '(this.#stops || this.#asks !== undefined)', replace: '(this.#asks !== undefined)' },
    ],
    shownBy: planTests,
  },
  {
    name: 'a claim does not go on with what was under way',
    edits: [
      {
        file: targets,
        find: 'const todo = [...underWay, ...pending]',
        replace: 'const todo = [...pending, ...underWay.slice(99)]',
      },
    ],
    shownBy: planTests,
  },
  {
    name: 'a fallback forgets that its step has failed',
    edits: [{ file: rules, find: '{ ...target, ...instead, state:', replace: '{ ...target, state:' }],
    shownBy: fallbackTests,
  },
  {
    name: 'a fallback follows an effect in doubt',
    edits: [
      {
        file: targets,
        find: '        if (!record.isInDoubt) return { failure, tries: target.tries + own }\n',
        replace: '        if (own > 0) return { failure, tries: target.tries + own }\n',
      },
    ],
    shownBy: fallbackTests,
  },
  {
    name: 'a step keeps its locks',
    edits: [{ file: targets, find: 'if (keys.length > 0) await this.#locks.give(target)', replace: '' }],
    shownBy: lockTests,
  },
  {
    name: 'a step in line keeps its place from others',
    edits: [
      {
        file: targets,
        find: 'const leavesPlace = this.#inLine < inLineMax',
        replace: 'const leavesPlace = this.#inLine < 0',
      },
    ],
    shownBy: lockTests,
  },
  {
    name: 'a step in line does not hear of stop',
    edits: [{ file: targets, find: '      this.#stopped.abort()\n', replace: '' }],
    shownBy: lockTests,
  },
  {
    name: 'steps of one run share a lock',
    edits: [
      {
        file: 'src/commit/permits/permits.ts',
        find: 'permit.execution === execution && (permit.step === null || permit.step === step)',
        replace: 'permit.execution === execution && step !== undefined',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'nobody is told that a step has its permit',
    edits: [
      {
        file: 'src/commit/committer.ts',
        find: 'if (granted.length > 0) this.#news.grant(granted)',
        replace: 'if (granted.length > 1_000) this.#news.grant(granted)',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'targets begin behind the pause of one before them',
    edits: [
      {
        file: targets,
        find: 'if (this.#sleeping.size >= plan.parallel) return undefined',
        replace: 'if (this.#sleeping.size > plan.parallel) return undefined',
      },
    ],
    shownBy: ['test/fast/worker/sleeping-steps.test.ts'],
  },
]
