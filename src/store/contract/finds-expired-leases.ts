import { expect, test } from 'vitest'
import { aWorker } from './builders.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

/** Whatever is running is found by its lease and by its worker, page by page. */
export function findsExpiredLeases(harness: Harness): void {
  test('REL-03 leases that ended are found oldest key first, behind a key, and only of what runs', () =>
    Story.tell(harness, async (story) => {
      const queued = await story.admit({}, {}, {}, {}, {})
      await story.claim(queued.slice(0, 3), { leaseUntil: 100 })
      const [late] = await story.claim(queued.slice(3, 4), { leaseUntil: 200 })
      const [first] = await story.session.executions([1])
      if (first === undefined || late === undefined) throw new Error('they run')
      await story.succeed([first])
      // What does not run has no lease, whatever its row says.
      await story.shell.run('update executions set lease_until = 100 where id = 5')
      const { session } = story
      expect(await session.expiredLeases(150, 0, 10)).toEqual([2, 3])
      expect(await session.expiredLeases(150, 0, 1)).toEqual([2])
      expect(await session.expiredLeases(150, 2, 10)).toEqual([3])
      expect(await session.expiredLeases(99, 0, 10)).toEqual([])
      expect(await session.expiredLeases(100, 0, 10)).toEqual([2, 3])
      expect(await session.expiredLeases(200, 0, 10)).toEqual([2, 3, 4])
      await story.commit({ updates: [{ was: late, is: { ...late, leaseUntil: 999, leaseRenewals: 1 } }] })
      expect(await session.expiredLeases(200, 0, 10)).toEqual([2, 3])
    }))

  test('REL-03 what one incarnation holds is found, and nobody else’s', () =>
    Story.tell(harness, async (story) => {
      const queued = await story.admit({}, {}, {}, {})
      await story.claim(queued.slice(0, 3))
      await story.claim(queued.slice(3), { worker: 2 })
      const [first] = await story.session.executions([1])
      if (first === undefined) throw new Error('it runs')
      await story.move('hand_back', [first], { state: 'queued' })
      expect(await story.session.heldBy(1, 0, 10)).toEqual([2, 3])
      expect(await story.session.heldBy(1, 2, 10)).toEqual([3])
      expect(await story.session.heldBy(1, 0, 1)).toEqual([2])
      expect(await story.session.heldBy(2, 0, 10)).toEqual([4])
    }))

  test('workers are registered, seen again and gone, each incarnation for itself', () =>
    Story.tell(harness, async (story) => {
      const second = aWorker(2, { identity: 'web-1', startedTicks: null, bootId: null })
      await story.commit({ workers: [second] })
      expect(await story.session.workers([2, 1, 9])).toEqual([second, aWorker(1)])
      const gone = aWorker(1, { seenAt: 9_000, goneAt: 9_500, goneProof: 'exit', slots: 2, actions: [] })
      await story.commit({ workers: [gone] })
      expect(await story.session.workers([1])).toEqual([gone])
      expect(await story.session.workers('live')).toEqual([second])
      expect(await (await story.views()).workers()).toEqual([gone, second])
      expect(await story.session.counters()).toMatchObject({ worker: 3 })
    }))

  test('what runs is listed for everybody and for one tenant', () =>
    Story.tell(harness, async (story) => {
      const running = await story.claim(await story.admit({}, {}, {}))
      const others = await story.claim(await story.admit({ request: { tenant: 'other' } }))
      await story.succeed(running.slice(0, 1))
      const views = await story.views()
      const ids = (found: Awaited<ReturnType<typeof views.running>>): number[] => found.map(({ request }) => request.id)
      expect(ids(await views.running())).toEqual([2, 3, 4])
      expect(ids(await views.running('other'))).toEqual(others.map(({ id }) => id))
      expect(ids(await views.running(undefined, 1))).toEqual([2])
    }))
}
