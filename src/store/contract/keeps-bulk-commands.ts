import { expect, test } from 'vitest'
import type { Bulk } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const aBulk = (key: number, some: Partial<Bulk> = {}): Bulk => ({
  key,
  tenant: 'acme',
  command: 'cancel',
  query: 'state:queued',
  reason: null,
  by: 'human:alice',
  state: 'running',
  total: 3,
  done: 0,
  refused: 0,
  createdAt: 5,
  finishedAt: null,
  ...some,
})
const item = (bulk: number, execution: number, outcome: string | null = null) => ({ bulk, execution, outcome })

/** A bulk command is kept with its snapshot, and each outcome beside it, so that any process can go on with it. */
export function keepsBulkCommands(harness: Harness): void {
  test('REL-11g a bulk command is stored whole, and what is saved again is as it is now', () =>
    Story.tell(harness, async (story) => {
      expect(await story.session.nextBulk()).toBe(1)
      const first = aBulk(1, { reason: 'wrong', state: 'collecting', total: 0 })
      await story.commit({ bulks: [first, aBulk(2, { command: 'rerun' })] })
      expect(await story.session.bulk(1)).toEqual(first)
      expect(await story.session.nextBulk()).toBe(3)
      const over = { ...first, state: 'done', total: 3, done: 2, refused: 1, finishedAt: 9 } as const
      await story.commit({ bulks: [over] })
      const views = await story.views()
      expect([await story.session.bulk(1), await views.bulk(1)]).toEqual([over, over])
      expect([await story.session.bulk(2), await views.bulk(2)]).toMatchObject([{ key: 2 }, { command: 'rerun' }])
      expect([await story.session.bulk(9), await views.bulk(9)]).toEqual([null, null])
    }))

  test('REL-11g what it has not come to is given in order, a part at a time, and no other command’s', () =>
    Story.tell(harness, async (story) => {
      const bulkItems = [item(1, 7), item(1, 3), item(1, 5), item(2, 1)]
      await story.commit({ bulks: [aBulk(1), aBulk(2)], bulkItems })
      expect(await story.session.bulkItems(1, 2)).toEqual([3, 5])
      await story.commit({ bulkItems: [item(1, 3, 'done'), item(1, 5, 'illegal_transition')] })
      expect(await story.session.bulkItems(1, 9)).toEqual([7])
      expect(await (await story.views()).bulkItems(1, 9)).toEqual([7])
      expect(await story.session.bulkItems(2, 9)).toEqual([1])
    }))

  test('REL-11g refusals are counted by their code, the most frequent first', () =>
    Story.tell(harness, async (story) => {
      const outcomes = ['done', 'not_found', 'illegal_transition', 'illegal_transition', null]
      const bulkItems = outcomes.map((outcome, at) => item(1, at + 1, outcome))
      await story.commit({ bulks: [aBulk(1), aBulk(2)], bulkItems: [...bulkItems, item(2, 1, 'not_found')] })
      expect(await (await story.views()).bulkRefusals(1)).toEqual([
        { code: 'illegal_transition', count: 2 },
        { code: 'not_found', count: 1 },
      ])
    }))

  test('REL-11g a tenant sees its own, newest first; what is not over is found after a restart', () =>
    Story.tell(harness, async (story) => {
      const bulks = [
        aBulk(1),
        aBulk(2, { state: 'collecting' }),
        aBulk(3, { state: 'done', finishedAt: 9 }),
        aBulk(4, { state: 'canceled', finishedAt: 9 }),
        aBulk(5, { tenant: 'globex' }),
      ]
      await story.commit({ bulks })
      const views = await story.views()
      expect((await views.bulks('acme')).map(({ key }) => key)).toEqual([4, 3, 2, 1])
      expect((await views.openBulks()).map(({ key }) => key)).toEqual([1, 2, 5])
      const { reopen } = story.store
      if (reopen === undefined) return
      const again = await reopen()
      expect(await again.session.nextBulk()).toBe(6)
      expect(await again.session.bulk(2)).toEqual(bulks[1])
      await again.close()
    }))
}
