import type { Breakage } from './breakage.ts'

const permits = 'src/commit/permits/permits.ts'
const permitTests = ['test/fast/permits']

/** Who holds a permit, who is next, and what is fair. */
export const permitBreakages: readonly Breakage[] = [
  {
    name: 'a freed permit is not handed on',
    edits: [
      {
        file: permits,
        find: '    this.#work.left.clear()\n    yield* this.handOn()\n',
        replace: '    this.#work.left.clear()\n',
      },
    ],
    shownBy: 100,
  },
  {
    name: 'permits outlive their lease',
    edits: [
      {
        file: permits,
        find: '      yield* this.#dropAll(id)\n    }\n    this.#work.left.clear()\n',
        replace: '    }\n    this.#work.left.clear()\n',
      },
    ],
    shownBy: 100,
  },
  {
    name: 'one more than the capacity gets a permit',
    edits: [
      {
        file: 'src/execution/permit.ts',
        find: '  if (taken.length >= capacity) return null\n',
        replace: '  if (taken.length > capacity) return null\n',
      },
      { file: 'src/execution/permit.ts', find: 'slot < capacity; slot++', replace: 'slot <= capacity; slot++' },
    ],
    shownBy: 100,
  },
  {
    name: 'a lowered capacity lets somebody into a lower slot',
    edits: [
      {
        file: 'src/execution/permit.ts',
        find: '  if (taken.length >= capacity) return null\n',
        replace: '',
      },
    ],
    shownBy: ['src/execution/permit.test.ts'],
  },
  {
    name: 'a second wait is held through by what is left of the first',
    edits: [{ file: 'src/execution/decide-run.ts', find: '    holdUntil: null,\n', replace: '' }],
    shownBy: permitTests,
  },
  {
    name: 'a step that waited holds its permit under no fence',
    edits: [
      {
        file: 'src/commit/permits/permit-orders.ts',
        find: '{ ...mine, fence, granted: false, takenAt: work.now }',
        replace: '{ ...mine, granted: false, takenAt: work.now }',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'a flood of steps holds the oldest step up for ever',
    edits: [
      {
        file: 'src/commit/due/line.ts',
        find: 'const waiter = isOldest ? oldest(waiters) : waiters[0]',
        replace: 'const [waiter] = waiters',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'the oldest in a line passes a better rank twice in sixteen',
    edits: [
      {
        file: 'src/commit/due/line.ts',
        find: 'if (first === null || this.#passes.of(name) < passesMax - 1) return first',
        replace: 'if (first === null || this.#passes.of(name) < passesMax - 2) return first',
      },
    ],
    shownBy: 150,
  },
  {
    name: 'claims of several queues take the youngest first',
    edits: [
      {
        file: 'src/commit/due/due.ts',
        find: '(row.rank === least.rank && isOlder(row, least))',
        replace: '(row.rank === least.rank && isOlder(least, row))',
      },
    ],
    shownBy: 150,
  },
  {
    name: 'whoever holds a key of another step waits for it',
    edits: [
      {
        file: 'src/commit/permits/permit-orders.ts',
        find: '    if (yield* permits.waitsForItself(asker, tenant, key)) {',
        replace: '    if (id < 0) {',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'paused work keeps a permit from whoever may run',
    edits: [
      {
        file: 'src/commit/due/claims.ts',
        find: '      // What is paused must not keep a permit from whoever may run.\n      if (this.#permits.isHolder(execution.id)) yield* this.#permits.release(execution.id)\n',
        replace: '',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'a wait gives back what the action keeps',
    edits: [
      { file: permits, find: '    if (holdMs === 0) return false\n', replace: '    if (holdMs >= 0) return false\n' },
    ],
    shownBy: permitTests,
  },
  {
    name: 'a claim that found only parked work waits for its poll',
    edits: [
      {
        file: 'src/commit/committer.ts',
        find: '    if (result.unfinished && this.#claims.length > 0) this.#claimsUnseen = true\n',
        replace: '',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'all tenants stand in one line',
    edits: [
      {
        file: 'src/commit/due/turns.ts',
        find: '=> `${queue} ${rank} ${tenant}`',
        replace: '=> `${queue} ${rank} ${tenant.length < 0}`',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'a flood of higher priority holds the oldest up for ever',
    edits: [
      {
        file: 'src/commit/due/due.ts',
        find: 'if (other === null) return',
        replace: 'if (other === null || left >= 0) return',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'what a commit makes due hides the oldest of its rank',
    edits: [
      {
        file: 'src/commit/due/heads.ts',
        find: 'if (head === undefined || inLine(row, head) < 0)',
        replace: 'if (head === undefined)',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'canceled work in front of its rank hides who stands behind it',
    edits: [
      {
        file: 'src/commit/due/heads.ts',
        find: 'if ([...gone.values()].every((count) => count < this.#each)) return left',
        replace: 'if (gone.size >= 0) return left',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'what a commit makes due goes before stored work that was not read',
    edits: [{ file: 'src/commit/due/due.ts', find: '.sort(inLine).slice(0, count)', replace: '.sort(inLine)' }],
    shownBy: permitTests,
  },
  {
    name: 'a large claim takes more than fifteen before the oldest',
    edits: [
      {
        file: 'src/commit/due/due.ts',
        find: 'if (left > 0) return { entries: ordered, most: left }',
        replace: 'if (left > 0) return { entries: ordered, most: ordered.length }',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'a rate is paid by nobody',
    edits: [{ file: 'src/execution/permit.ts', find: 'dueUs: next + paceUs }', replace: 'dueUs: next }' }],
    shownBy: permitTests,
  },
]
