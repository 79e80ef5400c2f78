import type { Breakage } from './breakage.ts'

const rules = 'src/execution/decide-wait.ts'
const ruleTests = ['src/execution/decide-wait.test.ts']
const waitingTests = ['test/fast/worker/waiting.test.ts']
const childTests = ['test/fast/worker/children.test.ts']
const cancelTests = ['test/fast/worker/cancelling.test.ts']

/** Rules of sleeps, signals, children and pushed cancels. */
export const waitingBreakages: readonly Breakage[] = [
  {
    name: 'a signal that came during the run is not seen by its suspension',
    edits: [
      {
        file: rules,
        find: 'if (ending === null && awaits.some(',
        replace: 'if (ending === undefined && awaits.some(',
      },
    ],
    shownBy: waitingTests,
  },
  {
    name: 'a signal wakes nobody',
    edits: [{ file: rules, find: 'if (waitsFor(execution, name))', replace: 'if (waitsFor(execution, `${name} `))' }],
    shownBy: ruleTests,
  },
  {
    name: 'a repeated signal is a second one',
    edits: [
      {
        file: rules,
        find: 'signal.dedupe === dedupe)) return nothing',
        replace: 'signal.dedupe === undefined)) return nothing',
      },
    ],
    shownBy: ruleTests,
  },
  {
    name: 'a cancel does not beat a suspension',
    edits: [
      {
        file: rules,
        find: "const ending = execution.cancelledAt === null ? execution.ending : 'canceled'",
        replace: 'const { ending } = execution',
      },
    ],
    shownBy: ruleTests,
  },
  {
    name: 'an execution in doubt is woken although a process that may have acted lives',
    edits: [{ file: rules, find: ' && open.every(({ worker }) => around.isGone(worker))', replace: '' }],
    shownBy: ruleTests,
  },
  {
    name: 'a taken signal stays unread',
    edits: [
      {
        file: 'src/commit/signals.ts',
        find: 'if (takes !== undefined) this.taken.push({ execution, ...takes, at })',
        replace: 'if (takes !== undefined && at < 0) this.taken.push({ execution, ...takes, at })',
      },
    ],
    shownBy: waitingTests,
  },
  {
    name: 'a sleep is counted from the newest run',
    edits: [
      {
        file: 'src/run/wait.ts',
        find: 'return running.decode<{ until: number }>(`The record of ${step}`, record.value, isUntil).until',
        replace: 'return clock.now() + ms',
      },
    ],
    shownBy: waitingTests,
  },
  {
    name: 'a run is suspended while one of its calls is under way',
    edits: [
      {
        file: 'src/run/waits.ts',
        find: 'this.#waiting.size > 0 && this.#waiting.size >= this.#callsInFlight()',
        replace: 'this.#waiting.size > 0 && this.#callsInFlight() > 0',
      },
    ],
    shownBy: waitingTests,
  },
  {
    name: 'the end of a child is told to nobody',
    edits: [{ file: 'src/commit/kin/kin.ts', find: 'if (child.parent !== null)', replace: 'if (child.parent === -1)' }],
    shownBy: childTests,
  },
  {
    name: 'a cancel does not go down to the children',
    edits: [
      {
        file: 'src/commit/kin/kin.ts',
        find: 'if (was.cancelledAt === null && is.cancelledAt !== null)',
        replace: 'if (was.cancelledAt === -1 && is.cancelledAt !== null)',
      },
    ],
    shownBy: childTests,
  },
  {
    name: 'a child is born although its parent is to be cancelled',
    edits: [
      {
        file: 'src/execution/decide-child.ts',
        find: 'if (parent.cancelledAt !== null)',
        replace: 'if (parent.cancelledAt === -1)',
      },
    ],
    shownBy: ['src/execution/decide-wait.test.ts'],
  },
  {
    name: 'a doubled spawn is a second child',
    edits: [
      {
        file: 'src/commit/kin/children.ts',
        find: 'if (recorded !== undefined) return',
        replace: 'if (recorded !== undefined && ordinal < 0) return',
      },
    ],
    shownBy: childTests,
  },
  {
    name: 'a wish to cancel waits for the heartbeat',
    edits: [
      {
        file: 'src/commit/committer.ts',
        find: 'if (cancelAsked.length > 0) this.#news.cancel(cancelAsked)',
        replace: 'if (cancelAsked.length > 1_000) this.#news.cancel(cancelAsked)',
      },
    ],
    shownBy: cancelTests,
  },
  {
    name: 'a worker claims on beside a handler that ignores its abort',
    edits: [
      { file: 'src/worker.ts', find: 'const mayClaim = !this.#ignored.any && ', replace: 'const mayClaim = ' },
      {
        file: 'src/worker.ts',
        find: 'if (this.#ignored.any) return await',
        replace: 'if (this.#stopping.signal.aborted) return await',
      },
      {
        file: 'src/commit/due/claims.ts',
        find: 'if (isDraining(worker))',
        replace: 'if (worker.drain !== null)',
      },
    ],
    shownBy: cancelTests,
  },
  {
    name: 'a family cancel comes to all children in one commit',
    edits: [
      { file: 'src/commit/kin/children.ts', find: 'const cancelledMax = 200', replace: 'const cancelledMax = 2_000' },
    ],
    shownBy: childTests,
  },
  {
    name: 'a family cancel spares the children that its first commit has not come to',
    edits: [
      { file: 'src/commit/kin/children.ts', find: 'if (isMore && (', replace: 'if (isMore && ids.length < 0 && (' },
    ],
    shownBy: childTests,
  },
]
