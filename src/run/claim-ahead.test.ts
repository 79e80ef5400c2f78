import { expect, test } from 'vitest'
import type { Claimed } from '../commit/order.ts'
import { ClaimAhead } from './claim-ahead.ts'

const claimed = (id: number) => ({ execution: { id } }) as unknown as Claimed
const end = (ahead: ClaimAhead, times: number): void => {
  for (let n = 0; n < times; n += 1) ahead.ended()
}

test('a worker claims what its slots hold, and nothing ahead while handlers are slow', () => {
  const ahead = new ClaimAhead(10, 0)
  expect(ahead.room(0, 0)).toBe(10)
  expect(ahead.room(10, 0)).toBe(0)
  end(ahead, 9)
  expect(ahead.room(10, 50)).toBe(0)
})

test('slots that turn over within 50 ms are stocked with what 50 ms have used up, 1,000 at most, in two halves', () => {
  const ahead = new ClaimAhead(10, 0)
  end(ahead, 100)
  expect(ahead.room(10, 50)).toBe(50)
  ahead.put(
    Array.from({ length: 50 }, (_, id) => claimed(id)),
    50,
  )
  expect(ahead.room(10, 60)).toBe(50)
  ahead.put(
    Array.from({ length: 50 }, (_, id) => claimed(id)),
    60,
  )
  expect(ahead.room(10, 60)).toBe(0)
  end(ahead, 50_000)
  expect(ahead.room(10, 100)).toBe(500)
  expect(ahead.room(10, 1_000_000)).toBe(0)
})

test('what waits leaves in claim order, and what has waited too long is taken out', () => {
  const ahead = new ClaimAhead(1, 0)
  ahead.put([claimed(1), claimed(2)], 0)
  ahead.put([claimed(3)], 10)
  expect(ahead.next()).toEqual(claimed(1))
  expect(ahead.takeOlder(5)).toEqual([claimed(2)])
  expect(ahead.size).toBe(1)
})
