import { expect, test } from 'vitest'
import { begin, good, times } from './crowd.ts'

test('SE-24 a lock is held by one execution at a time, and goes to the next in the order in which they came', async () => {
  const { submit, claim, succeed } = await begin()
  await submit({ locks: ['asset:1'] }, { locks: ['asset:1'] }, { locks: ['asset:2'] }, { locks: ['asset:1'] })
  expect(await claim(9)).toEqual([1, 3])
  await succeed(1)
  expect(await claim(9)).toEqual([2])
  await succeed(2)
  expect(await claim(9)).toEqual([4])
})

test('SE-24 several keys are taken as one, whatever their order, and nobody waits for ever', async () => {
  const { submit, claim, succeed } = await begin()
  await submit({ locks: ['b'] }, { locks: ['a', 'b'] }, { locks: ['b', 'a'] }, { locks: ['a'] })
  expect(await claim(9)).toEqual([1])
  await succeed(1)
  expect(await claim(9)).toEqual([2])
  await succeed(2)
  const next = await claim(9)
  expect(next).toEqual([3])
  await succeed(3)
  expect(await claim(9)).toEqual([4])
})

test('DG-01 as many run at the same time as a limit says, over all tenants where it is shared', async () => {
  const { submit, claim, succeed } = await begin()
  const permits = [{ key: 'action:crm.sync', capacity: 2, shared: true }]
  await submit({ permits }, { permits, tenant: 'globex' }, { permits }, { permits, tenant: 'globex' })
  expect(await claim(9)).toHaveLength(2)
  await succeed(1)
  expect(await claim(9)).toHaveLength(1)
  expect(await claim(9)).toEqual([])
})

test('SE-24 whoever is cancelled while he waits gives back what was reserved for him', async () => {
  const { submit, claim, succeed, cancel } = await begin()
  await submit({ locks: ['b'] }, { locks: ['a', 'b'] }, { locks: ['a'] })
  expect(await claim(9)).toEqual([1])
  await cancel(2)
  expect(await claim(9)).toEqual([3])
  await succeed(1)
})

test('SE-24 a claim that finds thousands parked goes on to the work behind them at once', async () => {
  const { submit, claim } = await begin()
  await submit(...times(3_000, () => ({ locks: ['hot'] })), {})
  expect(await claim(1)).toEqual([1])
  expect(await claim(1, 60_000)).toEqual([3_001])
})

test('DG-01 a rate is never exceeded, and those who wait start in order, each as soon as it may', async () => {
  const { submit, claim, clock } = await begin()
  const rate = { key: 'api', shared: false, limit: 6, perMs: 60_000, burst: 2 }
  await submit(...times(4, () => ({ rate })))
  expect(await claim(9)).toEqual([1, 2])
  await clock.advance(9_999)
  expect(await claim(9)).toEqual([])
  await clock.advance(1)
  expect(await claim(9)).toEqual([3])
  await submit({ rate })
  await clock.advance(10_000)
  expect(await claim(9)).toEqual([4])
})

test('SE-24 permits are kept through a wait as long as the action says, and taken again afterwards', async () => {
  const { submit, claim, suspend, clock } = await begin()
  await submit({ locks: ['a'], holdMs: 60_000 }, { locks: ['a'] })
  expect(await claim(9)).toEqual([1])
  await suspend(1, clock.now() + 30_000)
  expect(await claim(9)).toEqual([])
  await clock.advance(30_000)
  expect(await claim(9)).toEqual([1])
  await suspend(1, clock.now() + 300_000)
  await clock.advance(60_000)
  expect(await claim(9)).toEqual([2])
})

test('SE-24 each wait is held through for the whole time of the action, however soon it follows another', async () => {
  const { submit, claim, suspend, clock, views } = await begin()
  await submit({ locks: ['a'], holdMs: 60_000 }, { locks: ['a'] })
  expect(await claim(9)).toEqual([1])
  await suspend(1, clock.now() + 50_000)
  await clock.advance(50_000)
  expect(await claim(9)).toEqual([1])
  await suspend(1, clock.now() + 300_000)
  expect(views.permits({ limit: 9 })).toMatchObject([{ execution: 1, fence: 0, granted: true }])
  await clock.advance(55_000)
  expect(await claim(9)).toEqual([])
  await clock.advance(5_000)
  expect(await claim(9)).toEqual([2])
})

