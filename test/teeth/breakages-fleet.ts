import type { Breakage } from './breakage.ts'

const tests = ['test/fast/leader']
const drains = ['test/fast/worker/draining.test.ts']

/** One process leads, and the store believes no other. */
export const fleetBreakages: readonly Breakage[] = [
  {
    name: 'a duty of an epoch that is over is done',
    edits: [
      {
        file: 'src/commit/fleet/leading.ts',
        find: 'newest.epoch === epoch && newest.endedAt === null',
        replace: 'newest.endedAt === null',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'a duty of a leader that has stopped is done',
    edits: [
      {
        file: 'src/commit/fleet/leading.ts',
        find: 'newest.epoch === epoch && newest.endedAt === null',
        replace: 'newest.epoch === epoch',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'the duties are taken from a leader that lives',
    edits: [
      {
        file: 'src/commit/fleet/leading.ts',
        find: 'newest.until !== null && newest.until > this.#now',
        replace: 'newest.until !== null && newest.until > this.#now + 5_000',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'nothing tells that a leader was refused',
    edits: [{ file: 'src/commit/fleet/leading.ts', find: 'refused: own.refused + 1', replace: 'refused: own.refused' }],
    shownBy: tests,
  },
  {
    name: 'a leader that cannot renew goes on with its duties',
    edits: [
      {
        file: 'src/leader/leadership.ts',
        find: 'if (leaseMs !== null && this.#term?.isOver(clock.elapsed(), leaseMs) === true) this.#stepDown()',
        replace: '',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'a drained worker goes on claiming',
    edits: [
      {
        file: 'src/commit/fleet/registry.ts',
        find: 'drainingSince !== null || drain !== null',
        replace: 'drainingSince !== null',
      },
    ],
    shownBy: drains,
  },
  {
    name: 'a drain without a limit hands back at once',
    edits: [{ file: 'src/run/drain.ts', find: 'until === null ? unlimitedMs', replace: 'until === null ? 0' }],
    shownBy: drains,
  },
  {
    name: 'a worker hears of its drain from nobody but its listening',
    edits: [{ file: 'src/run/heart.ts', find: 'if (drain !== undefined) this.#news.drain?.(drain)', replace: '' }],
    shownBy: drains,
  },
  {
    name: 'the death of a process that holds the store is never proven',
    edits: [
      { file: 'src/recover/presence.ts', find: 'return proofOfDeath(other, here, table)', replace: 'return null' },
    ],
    shownBy: tests,
  },
  {
    name: 'a process that stops says nothing',
    edits: [{ file: 'src/recover/presence.ts', find: 'if (process === undefined) return', replace: 'return' }],
    shownBy: tests,
  },
  {
    name: 'a process that was frozen stays away',
    edits: [
      {
        file: 'src/recover/presence.ts',
        find: 'const process = { ...self, startedAt: last?.startedAt ?? null }',
        replace:
          'if (last !== undefined && clock.now() - last.seenAt > 30_000) return\n      const process = { ...self, startedAt: last?.startedAt ?? null }',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'a process is listed beside its worker',
    edits: [{ file: 'src/projections/fleet.ts', find: 'standing.add(process)', replace: 'standing.delete(process)' }],
    shownBy: tests,
  },
]
