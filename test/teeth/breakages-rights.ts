import type { Breakage } from './breakage.ts'

const decide = 'src/rights/decide-right.ts'
const everywhere = ['test/fast/worker/rights-everywhere.test.ts']
const decisions = ['src/rights']
const lostVotes = 'src/execution/decide-vote-lost.ts'

/** Who may do what, and who asks again in whose name. */
export const rightsBreakages: readonly Breakage[] = [
  {
    name: 'an effect begins in the name of somebody who has lost the right',
    edits: [
      {
        file: 'src/execution/decide-gates.ts',
        find: '    (isRefusal(requester) ? requester : null) ??\n',
        replace: '    (isRefusal(requester) ? null : null) ??\n',
      },
    ],
    shownBy: everywhere,
  },
  {
    name: 'work is claimed in the name of somebody who has lost the right',
    edits: [
      {
        file: 'src/commit/due/claims.ts',
        find: '    if (!isRefusal(right)) return execution\n',
        replace: '    if (right !== undefined) return execution\n',
      },
    ],
    shownBy: ['test/fast/worker/rights.test.ts'],
  },
  {
    name: 'a child is admitted in the name of somebody who has lost the right',
    edits: [
      {
        file: 'src/commit/admission.ts',
        find: '  if (isRefusal(right)) return right\n',
        replace: '  if (isRefusal(right) && admission.parentId === null) return right\n',
      },
    ],
    shownBy: everywhere,
  },
  {
    name: 'a change of rights is forgotten with the commit that made it',
    edits: [
      {
        file: 'src/commit/batch.ts',
        find: '      memory.rights = work.rights.current\n',
        replace: '',
      },
    ],
    shownBy: everywhere,
  },
  {
    name: 'somebody agrees at a level that he was not granted',
    edits: [
      { file: decide, find: '  if (level !== undefined && level > (levelMax ?? level)) return false\n', replace: '' },
    ],
    shownBy: ['test/fast/approvals/rights.test.ts'],
  },
  {
    name: 'a step begins in the name of somebody who has lost the right',
    edits: [
      {
        file: 'src/commit/commands.ts',
        find: "new Set(['intend_effect', 'begin_target'])",
        replace: "new Set(['intend_effect'])",
      },
    ],
    shownBy: ['test/fast/approvals/rights.test.ts'],
  },
  {
    name: 'an effect begins on the vote of somebody who may not agree any more',
    edits: [
      {
        file: lostVotes,
        find: '  if (lost === undefined) return null\n',
        replace: '  if (lost?.seq !== 0) return null\n',
      },
    ],
    shownBy: ['test/fast/approvals/interleaving.test.ts'],
  },
  {
    name: 'whoever has left the group still stands behind his vote',
    edits: [
      {
        file: 'src/rights/voter.ts',
        find: ' && (groups.length === 0 || groups.some((group) => held.includes(group)))',
        replace: ' && groups.length >= 0',
      },
    ],
    shownBy: ['test/fast/approvals/rights.test.ts'],
  },
  {
    name: 'what was dispatched on a lost vote is claimed',
    edits: [
      {
        file: 'src/commit/approvals/approvals.ts',
        find: '  if (!isToRun || !mayHaveLostVotes(work, execution)) return execution\n',
        replace: '  if (!isToRun || mayHaveLostVotes(work, execution)) return execution\n',
      },
    ],
    shownBy: ['test/fast/approvals/rights.test.ts'],
  },
  {
    name: 'the ledger of a run whose votes fall is not looked at',
    edits: [
      {
        file: 'src/commit/approvals/approvals.ts',
        find: '  if (begun.length > 0) yield* loadEffects(work, begun)\n',
        replace: '',
      },
    ],
    shownBy: ['test/fast/approvals/interleaving.test.ts'],
  },
  {
    name: 'a worker that holds nothing any more takes votes back',
    edits: [
      {
        file: lostVotes,
        find: "  if (command !== null && 'fence' in command && !owns(execution, command.fence)) return null\n",
        replace: '',
      },
    ],
    shownBy: ['test/fast/approvals/histories.test.ts'],
  },
  {
    name: 'a token widens what was granted',
    edits: [
      {
        file: decide,
        find: "role === null ? 'any' : may(role, permission))\n  const [best]",
        replace: "'any')\n  const [best]",
      },
    ],
    shownBy: decisions,
  },
  {
    name: 'whoever lost the last grant has the role of the token again',
    edits: [{ file: decide, find: '  if (holder.wasGranted) {\n', replace: '  if (holder.grants.length > 0) {\n' }],
    shownBy: decisions,
  },
  {
    name: 'an agent may whatever it is granted',
    edits: [
      {
        file: decide,
        find: "  return kind === 'agent' || kind === 'worker' ? may(kind, permission) : 'any'\n",
        replace: "  return kind === 'worker' ? may(kind, permission) : 'any'\n",
      },
    ],
    shownBy: decisions,
  },
  {
    name: 'a narrowed grant reaches all of a tenant',
    edits: [
      {
        file: decide,
        find: "  if (about === 'later') return true\n",
        replace: "  if (about === 'later' || about === null) return true\n",
      },
    ],
    shownBy: decisions,
  },
  {
    name: 'somebody gives more than he holds',
    edits: [
      {
        file: decide,
        find: '    (source) => covers(source, narrowing) && lesser(lesser(source.reach, ceiling), reach) === reach,\n',
        replace: '    (source) => lesser(lesser(source.reach, ceiling), reach) === reach,\n',
      },
    ],
    shownBy: decisions,
  },
  {
    name: 'the last admin locks everybody out',
    edits: [
      {
        file: 'src/rights/decide-change.ts',
        find: '  return refusal ?? refuseLockOut(rights, wanted, by)\n',
        replace: '  return refusal\n',
      },
    ],
    shownBy: decisions,
  },
  {
    name: 'a field that Pawl computes of a request is taken',
    edits: [{ file: 'src/admit/request.ts', find: '    refuseSaid(request) ??\n', replace: '' }],
    shownBy: ['test/fast/server/computed.test.ts'],
  },
]