test('SE-24 a step takes permits, stands in line, and learns by asking that its turn has come', async () => {
  const { submit, claim, permit, succeed } = await begin()
  await submit({}, {}, {})
  await claim(9)
  const take = (id: number, ...keys: string[]) => permit(id, { type: 'take_permits', step: 'install', keys } as never)
  expect(await take(1, 'asset:1')).toMatchObject({ state: 'running' })
  expect(await take(2, 'asset:1')).toMatchObject({ code: 'permit_busy' })
  expect(await take(3, 'asset:1')).toMatchObject({ code: 'permit_busy', details: { place: 2 } })
  good(await permit(1, { type: 'give_permits', step: 'install' }))
  expect(await take(3, 'asset:1')).toMatchObject({ code: 'permit_busy' })
  expect(await take(2, 'asset:1')).toMatchObject({ state: 'running' })
  await succeed(2)
  expect(await take(3, 'asset:1')).toMatchObject({ state: 'running' })
})

test('SE-24 of steps that ask within one millisecond the first to ask is the first in line, however young its run', async () => {
  const { submit, claim, permit, views } = await begin()
  await submit({}, {}, {})
  await claim(9)
  const take = (id: number) => permit(id, { type: 'take_permits', step: 'install', keys: ['a'] } as never)
  good(await take(1))
  for (const id of [3, 2]) expect(await take(id)).toMatchObject({ code: 'permit_busy' })
  const [first, second] = views.waiters('acme', 'a')
  expect(first?.since).toBe(second?.since)
  // The younger of the two asks in the very commit that frees it.
  const [, given] = await Promise.all([take(2), permit(1, { type: 'give_permits', step: 'install' })])
  good(given)
  expect(await take(2)).toMatchObject({ code: 'permit_busy' })
  expect(await take(3)).toMatchObject({ state: 'running' })
})

test('SE-24 a permit that a step waited for is held under the fence of its run', async () => {
  const { submit, claim, permit, views } = await begin()
  await submit({}, {})
  await claim(9)
  const take = (id: number) => permit(id, { type: 'take_permits', step: 'install', keys: ['a'] } as never)
  good(await take(1))
  expect(await take(2)).toMatchObject({ code: 'permit_busy' })
  good(await permit(1, { type: 'give_permits', step: 'install' }))
  good(await take(2))
  expect(views.permits({ limit: 9 })).toEqual([
    expect.objectContaining({ execution: 2, granted: false, fence: views.find(2)?.execution.fence }),
  ])
})

test('SE-24 a flood of steps of higher priority lets the oldest step pass after fifteen', async () => {
  const { submit, claim, permit } = await begin()
  await submit({ priority: -5 }, ...Array.from({ length: 20 }, () => ({ priority: 5 })))
  const ids = (await claim(99)).sort((a, b) => a - b)
  const take = (id: number) => permit(id, { type: 'take_permits', step: 's', keys: ['a'] } as never)
  const give = (id: number) => permit(id, { type: 'give_permits', step: 's' })
  const [low = 0, holder = 0, ...others] = ids
  good(await take(holder))
  for (const id of [low, ...others]) expect(await take(id)).toMatchObject({ code: 'permit_busy' })
  let last = holder
  for (const id of others.slice(0, 15)) {
    good(await give(last))
    good(await take(id))
    last = id
  }
  good(await give(last))
  expect(await take(low)).toMatchObject({ state: 'running' })
})

test('DG-01 a capacity that is none is refused, and what was set stays', async () => {
  const { committer, views } = await begin()
  const limit = (capacity: number) =>
    committer.give<'limit'>({ kind: 'limit', tenant: 'acme', key: 'a', capacity, by: 'human:a', reason: 'quiet' })
  good(await limit(2))
  for (const wrong of [-1, 0, 1.5, 100_001]) expect(await limit(wrong)).toMatchObject({ code: 'invalid_permits' })
  expect(views.limits('acme')).toMatchObject([{ capacity: 2 }])
})

test('SE-24 a step that would wait for itself is refused', async () => {
  const { submit, claim, permit } = await begin()
  await submit({}, {})
  await claim(9)
  const take = (id: number, ...keys: string[]) => permit(id, { type: 'take_permits', step: 'install', keys } as never)
  good(await take(1, 'a'))
  good(await take(2, 'b'))
  expect(await take(1, 'b')).toMatchObject({ code: 'permit_busy' })
  expect(await take(2, 'a')).toMatchObject({ code: 'permit_deadlock' })
})

test('SE-24 an operator raises a limit, and breaks a lock whose holder is stuck', async () => {
  const { submit, claim, committer, views } = await begin()
  await submit({ locks: ['a'] }, { locks: ['a'] }, { locks: ['a'] })
  expect(await claim(9)).toEqual([1])
  const of = { tenant: 'acme', key: 'a', reason: 'stuck' }
  await committer.give<'limit'>({ kind: 'limit', ...of, capacity: 2, by: 'human:a' })
  expect(await claim(9)).toEqual([2])
  await committer.give<'break'>({ kind: 'break', ...of, execution: 1, principal: 'human:a' })
  expect(await claim(9)).toEqual([3])
  expect(views.events(1, 0, 99).map(({ type }) => type)).toEqual(['enqueue', 'claim', 'permit_broken'])
  expect(views.permits({ limit: 9 }).map(({ execution, slot }) => [slot, execution])).toEqual([
    [0, 3],
    [1, 2],
  ])
})

