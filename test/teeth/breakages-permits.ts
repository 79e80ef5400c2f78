import type { Breakage } from './breakage.ts'

const permits = 'src/commit/permits.ts'
const permitTests = ['src/commit/permits.test.ts']

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
    edits: [{ file: 'src/execution/permit.ts', find: 'slot < capacity; slot++', replace: 'slot <= capacity; slot++' }],
    shownBy: 100,
  },
  {
    name: 'whoever holds a key of another step waits for it',
    edits: [
      {
        file: 'src/commit/permit-orders.ts',
        find: '    if (yield* permits.waitsForItself(id, tenant, key)) {',
        replace: '    if (id < 0) {',
      },
    ],
    shownBy: permitTests,
  },
  {
    name: 'paused work keeps a permit from whoever may run',
    edits: [
      {
        file: 'src/commit/claims.ts',
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
        file: 'src/commit/turns.ts',
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
        file: 'src/commit/due.ts',
        find: '    return left > 0 ? ordered.slice(0, left) : [oldest]\n',
        replace: '    return ordered\n',
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
