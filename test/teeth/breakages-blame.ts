import type { Breakage } from './breakage.ts'

const blame = 'src/execution/decide-blame.ts'
const blameTests = ['src/execution/decide-blame.test.ts']
const suspects = 'src/isolate/suspects.ts'
const suspectTests = ['test/fast/worker/suspects.test.ts']
const quarantineTests = ['test/fast/worker/quarantine.test.ts']
const undecodableTests = ['test/fast/worker/undecodable.test.ts']

/** Rules of who is to blame for a lost process, and of what cannot be read. */
export const blameBreakages: readonly Breakage[] = [
  {
    name: 'blame: a crash is believed of whoever does not hold the lease',
    edits: [
      { file: blame, find: 'if (!owns(execution, command.fence)) return', replace: 'if (execution.fence < 0) return' },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: a crash in a process of its own is nobody to blame for',
    edits: [{ file: blame, find: '    isLone: true,', replace: '    isLone: false,' }],
    shownBy: blameTests,
  },
  {
    name: 'blame: everybody who was in a lost process is taken for its end',
    edits: [
      {
        file: blame,
        find: 'isLone: isSuspect(execution) && command.isApart !== true,',
        replace: 'isLone: command.isApart !== true,',
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: the end of a worker is the fault of what ran in processes of their own',
    edits: [
      {
        file: blame,
        find: 'isLone: isSuspect(execution) && command.isApart !== true,',
        replace: 'isLone: isSuspect(execution),',
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: the number of lone crashes is not the one that was set',
    edits: [
      {
        file: blame,
        find: 'const isPoison = isLone && loneLosses >= poisonLosses',
        replace: 'const isPoison = isLone && loneLosses >= poisonLossesDefault',
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: one lone crash too many before poison is quarantined',
    edits: [
      {
        file: blame,
        find: 'const isPoison = isLone && loneLosses >= poisonLosses',
        replace: 'const isPoison = isLone && loneLosses > poisonLosses',
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: a loss beside others costs an attempt',
    edits: [
      {
        file: blame,
        find: 'const isSpared = !isLone && losses - loneLosses',
        replace: 'const isSpared = isLone && losses - loneLosses',
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: losses beside others are spared for ever',
    edits: [{ file: blame, find: 'losses - loneLosses <= poisonLosses', replace: 'losses - loneLosses <= losses' }],
    shownBy: blameTests,
  },
  {
    name: 'blame: a handler that seems to get further is spared for ever',
    edits: [{ file: blame, find: ' && execution.n <= sparedEventsMax', replace: '' }],
    shownBy: blameTests,
  },
  {
    name: 'blame: poison leaves no evidence',
    edits: [
      {
        file: blame,
        find: "isPoison ? [note(execution, 'quarantined'",
        replace: "isPoison && losses < 0 ? [note(execution, 'quarantined'",
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'blame: a run that ended by itself stays a suspect',
    edits: [
      {
        file: 'src/execution/decision.ts',
        find: '...(isCleared ? cleared : {}),',
        replace: '...(isCleared ? {} : {}),',
      },
    ],
    shownBy: blameTests,
  },
  {
    name: 'suspects: room for one more in processes of their own than is free',
    edits: [
      {
        file: suspects,
        find: 'Math.max(0, apartMax - this.#running)',
        replace: 'Math.max(1, apartMax - this.#running)',
      },
    ],
    shownBy: suspectTests,
  },
  {
    name: 'suspects: room beside what runs already',
    edits: [{ file: suspects, find: 'return others === 0 ? 1 : 0', replace: 'return others <= 1 ? 1 : 0' }],
    shownBy: suspectTests,
  },
  {
    name: 'suspects: more is claimed beside one that runs',
    edits: [{ file: suspects, find: '(this.#running > 0 || (', replace: '(this.#running > 1 || (' }],
    shownBy: suspectTests,
  },
  {
    name: 'suspects: nobody makes room for one that waits',
    edits: [{ file: suspects, find: '(this.#isAwaited && others > 0)', replace: '(this.#isAwaited && others < 0)' }],
    shownBy: suspectTests,
  },
  {
    name: 'suspects: room is made for ever once one was heard of',
    edits: [
      {
        file: suspects,
        find: '    this.#isAwaited = false\n',
        replace: '    this.#isAwaited = this.#isAwaited === true\n',
      },
    ],
    shownBy: suspectTests,
  },
  {
    name: 'suspects: why does not tell them from other due work',
    edits: [
      {
        file: 'src/projections/why.ts',
        find: 'if (serving.length > 0 && isSuspect(execution)) {',
        replace: 'if (serving.length < 0 && isSuspect(execution)) {',
      },
    ],
    shownBy: suspectTests,
  },
  {
    name: 'suspects: processes of single runs are counted as workers',
    edits: [{ file: 'src/projections/view.ts', find: ' && slots > 0 && now', replace: ' && slots >= 0 && now' }],
    shownBy: suspectTests,
  },
  {
    name: 'quarantine: rows that cannot be read are not set aside',
    edits: [
      {
        file: 'src/commit/committer.ts',
        find: 'error instanceof UndecodableRows && (await this.#setAside(error.rows))',
        replace: 'error instanceof UndecodableRows && error.rows.length < 0',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: an execution with a part that cannot be read runs on without it',
    edits: [
      {
        file: 'src/commit/loading.ts',
        find: 'if (work.executions.has(id) || work.quarantine.holds(id)) continue',
        replace: 'if (work.executions.has(id)) continue',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: a sweep looks no further than a page that is held back',
    edits: [
      {
        file: 'src/commit/fleet/recovery.ts',
        find: 'ids.length < dueMax || !ids.every((id) => work.quarantine.holds(id))',
        replace: 'ids.length <= dueMax',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: what is let go is not put among due and future work again',
    edits: [
      {
        file: 'src/commit/quarantine.ts',
        find: 'if (!isParked) work.addReady(execution)',
        replace: 'if (isParked) work.addReady(execution)',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: a delayed execution is let go without its timer',
    edits: [
      {
        file: 'src/commit/quarantine.ts',
        find: '} else if (is !== null) work.addTimer(',
        replace: '} else if (is === undefined) work.addTimer(',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: somebody of another tenant may let it go',
    edits: [
      {
        file: 'src/commit/quarantine.ts',
        find: ' || (named.tenant !== null && named.tenant !== tenant)',
        replace: '',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: one that cannot be read keeps a lock from the next in line',
    edits: [
      {
        file: 'src/commit/due/claims.ts',
        find: 'if (execution === null && this.#permits.isHolder(ready.id))',
        replace: 'if (execution !== null && this.#permits.isHolder(ready.id))',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: a page is shorter by what it leaves out',
    edits: [
      {
        file: 'src/store/sqlite/search.ts',
        find: 'const cut = rows.length === missing ?',
        replace: 'const cut = rows.length < 0 ?',
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'quarantine: another tenant is shown what could not be read',
    edits: [
      {
        file: 'src/projections/quarantine.ts',
        find: 'row.tenant === null || row.tenant === tenant',
        replace: "row.tenant !== ''",
      },
    ],
    shownBy: quarantineTests,
  },
  {
    name: 'undecodable: a record that cannot be read may be swallowed by the handler',
    edits: [
      {
        file: 'src/run/running.ts',
        find: "throw thrown instanceof Failure ? this.stop({ kind: 'failed', error: thrown }) : thrown",
        replace: 'throw thrown',
      },
    ],
    shownBy: undecodableTests,
  },
  {
    name: 'undecodable: records of the engine are taken in whatever shape they are',
    edits: [{ file: 'src/run/decoding.ts', find: 'if (fits !== undefined && (', replace: 'if (fits === null && (' }],
    shownBy: undecodableTests,
  },
  {
    name: 'undecodable: half of a plan is carried out before the rest is read',
    edits: [
      {
        file: 'src/run/targets.ts',
        find: '    decoded(argsOf(target), target.args)\n',
        replace: '    if (target.idx < 0) decoded(argsOf(target), target.args)\n',
      },
    ],
    shownBy: undecodableTests,
  },
  {
    name: 'undecodable: what cannot be read is tried again',
    edits: [
      {
        file: 'src/errors/taxonomy.ts',
        find: '  Undecodable: {\n    retryable: false,',
        replace: '  Undecodable: {\n    retryable: true,',
      },
    ],
    shownBy: undecodableTests,
  },
  {
    name: 'many at once: one that cannot be written refuses all beside it',
    edits: [
      {
        file: 'src/commit/committer.ts',
        find: 'const isWhole = only !== undefined && group.length === 1',
        replace: 'const isWhole = only !== undefined && group.length < 1',
      },
    ],
    shownBy: ['src/commit/committer.test.ts'],
  },
  {
    name: 'many at once: a store that fails is asked for each one',
    edits: [
      {
        file: 'src/commit/halving.ts',
        find: 'first.length >= culpritsMax && first.every(',
        replace: 'first.length < 0 && first.every(',
      },
    ],
    shownBy: ['src/commit/committer.test.ts'],
  },
]
