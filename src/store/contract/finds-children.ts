import { expect, test } from 'vitest'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** The children of an execution are counted and found by their parent. */
export function findsChildren(harness: Harness): void {
  test('SE-25 children that go on and end with their parent are found, those of another parent are not', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      const ofFirst = { parentId: 1, onParentCancel: 'cancel' as const }
      const children = await story.admit(
        { request: ofFirst },
        { request: ofFirst },
        { request: { ...ofFirst, onParentCancel: 'abandon' } },
        { request: { ...ofFirst, parentId: 2 } },
      )
      const { session } = story
      expect(await session.openChildren(1, 10)).toEqual([3, 4])
      expect(await session.openChildren(2, 10)).toEqual([6])
      expect(await session.childCounts([1, 2, 3])).toEqual([
        { id: 1, count: 3 },
        { id: 2, count: 1 },
        { id: 3, count: 0 },
      ])
      expect(await session.openChildren(1, 1)).toEqual([3])
      await story.succeed(await story.claim(children.slice(0, 1)))
      expect(await session.openChildren(1, 10)).toEqual([4])
      expect(await session.childCounts([1])).toEqual([{ id: 1, count: 3 }])
      const asked = { state: 'running' as const, cancelledBy: 'human:alice', cancelledAt: 200 }
      await story.move('cancel_requested', await story.claim(children.slice(1, 2)), asked)
      expect(await session.openChildren(1, 10)).toEqual([])
    }))
}
