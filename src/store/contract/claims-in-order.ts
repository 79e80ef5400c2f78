import { expect, test } from 'vitest'
import type { Parked, Ready } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Due work is handed out by rank, then due time, then age, and only the named entry is ever taken away. */
export function claimsInOrder(harness: Harness): void {
  const ready = (queue: number, rank: number, availableAt: number, id: number): Ready => ({
    queue,
    rank,
    availableAt,
    id,
  })

  test('due work of one queue comes by rank, then due time, then age', () =>
    Story.tell(harness, async (story) => {
      const add = [ready(1, 0, 20, 5), ready(1, 0, 10, 7), ready(2, -9, 1, 1), ready(1, -1, 30, 9), ready(1, 0, 10, 6)]
      await story.commit({ ready: { add, remove: [] } })
      expect((await story.session.ready(1, 10)).map(({ id }) => id)).toEqual([9, 6, 7, 5])
      expect(await story.session.ready(1, 2)).toEqual([ready(1, -1, 30, 9), ready(1, 0, 10, 6)])
      expect(await story.session.ready(2, 10)).toEqual([ready(2, -9, 1, 1)])
      expect(await story.session.ready(3, 10)).toEqual([])
    }))

  test('work of higher priority that comes later is next', () =>
    Story.tell(harness, async (story) => {
      await story.commit({ ready: { add: [ready(1, 0, 10, 1), ready(1, 0, 10, 2)], remove: [] } })
      const [first] = await story.session.ready(1, 1)
      expect(first?.id).toBe(1)
      await story.commit({ ready: { add: [ready(1, -5, 50, 3)], remove: [ready(1, 0, 10, 1)] } })
      expect((await story.session.ready(1, 10)).map(({ id }) => id)).toEqual([3, 2])
    }))

  test('exactly the named entry is removed, and removals come before additions', () =>
    Story.tell(harness, async (story) => {
      const entry = ready(1, 0, 10, 1)
      const near = [ready(2, 0, 10, 1), ready(1, 1, 10, 1), ready(1, 0, 11, 1), ready(1, 0, 10, 2)]
      await story.commit({ ready: { add: [entry, ...near, entry], remove: [] } })
      await story.commit({ ready: { add: [], remove: [entry] } })
      expect(await story.session.ready(1, 10)).toEqual([near[3], near[2], near[1]])
      expect(await story.session.ready(2, 10)).toEqual([near[0]])
      await story.commit({ ready: { add: [entry], remove: [entry] } })
      expect(await story.session.ready(1, 1)).toEqual([entry])
    }))

  test('parked work waits by its key, in claim order, and leaves by its id', () =>
    Story.tell(harness, async (story) => {
      const parked = (key: string, rank: number, id: number): Parked => ({ key, queue: 1, rank, availableAt: 10, id })
      const add = [parked('lock:a', 0, 3), parked('lock:b', -9, 4), parked('lock:a', -1, 5), parked('lock:a', 0, 2)]
      await story.commit({ parked: { add, remove: [] } })
      expect((await story.session.parked('lock:a', 10)).map(({ id }) => id)).toEqual([5, 2, 3])
      expect(await story.session.parked('lock:a', 1)).toEqual([parked('lock:a', -1, 5)])
      await story.commit({ parked: { add: [parked('lock:c', 0, 5)], remove: [5, 77] } })
      expect((await story.session.parked('lock:a', 10)).map(({ id }) => id)).toEqual([2, 3])
      expect((await story.session.parked('lock:c', 10)).map(({ id }) => id)).toEqual([5])
    }))

  test('the oldest due time is found over all queues and ranks, and for one tenant', () =>
    Story.tell(harness, async (story) => {
      const views = await story.views()
      expect(await views.oldestReadyAt()).toBeNull()
      await story.admit({}, { request: { tenant: 'other' } }, {})
      const add = [ready(1, -5, 40, 1), ready(1, -5, 90, 3), ready(2, 0, 30, 2), ready(2, 7, 60, 1)]
      await story.commit({ ready: { add, remove: [] } })
      expect(await views.oldestReadyAt()).toBe(30)
      expect(await views.oldestReadyAt('acme')).toBe(40)
      expect(await views.oldestReadyAt('other')).toBe(30)
      expect(await views.oldestReadyAt('nobody')).toBeNull()
    }))
}
