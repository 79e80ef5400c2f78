import { describe, expect, test } from 'vitest'
import type { Execution } from '../../execution/execution.ts'
import type { Update } from '../rows.ts'
import { claimed, succeeded } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

interface Case {
  readonly name: string
  /** Two executions in the same state, so that a write that forgets whom it means shows. */
  readonly start: (story: Story) => Promise<readonly Execution[]>
  readonly write: (was: Execution, position: number) => Execution
}

const cases: readonly Case[] = [
  { name: 'claim', start: (story) => story.admit({}, {}), write: claimed },
  { name: 'success', start: async (story) => story.claim(await story.admit({}, {})), write: succeeded },
  {
    name: 'renewal',
    start: async (story) => story.claim(await story.admit({}, {})),
    write: (was) => ({ ...was, leaseUntil: 61_000, leaseRenewals: 1, cancelChecks: 3 }),
  },
  {
    name: 'failure',
    start: async (story) => story.claim(await story.admit({}, {})),
    write: (was, head) => ({
      ...was,
      state: 'retryable_failed',
      n: was.n + 1,
      head,
      worker: null,
      leaseUntil: null,
      availableAt: 99_000,
      lastErrorClass: 'NetworkError',
      lastError: 'down',
    }),
  },
]

const lies: readonly { readonly what: string; readonly lie: (was: Execution) => Execution }[] = [
  { what: 'id', lie: (was) => ({ ...was, id: 99 }) },
  { what: 'fence', lie: (was) => ({ ...was, fence: was.fence + 1 }) },
  { what: 'state', lie: (was) => ({ ...was, state: was.state === 'queued' ? 'waiting' : 'queued' }) },
  { what: 'number', lie: (was) => ({ ...was, n: was.n + 1 }) },
]

/** A write names the row it expects; a row that is not so any more stays as it is, and the write is reported. */
export function fencesStaleOwners(harness: Harness): void {
  describe.each(cases)('a $name', ({ start, write }) => {
    test('REL-03 changes the named execution and not its neighbour', () =>
      Story.tell(harness, async (story) => {
        const [was, neighbour] = await start(story)
        if (was === undefined || neighbour === undefined) throw new Error('two were started')
        const is = write(was, await story.position())
        expect(await story.commit({ updates: [{ was, is }] })).toEqual([])
        expect(await story.session.executions([was.id, neighbour.id])).toEqual([is, neighbour])
      }))

    test.each(lies)('REL-03 that expects another $what is left undone and reported', ({ lie }) =>
      Story.tell(harness, async (story) => {
        const both = await start(story)
        const [was] = both
        if (was === undefined) throw new Error('one was started')
        const is = write(was, await story.position())
        const wrong = lie(was)
        const update = {
          was: wrong,
          is: { ...is, id: wrong.id, fence: is.fence === was.fence ? wrong.fence : is.fence + 1 },
        }
        expect(await story.commit({ updates: [update] })).toEqual([wrong.id])
        expect(await story.session.executions(both.map(({ id }) => id))).toEqual(both)
      }),
    )
  })

  test.each([
    ['state', { state: 'waiting' }],
    ['number', { n: 9 }],
  ] as const)('REL-03 a renewal that takes the row for one of another %s is left undone and reported', (_, lie) =>
    Story.tell(harness, async (story) => {
      const [was] = await story.claim(await story.admit({}))
      if (was === undefined) throw new Error('one was started')
      const wrong = { ...was, ...lie }
      const is = { ...wrong, leaseUntil: 61_000, leaseRenewals: 1 }
      expect(await story.commit({ updates: [{ was: wrong, is }] })).toEqual([was.id])
      expect(await story.session.executions([was.id])).toEqual([was])
    }),
  )

  test('REL-03 of a batch with duplicates and old fences only the true changes happen, each caller told its own', () =>
    Story.tell(harness, async (story) => {
      const running = await story.claim(await story.admit({}, {}, {}, {}))
      const [a, b, c, d] = running
      if (a === undefined || b === undefined || c === undefined || d === undefined) throw new Error('four were started')
      const lost = (was: Execution): Execution => ({ ...was, fence: was.fence - 1 })
      const position = await story.position()
      const settle = (was: Execution): Update => ({ was, is: succeeded(was, position) })
      const stale = await story.commit({ updates: [settle(d), settle(lost(c)), settle(a), settle(lost(a)), settle(a)] })
      expect(stale).toEqual([c.id, a.id, a.id])
      expect(await story.session.executions([a.id, b.id, c.id, d.id])).toEqual([
        succeeded(a, position),
        b,
        c,
        succeeded(d, position),
      ])
    }))

  test('every column of the narrow row is written and read back', () =>
    Story.tell(harness, async (story) => {
      const [queued] = await story.admit({})
      if (queued === undefined) throw new Error('one was admitted')
      const full: Execution = {
        ...queued,
        state: 'waiting',
        n: 3,
        attempt: 2,
        maxAttempts: 8,
        fence: 5,
        head: 7,
        rank: -4,
        availableAt: 11,
        deadlineAt: 12,
        leaseRenewals: 13,
        waitingFor: 'outcome',
        ending: 'canceled',
        openEffects: 14,
        journal: 15,
        reconciles: 16,
        cancelledBy: 'human:bob',
        cancelledAt: 17,
        cancelChecks: 18,
        lastErrorClass: 'NetworkError',
        lastError: 'down',
        updatedAt: 19,
        startedAt: 20,
        finishedAt: 21,
      }
      const running = claimed(queued, 2)
      await story.commit({ updates: [{ was: queued, is: running }] })
      await story.commit({ updates: [{ was: running, is: full }] })
      expect(await story.session.executions([1])).toEqual([full])
      for (const column of Object.keys(running) as (keyof Execution)[]) {
        if (['id', 'tenant', 'queue', 'state', 'n', 'fence', 'head', 'worker', 'leaseUntil'].includes(column)) continue
        if (column === 'cancelledBy' || column === 'cancelledAt') continue
        const [was] = await story.session.executions([1])
        if (was === undefined) throw new Error('it is there')
        const is: Execution = { ...was, n: was.n + 1, head: was.head + 1, [column]: queued[column] }
        await story.commit({ updates: [{ was, is }] })
        expect(await story.session.executions([1])).toEqual([is])
      }
    }))
}
