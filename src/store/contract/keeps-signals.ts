import { expect, test } from 'vitest'
import type { Signal } from '../../execution/execution.ts'
import { anEffect } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Signals are kept in their order until a run takes them, and each of them once. */
export function keepsSignals(harness: Harness): void {
  const signal = (name: string, seq: number, some: Partial<Signal> = {}): Signal => ({
    execution: 1,
    name,
    seq,
    payload: `{"n":${seq}}`,
    by: 'human:alice',
    at: 2_000 + seq,
    dedupe: null,
    ...some,
  })

  test('SE-22 unread signals come by name and number, those of other executions not, and what is taken is not unread', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const all = [signal('b', 0), signal('a', 1), signal('a', 0), signal('a', 0, { execution: 2 })]
      await story.commit({ signals: { add: all, take: [] } })
      expect(await story.session.unreadSignals([1])).toEqual([all[2], all[1], all[0]])
      await story.commit({ signals: { add: [], take: [{ execution: 1, name: 'a', seq: 0, at: 9_000 }] } })
      expect(await story.session.unreadSignals([1, 2, 3])).toEqual([all[1], all[0], all[3]])
      const heads = [...(await story.session.signalHeads([1]))].sort(
        (x, y) => x.name.localeCompare(y.name) || x.seq - y.seq,
      )
      expect(heads.map(({ name, seq, isTaken }) => [name, seq, isTaken])).toEqual([
        ['a', 0, true],
        ['a', 1, false],
        ['b', 0, false],
      ])
      const shown = await (await story.views()).signals(1, 10)
      expect(shown.map(({ name, seq, takenAt }) => [name, seq, takenAt])).toEqual([
        ['a', 1, null],
        ['a', 0, 9_000],
        ['b', 0, null],
      ])
      expect(await (await story.views()).signals(1, 1)).toHaveLength(1)
    }))

  test('a number of a name, and a dedupe text of an execution, are given once', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      await story.commit({ signals: { add: [signal('a', 0, { dedupe: 'd' })], take: [] } })
      await expect(story.commit({ signals: { add: [signal('a', 0)], take: [] } })).rejects.toThrow(/UNIQUE/i)
      await expect(story.commit({ signals: { add: [signal('b', 0, { dedupe: 'd' })], take: [] } })).rejects.toThrow(
        /UNIQUE/i,
      )
      await story.commit({ signals: { add: [signal('a', 0, { execution: 2, dedupe: 'd' })], take: [] } })
      expect(await story.session.signalHeads([2])).toEqual([
        { execution: 2, name: 'a', seq: 0, dedupe: 'd', isTaken: false },
      ])
    }))

  test('CP-004b executions in doubt are found by the worker that may have acted, page by page', () =>
    Story.tell(harness, async (story) => {
      await story.claim(await story.admit({}, {}, {}))
      await story.commit({
        effects: [
          anEffect(1, 'A', { worker: 1 }),
          anEffect(1, 'B', { worker: 1, state: 'in_doubt' }),
          anEffect(2, 'A', { worker: 1, state: 'in_doubt' }),
          anEffect(3, 'A', { worker: 2 }),
          anEffect(3, 'B', { worker: 1, state: 'applied', concludedAt: 5 }),
        ],
      })
      expect(await story.session.doubtedBy(1, 0, 10)).toEqual([1, 2])
      expect(await story.session.doubtedBy(1, 1, 10)).toEqual([2])
      expect(await story.session.doubtedBy(1, 0, 1)).toEqual([1])
    }))
}
