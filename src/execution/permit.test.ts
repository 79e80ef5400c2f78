import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isRefusal } from '../errors/refusal.ts'
import { checkKey, checkOwnKey, freeSlot, needsOf, type PermitNeed, readNeeds, spend, writeNeeds } from './permit.ts'

const need = (key: string, capacity = 1, shared = false): PermitNeed => ({ key, capacity, shared })

test('SE-24 keys are taken in one order, each once, with its least capacity', () => {
  const needs = needsOf([need('b'), need('a', 5), need('a', 3), need('z', 2, true), need('A')])
  if (needs === null || isRefusal(needs)) throw new Error('they fit')
  expect(needs.permits).toEqual([need('z', 2, true), need('A'), need('a', 3), need('b')])
  expect(readNeeds(writeNeeds(needs))).toEqual(needs)
  expect(needsOf([])).toBeNull()
})

test('SE-24 keys, numbers and times that cannot be kept are refused', () => {
  for (const key of ['', 'x'.repeat(256), 'x'.repeat(10_240), '\ud800', 7, null]) {
    expect(checkKey('A lock', key)).toMatchObject({ code: 'invalid_permits' })
  }
  for (const key of ['tenant', 'action:crm.sync']) expect(checkOwnKey('A lock', key)).not.toBeNull()
  expect(checkOwnKey('A lock', 'asset:web-17')).toBeNull()
  for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 100_001]) {
    expect(needsOf([need('a', capacity)])).toMatchObject({ code: 'invalid_permits' })
  }
  expect(needsOf(Array.from({ length: 64 }, (_, index) => need(`k${index}`)))).not.toHaveProperty('code')
  expect(needsOf(Array.from({ length: 65 }, (_, index) => need(`k${index}`)))).toMatchObject({
    code: 'invalid_permits',
  })
  for (const holdMs of [-1, 0.5, 86_400_001])
    expect(needsOf([need('a')], null, holdMs)).toMatchObject({ refused: true })
  const rate = { key: 'r', shared: false, limit: 5, perMs: 60_000, burst: 1 }
  for (const wrong of [{ limit: 0 }, { burst: 0 }, { perMs: 0 }, { perMs: 86_400_001 }, { limit: 2.5 }]) {
    expect(needsOf([], { ...rate, ...wrong })).toMatchObject({ code: 'invalid_permits' })
  }
})

test('DG-01 the lowest free slot is given, and none beyond the capacity', () => {
  expect(freeSlot([], 1)).toBe(0)
  expect(freeSlot([{ slot: 0 }, { slot: 2 }], 3)).toBe(1)
  expect(freeSlot([{ slot: 0 }, { slot: 1 }], 2)).toBeNull()
})

test('DG-01 a capacity that was lowered gives no slot while as many are held in higher ones', () => {
  expect(freeSlot([{ slot: 1 }, { slot: 2 }], 1)).toBeNull()
  expect(freeSlot([{ slot: 2 }], 2)).toBe(0)
})

test('DG-01 no stretch of time of any length sees more starts than the rate and its burst allow', () => {
  const rates = fc.record({ limit: fc.integer({ min: 1, max: 50 }), burst: fc.integer({ min: 1, max: 9 }) })
  fc.assert(
    fc.property(rates, fc.array(fc.integer({ min: 0, max: 900 }), { maxLength: 120 }), ({ limit, burst }, waits) => {
      const rate = { key: 'r', shared: false, limit, perMs: 10_000, burst }
      const starts: number[] = []
      let dueUs: number | null = null
      let now = 1_000_000
      for (const wait of waits) {
        now += wait
        const answer = spend(rate, dueUs, now)
        if (!answer.allowed) {
          expect(answer.at).toBeGreaterThan(now)
          expect(spend(rate, dueUs, answer.at).allowed).toBe(true)
          continue
        }
        dueUs = answer.dueUs
        starts.push(now)
      }
      for (const [index, from] of starts.entries()) {
        const inside = starts.slice(index).filter((at) => at < from + rate.perMs).length
        expect(inside).toBeLessThanOrEqual(limit + burst - 1)
      }
    }),
  )
})
