import { expect, test } from 'vitest'
import { playCore, playStore } from '../../approvals/play.ts'
import { floorOf, Reached } from '../../approvals/setting.ts'

test('SE-31 SE-32 in random histories of many people whose rights change the rules do what the oracle says, and every race is reached', async () => {
  const reached = new Reached()
  const told = await playCore({ seed: 'short', from: 0, count: 4_000 }, reached)
  expect(told.differences.slice(0, 1)).toEqual([])
  expect(reached.missing(4_000)).toEqual([])
})

test('CP-002 in random histories the writer on SQLite does what the oracle says: approve never dispatches', async () => {
  const told = await playStore('sqlite', { seed: 'short', from: 0, count: 50 }, new Reached())
  expect(told.differences.slice(0, 1)).toEqual([])
  expect(told.passed).toBe(50)
})

test('SE-31 a run that hardly reaches a race is red: in a million histories each one before an intent is wanted a thousand times', () => {
  expect(floorOf('revoked between claim and intent', 1_000_000)).toBe(1_000)
  expect(floorOf('ada lost the right to ask between claim and intent', 1_000_000)).toBe(1_000)
  const reached = new Reached()
  reached.add([['revoked between claim and intent', 9]])
  expect(reached.missing(3_000)).toContain('revoked between claim and intent: 9, and not at least 10')
  expect(reached.missing(100)).toEqual([])
})
