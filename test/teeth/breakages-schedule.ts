import type { Breakage } from './breakage.ts'

const due = 'src/schedule/due.ts'
const orders = 'src/commit/timers/schedules.ts'
const submitting = 'src/schedule/submitting.ts'
const tests = ['src/schedule']

/** One occurrence, one execution, not before its time. */
export const scheduleBreakages: readonly Breakage[] = [
  {
    name: 'an occurrence is submitted without its key',
    edits: [{ file: submitting, find: '{ ...asked, key }', replace: '{ ...asked }' }],
    shownBy: tests,
  },
  {
    name: 'an occurrence may run before its time',
    edits: [{ file: submitting, find: 'availableAt: at, schedule:', replace: 'availableAt: null, schedule:' }],
    shownBy: 600,
  },
  {
    name: 'a schedule is moved on by whoever comes later',
    edits: [{ file: orders, find: ' || was.nextAt !== from', replace: '' }],
    shownBy: tests,
  },
  {
    name: 'a paused schedule is moved on',
    edits: [{ file: orders, find: ' || was.isPaused) return', replace: ') return' }],
    shownBy: tests,
  },
  {
    name: 'a deleted schedule is moved on as its namesake',
    edits: [{ file: orders, find: ' || was.id !== id', replace: '' }],
    shownBy: tests,
  },
  {
    name: 'a schedule is changed over somebody else’s change',
    edits: [{ file: orders, find: 'if (was.version !== ifVersion) {', replace: 'if (was.version < 0) {' }],
    shownBy: tests,
  },
  {
    name: 'what was missed fires under every policy',
    edits: [{ file: due, find: "  if (misfire === 'skip') return []\n", replace: '' }],
    shownBy: tests,
  },
  {
    name: 'catching up knows no bound',
    edits: [{ file: due, find: 'return missed.slice(-catchUpMax)', replace: 'return missed' }],
    shownBy: tests,
  },
]
