import { expect, test } from 'vitest'
import type { Claimed } from '../commit/order.ts'
import { ClaimAhead } from './claim-ahead.ts'

const claimed = (id: number) => ({ execution: { id } }) as unknown as Claimed
const end = (ahead: ClaimAhead, times: number): void => {
  for (let n = 0; n < times; n += 1) {
    ahead.begun(0)
    ahead.ended(0)
  }
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

/** Two handlers at a time, of so many milliseconds each, from 0 until then. */
function run(ahead: ClaimAhead, eachMs: number, untilMs: number): void {
  for (let now = 0; now < untilMs; now += eachMs) {
    for (const _ of [1, 2]) ahead.begun(now)
    for (const _ of [1, 2]) ahead.ended(now + eachMs)
  }
}

/** Claims that were filled at once, each of which took as long. */
const answer = (ahead: ClaimAhead, tookMs: number, isFull = true): void => {
  for (let n = 0; n < 40; n += 1) ahead.answered(isFull, tookMs)
}

test('where the way to the store is long, slots are stocked with what they use up on four of them, however few have ended', () => {
  const ahead = new ClaimAhead(2, 0)
  answer(ahead, 60)
  // Two have ended in 50 ms, for the slots stood empty the rest of the time.
  run(ahead, 5, 5)
  expect(ahead.room(0, 50)).toBe(48)
  const longest = new ClaimAhead(2, 0)
  answer(longest, 10_000)
  run(longest, 5, 5)
  expect(longest.room(0, 50)).toBe(50)
})

test('a long way stocks nothing while handlers are slow, and waiting for work that is not there is no way', () => {
  const slow = new ClaimAhead(2, 0)
  answer(slow, 60)
  run(slow, 80, 80)
  expect(slow.room(2, 80)).toBe(0)
  const idle = new ClaimAhead(2, 0)
  answer(idle, 1_000, false)
  run(idle, 5, 5)
  expect(idle.room(2, 50)).toBe(2)
})
