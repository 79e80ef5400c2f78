import { expect, test } from 'vitest'
import { missingKinds } from '../simulation/coverage.ts'
import { Turns } from '../simulation/turns.ts'
import { playWorld } from '../simulation/world.ts'

test('CP-004a the same seed plays the same world, step by step', async () => {
  for (const seed of [3, 14, 159]) {
    const [first, second] = [await playWorld({ seed }), await playWorld({ seed })]
    expect(second.trace).toEqual(first.trace)
    expect(second.traceHash).toBe(first.traceHash)
  }
  expect((await playWorld({ seed: 3 })).traceHash).not.toBe((await playWorld({ seed: 4 })).traceHash)
})

test('CP-004a simulated worlds of crashes, lost replies and slow targets keep every invariant', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const { violations } = await playWorld({ seed })
    expect({ seed, violations }).toEqual({ seed, violations: [] })
  }
})

test('CP-004a a store that forgets due work is found by the simulation', async () => {
  const statements = { addTimer: 'insert into timers (at, kind, id) select ?1, ?2, ?3 where false' }
  const found = new Set<string>()
  for (let seed = 1; seed <= 20; seed += 1) {
    for (const { invariant } of (await playWorld({ seed, statements })).violations) found.add(invariant)
  }
  expect([...found].sort()).toEqual(['I14', 'I16', 'I32'])
})

test('DG-01 a line out of order is told: in its rank, past a better one, and once in sixteen', () => {
  const one = (id: number, rank: number, since: number) => ({ id, rank, turn: id, since, line: 1 })
  const turns = new Turns(() => {})
  expect(turns.take('q', one(2, 0, 0), [one(1, 0, 0)])).toContain('the same rank')
  expect(turns.take('q', one(3, 1, 9), [one(4, 0, 5)])).toContain('was not the oldest')
  expect(turns.take('r', one(1, 1, 1), [one(2, 0, 5)])).toBeNull()
  expect(turns.take('r', one(3, 1, 2), [one(4, 0, 5)])).toContain('and so did one')
  const row = Array.from({ length: 16 }, (_, index) => turns.take('s', one(100 + index, 0, 7), [one(1, 5, 1)]))
  expect(row.filter((wrong) => wrong !== null)).toEqual(['16 went in a row and none was the oldest, 1'])
})

test('CP-004a a simulation that stops reaching a kind of fault fails', () => {
  expect(missingKinds(new Map(), 100)).toEqual([])
  expect(missingKinds(new Map(), 3_000)).toContain('fault worker crashes')
  expect(missingKinds(new Map(), 3_000)).not.toContain('transition requested reject canceled')
})
