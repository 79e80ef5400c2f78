import type { Breakage } from './breakage.ts'

const approving = 'src/execution/decide-approval.ts'
const gates = 'src/execution/decide-gates.ts'
const planning = 'src/execution/decide-plan.ts'
const approvalTests = ['test/fast/approvals/approvals.test.ts', 'src/execution/decide-approval.test.ts']

/** Who may agree to what, and what an approval is good for. */
export const approvalBreakages: readonly Breakage[] = [
  {
    name: 'approve dispatches',
    edits: [
      {
        file: approving,
        find: "    gate.rules.resume === 'auto' && (state",
        replace: '    gate.rules.quorum > 0 && (state',
      },
    ],
    shownBy: approvalTests,
  },
  {
    name: 'whoever asked for it may approve it',
    edits: [
      {
        file: approving,
        find: 'if (!rules.selfApproval && request?.requestedBy === principal) {',
        replace: "if (!rules.selfApproval && request?.requestedBy === '') {",
      },
    ],
    shownBy: approvalTests,
  },
  {
    name: 'an approval of another plan counts',
    edits: [
      {
        file: approving,
        find: '  if (planHash !== gate.planHash) {',
        replace: '  if (planHash.length !== gate.planHash.length) {',
      },
    ],
    shownBy: approvalTests,
  },
  {
    name: 'another plan keeps the approval of the one before it',
    edits: [
      {
        file: planning,
        find: '  if (gate !== null && before === hash) return keepPlan(',
        replace: '  if (gate !== null && before !== null) return keepPlan(',
      },
    ],
    shownBy: approvalTests,
  },
  {
    name: 'an effect that the approved plan does not name is performed',
    edits: [
      {
        file: gates,
        find: 'if (named === null || named.includes(effect)) return null',
        replace: 'if (named === null || named.length >= 0) return null',
      },
    ],
    shownBy: approvalTests,
  },
  {
    name: 'a revoked vote changes nothing',
    edits: [
      {
        file: approving,
        find: '  if (isEnough || !isApproved(gate)) return {',
        replace: '  if (isEnough || isApproved(gate)) return {',
      },
    ],
    shownBy: approvalTests,
  },
  {
    name: 'people agree to a plan that names no effect',
    edits: [
      {
        file: 'src/action/approvals.ts',
        find: "  if (level === 'plan_review' && effects === undefined) return refuse(",
        replace: "  if (level === 'plan_review' && effects === null) return refuse(",
      },
    ],
    shownBy: ['src/action/action.test.ts'],
  },
  {
    name: 'a definition of plan_review names no effect',
    edits: [
      {
        file: 'src/action/approvals.ts',
        find: "  if (approval === 'plan_review' && !isPlanned && effects === undefined) return namesNoEffects\n",
        replace: '',
      },
    ],
    shownBy: ['src/action/action.test.ts'],
  },
  {
    name: 'the hash of a plan leaves out the names of its effects',
    edits: [
      {
        file: 'src/execution/plan.ts',
        find: '"effects":${JSON.stringify(effects)},"step"',
        replace: '"effects":${JSON.stringify(effects.length)},"step"',
      },
    ],
    shownBy: ['test/fast/approvals/plan-hashes.test.ts'],
  },
]
