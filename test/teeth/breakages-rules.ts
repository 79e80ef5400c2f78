import type { Breakage } from './breakage.ts'

const run = 'src/execution/decide-run.ts'
const blame = 'src/execution/decide-blame.ts'
const effect = 'src/execution/decide-effect.ts'
const gates = 'src/execution/decide-gates.ts'
const ending = 'src/execution/ending.ts'
const control = 'src/execution/decide-control.ts'
const decideTests = ['src/execution/decide.test.ts']

/** Rules of the pure core. */
export const ruleBreakages: readonly Breakage[] = [
  {
    name: 'any fence owns a running execution',
    edits: [
      {
        file: run,
        find: "execution.state === 'running' && execution.fence === fence",
        replace: "execution.state === 'running'",
      },
    ],
    shownBy: 600,
  },
  {
    name: 'a step is recorded without a look at the lease',
    edits: [
      {
        file: effect,
        find: '  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)\n  if (around.stepRecorded) return nothing',
        replace: '  if (around.stepRecorded) return nothing',
      },
    ],
    shownBy: 600,
  },
  {
    name: 'a success is taken without a look at the lease',
    edits: [
      {
        file: run,
        find: "  if (!owns(execution, command.fence)) return leaseLost(execution, command.fence)\n  const { now } = around\n  if (execution.ending === 'expired')",
        replace: "  const { now } = around\n  if (execution.ending === 'expired')",
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'a sweep takes leases that live',
    edits: [
      {
        file: blame,
        find: "  if (command.cause === 'sweep' && (execution.leaseUntil ?? 0) > around.now) return nothing\n",
        replace: '',
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'the retry budget allows one attempt more after a failure',
    edits: [
      {
        file: run,
        find: '!command.retryable || execution.attempt >= execution.maxAttempts',
        replace: '!command.retryable || execution.attempt > execution.maxAttempts',
      },
    ],
    shownBy: 200,
  },
  {
    name: 'the retry budget allows one attempt more after a lost lease',
    edits: [
      {
        file: ending,
        find: 'execution.attempt >= execution.maxAttempts',
        replace: 'execution.attempt > execution.maxAttempts',
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'a hand-back costs an attempt',
    edits: [
      {
        file: run,
        find: "move(execution, 'hand_back', 'queued', { availableAt: around.now }, data)",
        replace:
          "move(execution, 'hand_back', 'queued', { availableAt: around.now, attempt: execution.attempt + 1 }, data)",
      },
    ],
    shownBy: 600,
  },
  {
    name: 'an execution ends while an effect is in doubt',
    edits: [{ file: ending, find: '  if (!effects.some(isOpen)) {', replace: '  if (effects.length >= 0) {' }],
    shownBy: 300,
  },
  {
    name: 'a success is taken while an effect is in doubt',
    edits: [
      {
        file: run,
        find: '  if (around.effects.some(isOpen)) {\n    // The handler',
        replace: '  if (around.effects.length > 99) {\n    // The handler',
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'a success is taken after the deadline has ended the execution',
    edits: [
      {
        file: run,
        find: "  if (execution.ending === 'expired') return",
        replace: "  if (execution.ending === 'failed') return",
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'a lost lease leaves its calls as if they were under way',
    edits: [
      {
        file: blame,
        find: '  const doubt = doubtOpen(execution, around.effects)\n  const { to, set } = afterLeaseLoss',
        replace: '  const doubt = doubtOpen(execution, [])\n  const { to, set } = afterLeaseLoss',
      },
    ],
    shownBy: 600,
  },
  {
    name: 'a wish to cancel does not stop the next effect',
    edits: [
      {
        file: gates,
        find: '  if (cancelledAt !== null) {',
        replace: '  if (cancelledAt === -1) {',
      },
    ],
    shownBy: 3_000,
  },
  {
    name: 'a claim for reconciliation only may begin effects',
    edits: [
      {
        file: gates,
        find: '  if (ending !== null && (effect !== null',
        replace: '  if (ending !== null && (effect === what',
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'an opaque effect in doubt is intended again',
    edits: [
      {
        file: effect,
        find: "  if (open && known.target === 'opaque') {",
        replace: '  if (open && known.intents > 99) {',
      },
    ],
    shownBy: decideTests,
  },
  {
    name: 'an opaque effect in doubt is called again blindly',
    edits: [
      {
        file: effect,
        find: "  if (open && known.target === 'opaque') {",
        replace: '  if (open && known.intents > 99) {',
      },
      {
        file: 'src/run/in-doubt.ts',
        find: "target === 'opaque' || reconcileOnly ? 'ask_person' : 'replay'",
        replace: "reconcileOnly ? 'ask_person' : 'replay'",
      },
      { file: ending, find: 'effects.some(needsPerson)', replace: 'effects.length < 0' },
    ],
    shownBy: 600,
  },
  {
    name: 'a "no" is believed while the old process lives',
    edits: [{ file: effect, find: '!around.isGone(known.worker)', replace: 'known.worker < 0' }],
    shownBy: 600,
  },
  {
    name: 'a recorded outcome leaves the effect open',
    edits: [
      {
        file: effect,
        find: "        'effect_recorded',\n        { openEffects: execution.openEffects - 1, ...",
        replace: "        'effect_recorded',\n        { ...",
      },
    ],
    shownBy: 50,
  },
  {
    name: 'a second completion with another result is taken as the same',
    edits: [
      { file: run, find: 'if (around.fingerprint === command.fingerprint) return nothing', replace: 'return nothing' },
    ],
    shownBy: decideTests,
  },
  {
    name: 'a redriven execution keeps its holder',
    edits: [{ file: control, find: '    worker: null,\n', replace: '' }],
    shownBy: 2_000,
  },
  {
    name: 'a redriven execution keeps the wish to cancel',
    edits: [{ file: control, find: '    cancelledBy: null,\n    cancelledAt: null,\n', replace: '' }],
    shownBy: 3_000,
  },
]
