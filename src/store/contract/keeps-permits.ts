import { expect, test } from 'vitest'
import type { Permit } from '../../execution/permit.ts'
import type { Limit, Parked, RateState, Ready, Waiter } from '../rows.ts'
import type { Harness } from './harness.ts'
import { Story } from './story.ts'

const aPermit = (some: Partial<Permit> = {}): Permit => ({
  tenant: 'acme',
  key: 'asset:web-1',
  slot: 0,
  execution: 1,
  fence: 0,
  step: null,
  takenAt: 5,
  granted: true,
  ...some,
})

const aWaiter = (some: Partial<Waiter> = {}): Waiter => ({
  tenant: 'acme',
  key: 'asset:web-1',
  rank: 0,
  turn: 4,
  since: 7,
  execution: 1,
  fence: 3,
  step: 'install[web-1]',
  ...some,
})

const aLimit = (some: Partial<Limit> = {}): Limit => ({
  tenant: 'acme',
  key: 'crm',
  capacity: 2,
  by: 'human:alice',
  reason: 'it is slow',
  at: 9,
  ...some,
})

const aRate = (some: Partial<RateState> = {}): RateState => ({
  tenant: 'acme',
  key: 'mail',
  dueUs: 1_000,
  wakeAt: null,
  ...some,
})

const entry = (id: number, turn: number, some: Partial<Ready> = {}): Ready => ({
  queue: 1,
  rank: 0,
  turn,
  id,
  availableAt: 1_000,
  paid: false,
  ...some,
})

