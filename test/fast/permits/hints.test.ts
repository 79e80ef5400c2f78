import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Place } from '../../../src/commit/due/due-news.ts'
import { begin, good, times } from './crowd.ts'

const dueOf = ({ news }: Awaited<ReturnType<typeof begin>>): Place[] => news.flatMap(({ due }) => due)

test('SE-50 a claim by name takes exactly what was named, whatever is before it in line', async () => {
  const crowd = await begin()
  await crowd.submit({ priority: 9 }, { priority: 5 }, {}, { priority: -5 })
  const due = dueOf(crowd)
  expect(due.map(({ id }) => id).sort()).toEqual([1, 2, 3, 4])
  const named = due.filter(({ id }) => id === 3 || id === 4)
  expect(await crowd.claim(10, 0, named)).toEqual([3, 4])
  expect(await crowd.claim(10)).toEqual([1, 2])
})

test('SE-50 a hint of what is claimed already, ended, parked, paused, unknown or of another queue claims nothing', async () => {
  const crowd = await begin()
  await crowd.submit({}, {}, { locks: ['a'] }, { locks: ['a'] }, {})
  const place = (id: number): Place => dueOf(crowd).findLast((each) => each.id === id) as Place
  expect(await crowd.claim(10, 0, [place(1)])).toEqual([1])
  expect(await crowd.claim(10, 0, [place(1)])).toEqual([])
  await crowd.cancel(2)
  expect(await crowd.claim(10, 0, [place(2)])).toEqual([])
  expect(await crowd.claim(10, 0, [place(3), place(4)])).toEqual([3])
  expect(await crowd.claim(10, 0, [place(4)])).toEqual([])
  const pause = { scope: 'action', value: 'crm.sync', tenant: null, reason: null, by: 'human:a' } as const
  good(await crowd.committer.give<'pause'>({ kind: 'pause', pause: { ...pause, reason: '' }, on: true }))
  expect(await crowd.claim(10, 0, [place(5)])).toEqual([])
  good(await crowd.committer.give<'pause'>({ kind: 'pause', pause: { ...pause, reason: '' }, on: false }))
  const near = place(5)
  const wrong = [
    { ...near, queue: 7 },
    { ...near, rank: 1 },
    { ...near, turn: near.turn + 1 },
    { ...near, id: 99 },
  ]
  for (const each of wrong) expect([each, await crowd.claim(10, 0, [each])]).toEqual([each, []])
  expect(await crowd.claim(10, 0, [near])).toEqual([5])
})

test('SE-50 a worker takes nothing by a hint that it does not serve', async () => {
  const crowd = await begin()
  await crowd.submit({})
  const facts = { host: 'h', pid: 2, startedTicks: null, bootId: null, slots: 9 }
  const hello = { identity: 'o', incarnation: 'o.1', ...facts, actions: [{ action: 'other', version: 1 }] }
  const { worker } = good(await crowd.committer.give<'register'>({ kind: 'register', hello }))
  const order = { kind: 'claim', worker, limit: 9, only: dueOf(crowd), leaseMs: 30_000, waitMs: 0 } as const
  expect(good(await crowd.committer.give<'claim'>(order))).toEqual([])
  expect(await crowd.claim(9, 0, dueOf(crowd))).toEqual([1])
})

test('SE-50 whoever gets a lock is told of anew as due, and can be claimed by that hint', async () => {
  const crowd = await begin()
  await crowd.submit({ locks: ['a'] }, { locks: ['a'] })
  await crowd.claim(2)
  const before = crowd.news.length
  await crowd.succeed(1)
  const due = crowd.news.slice(before).flatMap((each) => each.due)
  expect(due.map(({ id }) => id)).toEqual([2])
  expect(await crowd.claim(1, 0, due)).toEqual([2])
})

test('SE-50 a claim by name takes no more than its limit, and the same twice in one commit only once', async () => {
  const crowd = await begin()
  await crowd.submit(...times(4, () => ({})))
  const due = dueOf(crowd)
  expect(await crowd.claim(2, 0, due)).toEqual([1, 2])
  const both = await Promise.all([crowd.claim(4, 0, due), crowd.claim(4, 0, due)])
  expect(both.flat()).toEqual([3, 4])
})

test('SE-50 whichever of the due are named, in whatever order, exactly they are claimed', async () => {
  const wishes = fc.array(fc.record({ priority: fc.integer({ min: -2, max: 2 }) }), { minLength: 1, maxLength: 12 })
  await fc.assert(
    fc.asyncProperty(wishes, fc.infiniteStream(fc.boolean()), fc.boolean(), async (all, chosen, isReversed) => {
      const crowd = await begin()
      await crowd.submit(...all)
      const named = dueOf(crowd).filter(() => chosen.next().value)
      const claimed = await crowd.claim(99, 0, isReversed ? named.toReversed() : named)
      expect(claimed.toSorted()).toEqual(named.map(({ id }) => id).toSorted())
      expect((await crowd.claim(99)).length).toBe(all.length - named.length)
    }),
    { numRuns: 12 },
  )
})

test('SE-50 all that is due can be read in parts, to carry hints of it anew', async () => {
  const crowd = await begin()
  await crowd.submit(...times(7, (index) => ({ priority: index % 2 })))
  await crowd.claim(1)
  const found: Place[] = []
  for (let behind: Place | null = null, more = true; more; ) {
    const part: readonly Place[] = good(await crowd.committer.give<'due'>({ kind: 'due', behind, limit: 4 }))
    found.push(...part)
    behind = part.at(-1) ?? null
    more = part.length === 4
  }
  expect(found.length).toBe(6)
  expect(await crowd.claim(10, 0, found)).toHaveLength(6)
})
