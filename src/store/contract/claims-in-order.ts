import { expect, test } from 'vitest'
import type { Parked, Ready } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Due work is handed out by rank, then turn, then age, and only the named entry is ever taken away. */
export function claimsInOrder(harness: Harness): void {
  const ready = (queue: number, rank: number, turn: number, id: number): Ready => ({
    queue,
    rank,
    turn,
    id,
    availableAt: 100 + turn,
    paid: turn % 20 === 0,
  })

  test('due work of one queue comes by rank, then turn, then age', () =>
    Story.tell(harness, async (story) => {
      const add = [ready(1, 0, 20, 5), ready(1, 0, 10, 7), ready(2, -9, 1, 1), ready(1, -1, 30, 9), ready(1, 0, 10, 6)]
      await story.commit({ ready: { add, remove: [] } })
      expect((await story.session.ready(1, 10)).map(({ id }) => id)).toEqual([9, 6, 7, 5])
      expect(await story.session.ready(1, 2)).toEqual([ready(1, -1, 30, 9), ready(1, 0, 10, 6)])
      expect(await story.session.ready(2, 10)).toEqual([ready(2, -9, 1, 1)])
      expect(await story.session.ready(3, 10)).toEqual([])
    }))

  test('what stands behind a place comes in the same order, whether the place is taken or not', () =>
    Story.tell(harness, async (story) => {
      const add = [ready(1, -1, 30, 9), ready(1, 0, 10, 6), ready(1, 0, 10, 7), ready(1, 0, 20, 5), ready(2, 0, 11, 8)]
      await story.commit({ ready: { add, remove: [] } })
      const behind = async (rank: number, turn: number, id: number, limit = 10) =>
        await story.session.readyBehind({ queue: 1, rank, turn, id }, limit)
      expect(await behind(-9, 0, 0)).toEqual(add.slice(0, 4))
      expect(await behind(-1, 30, 9, 2)).toEqual(add.slice(1, 3))
      expect(await behind(0, 10, 6)).toEqual(add.slice(2, 4))
      expect(await behind(0, 10, 8)).toEqual(add.slice(3, 4))
      expect(await behind(0, 20, 5)).toEqual([])
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
      const parked = (key: string, rank: number, id: number): Parked => ({
        key,
        queue: 1,
        rank,
        turn: 10,
        id,
        availableAt: 9,
        paid: rank < 0,
      })
      const add = [parked('lock:a', 0, 3), parked('lock:b', -9, 4), parked('lock:a', -1, 5), parked('lock:a', 0, 2)]
      await story.commit({ parked: { add, remove: [] } })
      expect((await story.session.parked('lock:a', 10)).map(({ id }) => id)).toEqual([5, 2, 3])
      expect(await story.session.parked('lock:a', 1)).toEqual([parked('lock:a', -1, 5)])
      await story.commit({ parked: { add: [parked('lock:c', 0, 5)], remove: [5, 77] } })
      expect((await story.session.parked('lock:a', 10)).map(({ id }) => id)).toEqual([2, 3])
      expect((await story.session.parked('lock:c', 10)).map(({ id }) => id)).toEqual([5])
      expect(await story.session.parkedAt(4)).toEqual(parked('lock:b', -9, 4))
      expect(await story.session.parkedAt(77)).toBeNull()
    }))

  test('the first of each rank are found, of due and of parked work', () =>
    Story.tell(harness, async (story) => {
      const add = [ready(1, -5, 40, 1), ready(1, -5, 41, 2), ready(1, 3, 7, 3), ready(1, 3, 8, 4), ready(2, 9, 1, 5)]
      await story.commit({ ready: { add, remove: [] } })
      expect(await story.session.readyHeads(1, -9, 1)).toEqual([add[0], add[2]])
      expect(await story.session.readyHeads(1, -5, 2)).toEqual([add[2], add[3]])
      expect(await story.session.readyHeads(1, 3, 1)).toEqual([])
      const waiting = add.map((one) => ({ ...one, key: one.queue === 1 ? 'lock:a' : 'lock:b' }))
      await story.commit({ parked: { add: waiting, remove: [] } })
      expect(await story.session.parkedHeads('lock:a', -9, 1)).toEqual([waiting[0], waiting[2]])
      expect(await story.session.parkedHeads('lock:b', 9, 1)).toEqual([])
    }))

  test('the newest turn of each tenant is kept, and the turn that nothing due lies before is known', () =>
    Story.tell(harness, async (story) => {
      const turn = (tenant: string, last: number) => ({ queue: 1, rank: 0, tenant, last })
      expect(await story.session.virtualTime(1, 0)).toBe(0)
      await story.commit({ turns: [turn('acme', 3), turn('globex', 8)] })
      await story.commit({ turns: [turn('acme', 5)] })
      const pairs = ['globex', 'acme', 'nobody'].map((tenant) => ({ queue: 1, rank: 0, tenant }))
      expect(await story.session.turns(pairs)).toEqual([8, 5, 0])
      expect(await story.session.virtualTime(1, 0)).toBe(8)
      await story.commit({ ready: { add: [ready(1, 0, 4, 1), ready(1, 0, 6, 2), ready(1, 1, 1, 3)], remove: [] } })
      expect(await story.session.virtualTime(1, 0)).toBe(3)
    }))

  test('the oldest due time is found over all queues and ranks, and for one tenant', () =>
    Story.tell(harness, async (story) => {
      const views = await story.views()
      expect(await views.oldestReadyAt()).toBeNull()
      await story.admit({}, { request: { tenant: 'other' } }, {})
      const add = [ready(1, -5, 40, 1), ready(1, -5, 90, 3), ready(2, 0, 30, 2), ready(2, 7, 60, 1)]
      await story.commit({ ready: { add, remove: [] } })
      expect(await views.oldestReadyAt()).toBe(130)
      expect(await views.oldestReadyAt('acme')).toBe(140)
      expect(await views.oldestReadyAt('other')).toBe(130)
      expect(await views.oldestReadyAt('nobody')).toBeNull()
      // An entry that cancelled work has left behind says nothing about what waits.
      const ended = await story.session.executions([1, 2])
      await story.move('cancel', ended, {
        state: 'canceled',
        cancelledBy: 'human:alice',
        cancelledAt: 200,
        finishedAt: 200,
      })
      expect(await views.oldestReadyAt()).toBe(190)
      expect(await views.oldestReadyAt('acme')).toBe(190)
      expect(await views.oldestReadyAt('other')).toBeNull()
    }))
}