/** Permits, those who stand in line, turns, capacities and rates: each row for itself, and found by what it is about. */
export function keepsPermits(harness: Harness): void {
  const permits = (add: readonly Permit[], remove: readonly Permit[] = []) => ({ permits: { add, remove } })
  const waiters = (add: readonly Waiter[], remove: readonly Waiter[] = []) => ({ waiters: { add, remove } })

  test('SE-24 permits are found by tenant and key, by execution, and for people; nobody else’s come with them', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {})
      const all = [
        aPermit({ slot: 1, execution: 2 }),
        aPermit({ fence: 4, granted: false, step: 'install' }),
        aPermit({ tenant: 'globex', execution: 3 }),
        aPermit({ tenant: '', key: 'action:crm' }),
        aPermit({ key: 'asset:web-2', execution: 3 }),
      ] as const
      await story.commit(permits(all))
      const { session } = story
      expect(await session.permits('acme', 'asset:web-1')).toEqual([all[1], all[0]])
      expect(await session.permits('globex', 'asset:web-1')).toEqual([all[2]])
      expect(await session.permitsOf([1])).toEqual([all[3], all[1]])
      expect(await session.permitsOf([2])).toEqual([all[0]])
      expect([...(await session.holders())].sort()).toEqual([1, 2, 3])
      const views = await story.views()
      expect(await views.permits({ tenant: 'acme', limit: 9 })).toEqual([all[3], all[1], all[0], all[4]])
      expect(await views.permits({ key: 'asset:web-1', limit: 9 })).toEqual([all[1], all[0], all[2]])
      expect(await views.permits({ limit: 2 })).toEqual([all[3], all[1]])
      expect(await views.permitsOf(2)).toEqual([all[0]])
    }))

  test('SE-24 a slot is given back alone, and only by whoever has it', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {})
      const kept = [
        aPermit({ slot: 1 }),
        aPermit({ tenant: 'globex' }),
        aPermit({ key: 'asset:web-2' }),
        aPermit({ slot: 2, execution: 2 }),
      ]
      await story.commit(permits([aPermit(), ...kept]))
      await story.commit(permits([], [aPermit(), aPermit({ slot: 2, execution: 3 })]))
      const left = await (await story.views()).permits({ limit: 9 })
      expect(left).toHaveLength(kept.length)
      expect(left).toEqual(expect.arrayContaining(kept))
    }))

  test('SE-24 a reserved slot is taken up by its own execution, and never by another', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {})
      await story.commit(permits([aPermit()]))
      const taken = aPermit({ fence: 8, granted: false, takenAt: 20, step: 'install' })
      await story.commit(permits([taken]))
      await expect(story.commit(permits([aPermit({ execution: 2, fence: 9 })]))).rejects.toThrow(/taken|permit/i)
      expect(await story.session.permits('acme', 'asset:web-1')).toEqual([taken])
    }))

  test('SE-24 steps stand in line by rank and turn, and leave it one by one', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {})
      const inLine = [
        aWaiter({ rank: -1, turn: 9, execution: 3 }),
        aWaiter({ turn: 3, since: 8, execution: 3 }),
        aWaiter(),
        aWaiter({ turn: 5, since: 6, step: 'verify[web-1]' }),
        aWaiter({ turn: 6, execution: 2 }),
      ] as const
      const elsewhere = [aWaiter({ tenant: 'globex' }), aWaiter({ key: 'asset:web-2' })] as const
      await story.commit(waiters([...inLine].reverse().concat(elsewhere)))
      const { session } = story
      expect(await session.waiters('acme', 'asset:web-1')).toEqual(inLine)
      expect(await session.waiters('globex', 'asset:web-1')).toEqual([elsewhere[0]])
      expect(await session.waitersOf([2])).toEqual([inLine[4]])
      expect(await session.waitersOf([1])).toHaveLength(4)
      expect([...(await session.holders())].sort()).toEqual([1, 2, 3])
      await story.commit(waiters([], [aWaiter()]))
      expect(await session.waiters('acme', 'asset:web-1')).toEqual(inLine.filter((one) => one !== inLine[2]))
      expect(await session.waiters('globex', 'asset:web-1')).toHaveLength(1)
      expect(await session.waiters('acme', 'asset:web-2')).toHaveLength(1)
      // Same but for the rank, and same but for the turn.
      await story.commit(waiters([aWaiter({ rank: 2 }), aWaiter({ turn: 99 }), aWaiter()]))
      await story.commit(waiters([], [aWaiter()]))
      expect(await session.waitersOf([1])).toHaveLength(5)
    }))

  test('SE-24 a capacity that an operator set is kept, changed and lifted for its key alone', () =>
    Story.tell(harness, async (story) => {
      const all = [aLimit(), aLimit({ key: 'mail' }), aLimit({ tenant: 'globex' })] as const
      await story.commit({ limits: { add: all, remove: [] } })
      const changed = aLimit({ capacity: 7, by: 'human:bob', reason: 'it is fast', at: 12 })
      await story.commit({ limits: { add: [changed], remove: [] } })
      expect(await story.session.limits()).toEqual([changed, all[1], all[2]])
      await story.commit({ limits: { add: [], remove: [changed] } })
      expect(await story.session.limits()).toEqual([all[1], all[2]])
    }))

  test('DG-01 a rate keeps one time for each key, and is found when somebody may start', () =>
    Story.tell(harness, async (story) => {
      const all = [
        aRate({ wakeAt: 20 }),
        aRate({ key: 'sms', wakeAt: 10 }),
        aRate({ tenant: 'globex', wakeAt: 30 }),
        aRate({ key: 'idle' }),
      ] as const
      await story.commit({ rates: all })
      const { session } = story
      expect(await session.rate('acme', 'mail')).toEqual(all[0])
      expect(await session.rate('acme', 'sms')).toEqual(all[1])
      expect(await session.rate('globex', 'mail')).toEqual(all[2])
      expect(await session.rate('globex', 'sms')).toBeNull()
      expect(await session.dueRates(20, 9)).toEqual([all[1], all[0]])
      expect(await session.dueRates(99, 1)).toEqual([all[1]])
      const later = aRate({ dueUs: 9_000, wakeAt: null })
      await story.commit({ rates: [later] })
      expect(await session.rate('acme', 'mail')).toEqual(later)
      expect(await session.dueRates(20, 9)).toEqual([all[1]])
    }))

  test('DG-01 turns are kept for each queue, rank and tenant, and virtual time is that of the first in line', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {}, {})
      const turns = [
        { queue: 1, rank: 0, tenant: 'acme', last: 5 },
        { queue: 1, rank: 0, tenant: 'globex', last: 9 },
        { queue: 1, rank: 1, tenant: 'acme', last: 40 },
        { queue: 2, rank: 0, tenant: 'acme', last: 70 },
      ]
      await story.commit({ turns })
      const { session } = story
      expect(await session.turns([...turns, { queue: 2, rank: 1, tenant: 'acme' }])).toEqual([5, 9, 40, 70, 0])
      await story.commit({ turns: [{ queue: 1, rank: 0, tenant: 'acme', last: 11 }] })
      expect(await session.turns(turns)).toEqual([11, 9, 40, 70])
      // Nothing is due: the newest that was given.
      expect(await session.virtualTime(1, 0)).toBe(11)
      expect(await session.virtualTime(1, 1)).toBe(40)
      expect(await session.virtualTime(2, 0)).toBe(70)
      const due = [entry(1, 30), entry(2, 20), entry(3, 3, { rank: 1 }), entry(4, 2, { queue: 2 })]
      await story.commit({ ready: { add: due, remove: [] } })
      // Whatever comes now may stand beside the first, and not before it.
      expect(await session.virtualTime(1, 0)).toBe(19)
      expect(await session.virtualTime(1, 1)).toBe(2)
      expect(await session.virtualTime(2, 0)).toBe(1)
    }))

  test('DG-01 the first of every rank is found, of due work and of a line, and of no other queue or key', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {}, {}, {}, {})
      const due = [
        entry(1, 1, { rank: -1 }),
        entry(2, 5),
        entry(3, 6),
        entry(4, 2, { rank: 3 }),
        entry(5, 1, { queue: 2 }),
        entry(6, 1, { queue: 2, rank: 2 }),
      ]
      await story.commit({ ready: { add: due, remove: [] } })
      const { session } = story
      const ids = (found: readonly { readonly id: number }[]) => found.map(({ id }) => id)
      expect(ids(await session.readyHeads(1, -1, 1))).toEqual([2, 4])
      expect(ids(await session.readyHeads(1, -1, 5))).toEqual([2, 3, 4])
      expect(ids(await session.readyHeads(1, 0, 5))).toEqual([4])
      expect(ids(await session.readyHeads(2, -9, 5))).toEqual([5, 6])
      const line = due.map((ready): Parked => ({ ...ready, key: ready.queue === 2 ? 'lock:b' : 'lock:a', queue: 1 }))
      await story.commit({ parked: { add: line, remove: [] } })
      expect(ids(await session.parkedHeads('lock:a', -1, 1))).toEqual([2, 4])
      expect(ids(await session.parkedHeads('lock:a', -1, 5))).toEqual([2, 3, 4])
      expect(ids(await session.parkedHeads('lock:b', -9, 5))).toEqual([5, 6])
      expect(await session.parkedAt(3)).toEqual(line[2])
      expect(await session.parkedAt(9)).toBeNull()
      const views = await story.views()
      expect(await views.parkedUnder(3)).toBe('lock:a')
      expect(await views.parkedUnder(5)).toBe('lock:b')
      expect(await views.parkedUnder(9)).toBeNull()
    }))

  test('SE-24 a place in line counts who stands before, in that line alone', () =>
    Story.tell(harness, async (story) => {
      await story.admit({}, {}, {}, {}, {})
      const line = [entry(1, 1), entry(2, 5), entry(3, 5), entry(4, 1, { rank: 3 })].map(
        (ready): Parked => ({ ...ready, key: 'lock:a' }),
      )
      await story.commit({ parked: { add: [...line, { ...entry(5, 0), key: 'lock:b' }], remove: [] } })
      const views = await story.views()
      const places = await Promise.all(line.map(async ({ id }) => (await views.parkedAt(id))?.before))
      expect(places).toEqual([0, 1, 2, 3])
      expect((await views.parkedAt(3))?.parked).toEqual(line[2])
      expect(await views.parkedAt(9)).toBeNull()
    }))
}
