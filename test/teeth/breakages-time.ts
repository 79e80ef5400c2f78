import type { Breakage } from './breakage.ts'

const deadlines = 'src/commit/timers/deadlines.ts'
const unpausing = 'src/commit/pauses/unpausing.ts'
const policy = 'src/execution/timeout-policy.ts'
const pauseTests = ['test/fast/worker/pauses.test.ts']

/** Time: a steady clock, limits by class, deadlines that stand still, and a pace. */
export const timeBreakages: readonly Breakage[] = [
  {
    name: 'a deadline ends its execution once for each of its timers',
    edits: [
      {
        file: deadlines,
        find: 'for (const id of new Set(timers.map((each) => each.id))) {',
        replace: 'for (const id of timers.map((each) => each.id)) {',
      },
    ],
    shownBy: ['src/commit/committer.test.ts'],
  },
  {
    name: 'a wait is measured by the own clock alone',
    edits: [
      {
        file: 'src/run/running.ts',
        find: 'return Math.max(clock.now(), this.claimed.execution.startedAt ?? 0)',
        replace: 'return clock.now()',
      },
    ],
    shownBy: ['src/run/wait.test.ts'],
  },
  {
    name: 'time goes back with the wall',
    edits: [
      {
        file: 'src/time/steady.ts',
        find: 'this.#at = Math.max(this.#at + elapsedMs * (1 - slewShare), wall)',
        replace: 'this.#at = wall + elapsedMs * 0',
      },
    ],
    shownBy: ['src/time/steady.test.ts'],
  },
  {
    name: 'a clock that is set forward ends leases at once',
    edits: [
      {
        file: 'src/recover/sweep.ts',
        find: 'sweepOnce(options, grace?.endedAt)',
        replace: 'sweepOnce(options)',
      },
    ],
    shownBy: ['test/fast/worker/recovery.test.ts'],
  },
  {
    name: 'an alarm that a clock set forward has overtaken is waited for',
    edits: [
      {
        file: 'src/commit/committer.ts',
        find: 'this.#alarm.at <= at && this.#alarm.at > now',
        replace: 'this.#alarm.at <= at',
      },
    ],
    shownBy: ['src/commit/committer.test.ts'],
  },
  {
    name: 'the SLA class speaks before the class of the action',
    edits: [
      {
        file: policy,
        find: '(actionClass === anyClass ? 0 : 2) + (slaClass === anyClass ? 0 : 1)',
        replace: '(actionClass === anyClass ? 0 : 1) + (slaClass === anyClass ? 0 : 2)',
      },
    ],
    shownBy: ['src/execution/timeout-policy.test.ts'],
  },
  {
    name: 'a policy puts off the deadline that was asked for',
    edits: [{ file: policy, find: '  return Math.min(asked ??', replace: '  return Math.max(asked ?? 0 *' }],
    shownBy: ['src/execution/timeout-policy.test.ts'],
  },
  {
    name: 'pauses that overlap count twice',
    edits: [
      {
        file: 'src/claim/paused.ts',
        find: '    countedTo = Math.max(countedTo, end)\n',
        replace: '',
      },
    ],
    shownBy: ['src/claim/paused.test.ts'],
  },
  {
    name: 'a deadline runs while its work is paused',
    edits: [{ file: deadlines, find: 'return byMs === 0 ? execution', replace: 'return byMs >= 0 ? execution' }],
    shownBy: pauseTests,
  },
  {
    name: 'a release knows no pace',
    edits: [
      {
        file: unpausing,
        find: 'Math.ceil((part / pacePerSecond) * 1_000)',
        replace: 'part * 0',
      },
    ],
    shownBy: pauseTests,
  },
  {
    name: 'a pause is lifted without a look at what no claim has met',
    edits: [{ file: unpausing, find: '!(yield* this.#hasLooked(release, pause))', replace: 'pause.at < 0' }],
    shownBy: pauseTests,
  },
  {
    name: 'the end of a pause looks at one part of what was due only',
    edits: [{ file: unpausing, find: '        return false\n', replace: '        return true\n' }],
    shownBy: pauseTests,
  },
  {
    name: 'a release lets go what workers do not take',
    edits: [{ file: unpausing, find: 'const room = isServed ?', replace: 'const room = isServed && most < 0 ?' }],
    shownBy: pauseTests,
  },
  {
    name: 'a release is over before what it let go was begun',
    edits: [{ file: unpausing, find: '.some((queue) => served.has(queue))', replace: '.some((queue) => queue === 0)' }],
    shownBy: pauseTests,
  },
]
