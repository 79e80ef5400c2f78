import type { Breakage } from './breakage.ts'

const committer = 'src/commit/committer.ts'
const workset = 'src/commit/workset.ts'
const committerTests = ['src/commit/committer.test.ts']
const contract = ['src/store/sqlite/sqlite.test.ts', '-t', 'in memory']

/** The commit, the store and the worker. */
export const commitBreakages: readonly Breakage[] = [
  {
    name: 'answers are given before the commit',
    edits: [
      {
        file: committer,
        find: '      const written = session.write(result.changes)\n',
        replace:
          '      for (const [index, one] of group.entries()) one.answer(result.answers[index] as Answer)\n      const written = session.write(result.changes)\n',
      },
    ],
    shownBy: 600,
  },
  {
    name: 'events are committed apart from their changes',
    edits: [
      {
        file: 'src/store/sqlite/write.ts',
        find: '  appendLog(prepared, changes.log, changes.updates)\n',
        replace:
          "  appendLog(prepared, changes.log, changes.updates)\n  prepared.run('commit')\n  prepared.run('begin')\n",
      },
    ],
    shownBy: 300,
  },
  {
    name: 'changes are written without their events',
    edits: [
      { file: 'src/store/sqlite/write.ts', find: '  appendLog(prepared, changes.log, changes.updates)\n', replace: '' },
    ],
    shownBy: 20,
  },
  {
    name: 'one order that cannot be committed fails its whole group',
    edits: [{ file: committer, find: 'if (group.length <= 1 ||', replace: 'if (group.length >= 0 ||' }],
    shownBy: committerTests,
  },
  {
    name: 'rows that changed under the writer are not noticed',
    edits: [{ file: committer, find: 'if (stale.length > 0) throw', replace: 'if (stale.length > 99) throw' }],
    shownBy: committerTests,
  },
  {
    name: 'a claim that came during a commit is sent away unseen',
    edits: [{ file: committer, find: 'this.#expireClaims(claims)', replace: 'this.#expireClaims([...this.#claims])' }],
    shownBy: committerTests,
  },
  {
    name: 'a key answers other input',
    edits: [
      {
        file: 'src/commit/admission.ts',
        find: 'owner.inputHash !== admission.inputHash',
        replace: 'owner.inputHash === null',
      },
    ],
    shownBy: 100,
  },
  {
    name: 'a replaced execution goes on beside the one that took its place',
    edits: [
      {
        file: 'src/commit/admission.ts',
        find: '  work.apply(execution, decision, { principal, worker: null })\n',
        replace: '',
      },
    ],
    shownBy: ['test/fast/worker/admitting.test.ts'],
  },
  {
    name: 'the depth of a queue is counted on behind what a commit took from it',
    edits: [
      { file: 'src/commit/due/depths.ts', find: 'else change.removed += 1', replace: 'else change.removed += 0' },
    ],
    shownBy: 20,
  },
  {
    name: 'an execution is run again while its key is held by one that has not ended',
    edits: [{ file: 'src/commit/rerun.ts', find: '!isTerminal(held.state)', replace: 'held.id < 0' }],
    shownBy: ['test/fast/worker/rerun.test.ts'],
  },
  {
    name: 'the end of a pause is not seen by claims of the same commit',
    edits: [
      {
        file: 'src/commit/pauses/pauses.ts',
        find: 'stored.filter((pause) => !lifted.has(pauseKey(pause)))',
        replace: 'stored.filter((pause) => !remove.includes(pause) || lifted.size < 0)',
      },
    ],
    shownBy: committerTests,
  },
  {
    name: 'a queue is forgotten when another came before it',
    edits: [
      {
        file: 'src/commit/due/due.ts',
        find: 'emptied: front.isEmpty',
        replace: 'emptied: true',
      },
    ],
    shownBy: committerTests,
  },
  {
    name: 'pauses are not looked at by claims',
    edits: [
      {
        file: 'src/claim/select.ts',
        find: 'return pause === undefined ? {',
        replace: 'return pauses.length >= 0 ? {',
      },
    ],
    shownBy: 600,
  },
  {
    name: 'a claim does not raise the fence',
    edits: [
      {
        file: workset,
        find: "fact.type === 'claim' || fact.type === 'planning_started' ? Math.max(was.fence + 1, position) : was.fence",
        replace: 'was.fence',
      },
    ],
    shownBy: 5,
  },
  {
    name: 'a new timer does not wake the writer',
    edits: [
      {
        file: 'src/commit/batch.ts',
        find: 'if (added !== null && (memory.nextTimerAt === null || added < memory.nextTimerAt)) memory.nextTimerAt = added',
        replace: 'void added',
      },
    ],
    shownBy: 100,
  },
  {
    name: 'a rollback leaves the counters where they were',
    edits: [
      {
        file: 'src/store/sqlite/session.ts',
        find: '    this.#counters = this.#committed\n    if (',
        replace: '    if (',
      },
    ],
    shownBy: 100,
  },
  {
    name: 'an illegal transition passes the tables',
    edits: [
      {
        file: 'src/store/sqlite/migrations/0004_codes.up.sql',
        find: 'create trigger executions_guard_update\n',
        replace: 'create trigger executions_guard_update_off\n',
      },
      {
        file: 'src/store/sqlite/migrations/0004_codes.up.sql',
        find: 'after update of id, tenant, queue, state, n, fence, head on executions\n',
        replace: 'after update of max_attempts on executions\n',
      },
    ],
    shownBy: contract,
  },
  {
    name: 'the log can be changed',
    edits: [
      {
        file: 'src/store/sqlite/migrations/0002_guards.up.sql',
        find: 'create trigger log_no_update before update on log\n',
        replace: 'create trigger log_no_update before update on log when false\n',
      },
    ],
    shownBy: contract,
  },
  {
    name: 'an effect is called before its intent is committed',
    edits: [
      {
        file: 'src/run/effect.ts',
        find: "    await running.send({\n      ...this.#address('intend_effect'),",
        replace: "    void running.send({\n      ...this.#address('intend_effect'),",
      },
    ],
    shownBy: 20,
  },
  {
    name: 'an effect in doubt is told as not applied',
    edits: [
      {
        file: 'src/run/effect.ts',
        find: "isNotApplied(thrown) || neverSent(thrown) ? 'not_applied' : 'in_doubt'",
        replace: "isNotApplied(thrown) || neverSent(thrown) ? 'in_doubt' : 'not_applied'",
      },
    ],
    shownBy: 600,
  },
  {
    name: 'a record-only execution performs its effects',
    edits: [
      {
        file: 'src/run/effect.ts',
        find: '  if (running.claimed.request.recordOnly) return',
        replace: '  if (running.claimed.request.tenant === null) return',
      },
    ],
    shownBy: 300,
  },
  {
    name: 'a recorded step runs again',
    edits: [
      {
        file: 'src/run/step.ts',
        find: '  if (step !== undefined) return running.decode<T>(`The recorded value of step ${name}`, step.value)\n  if (running.reconcileOnly) throw running.stop(reconciled())\n  const startedAt = now()\n  const value = recorded(await',
        replace:
          '  if (running.reconcileOnly && step === undefined) throw running.stop(reconciled())\n  const startedAt = now()\n  const value = recorded(await',
      },
    ],
    shownBy: ['test/fast/worker/worker.test.ts'],
  },
  {
    name: 'a lost run settles nevertheless',
    edits: [
      {
        file: 'src/settle/settle.ts',
        find: "    case 'lost':\n      return null",
        replace: "    case 'lost':\n      return { type: 'hand_back', fence }",
      },
    ],
    shownBy: ['src/settle/settle.test.ts'],
  },
  {
    name: 'a person of another tenant reaches an execution',
    edits: [
      {
        file: 'src/control/control-plane.ts',
        find: 'if (found === null || found.execution.tenant !== by.tenant) {',
        replace: 'if (found === null) {',
      },
      {
        file: 'src/control/control-plane.ts',
        find: '      tenant: by.tenant,\n      command,',
        replace: '      tenant: null,\n      command,',
      },
    ],
    shownBy: 2_000,
  },
]