test('SE-24 a limit that is lifted twice in one commit is lifted, however often it was set before', async () => {
  const { submit, claim, committer, views } = await begin()
  const set = (...capacities: readonly (number | null)[]) =>
    Promise.all(
      capacities.map((capacity) =>
        committer.give<'limit'>({ kind: 'limit', tenant: 'acme', key: 'a', capacity, by: 'human:a', reason: 'test' }),
      ),
    )
  await set(3)
  expect(await set(null, null)).toEqual([{ changed: true }, { changed: false }])
  expect(views.limits('acme')).toEqual([])
  await set(3)
  await set(null, 2, null, null)
  expect(views.limits('acme')).toEqual([])
  await set(null, 1, null, null, 2)
  expect(views.limits('acme')).toMatchObject([{ capacity: 2 }])
  await submit({ locks: ['a'] }, { locks: ['a'] }, { locks: ['a'] })
  expect(await claim(9)).toEqual([1, 2])
})

test('SE-24 a permit that was reserved for what is paused now goes to the next in line', async () => {
  const { submit, claim, succeed, committer } = await begin()
  const permits = [{ key: 'action:crm.sync', capacity: 1, shared: true }]
  await submit({ permits }, { permits }, { permits, tenant: 'globex' })
  expect(await claim(9)).toEqual([1])
  await succeed(1)
  const pause = { scope: 'tenant', value: 'globex', tenant: null, reason: 'test', by: 'human:a' } as const
  await committer.give<'pause'>({ kind: 'pause', pause, on: true })
  expect(await claim(9)).toEqual([2])
  await committer.give<'pause'>({ kind: 'pause', pause, on: false })
  await succeed(2)
  expect(await claim(9)).toEqual([3])
})

test('SE-24 steps of one run exclude each other; what the whole run holds is held for each of them', async () => {
  const { submit, claim, permit, clock } = await begin()
  await submit({ locks: ['whole'] }, {})
  await claim(9)
  const take = async (id: number, step: string, ...keys: string[]) => {
    await clock.advance(1)
    return await permit(id, { type: 'take_permits', step, keys } as never)
  }
  const give = async (id: number, step: string) => good(await permit(id, { type: 'give_permits', step }))
  good(await take(1, 'one', 'whole', 'a'))
  expect(await take(1, 'two', 'whole', 'a')).toMatchObject({ code: 'permit_busy', details: { key: 'a', place: 1 } })
  expect(await take(2, 'three', 'a')).toMatchObject({ code: 'permit_busy', details: { place: 2 } })
  expect(await take(1, 'four', 'a')).toMatchObject({ code: 'permit_busy', details: { place: 3 } })
  await give(1, 'one')
  expect(await take(2, 'three', 'a')).toMatchObject({ code: 'permit_busy', details: { place: 1 } })
  good(await take(1, 'two', 'whole', 'a'))
  // Each step waits for the other's key: of one run or of two makes no difference.
  good(await take(1, 'five', 'b'))
  expect(await take(1, 'two', 'b')).toMatchObject({ code: 'permit_busy' })
  expect(await take(1, 'five', 'a')).toMatchObject({ code: 'permit_deadlock' })
})

test('SE-24 a worker that listens is told whose step has what it stood in line for', async () => {
  const { submit, claim, permit, committer, clock } = await begin()
  await submit({}, {})
  await claim(9)
  const take = (id: number, step: string) => permit(id, { type: 'take_permits', step, keys: ['a'] } as never)
  good(await take(1, 'one'))
  await take(2, 'two')
  await clock.advance(1)
  await take(2, 'three')
  const listening = committer.give<'listen'>({ kind: 'listen', worker: 1, waitMs: 60_000 })
  good(await permit(1, { type: 'give_permits', step: 'one' }))
  expect(good(await listening)).toEqual({ cancel: [], granted: [{ id: 2, fence: expect.any(Number), step: 'two' }] })
  good(await take(2, 'two'))
  good(await permit(2, { type: 'give_permits', step: 'two' }))
  const told = good(await committer.give<'listen'>({ kind: 'listen', worker: 1, waitMs: 0 }))
  expect(told.granted).toMatchObject([{ id: 2, step: 'three' }])
})
