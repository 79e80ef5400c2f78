import { expect, test } from 'vitest'
import { missingKinds } from '../simulation/coverage.ts'
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
  expect([...found].sort()).toEqual(['I16', 'I32'])
})

test('CP-004a a simulation that stops reaching a kind of fault fails', () => {
  expect(missingKinds(new Map(), 100)).toEqual([])
  expect(missingKinds(new Map(), 3_000)).toContain('fault worker crashes')
  expect(missingKinds(new Map(), 3_000)).not.toContain('transition requested reject canceled')
})
