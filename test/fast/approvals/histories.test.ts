import { expect, test } from 'vitest'
import { playCore, playStore } from '../../approvals/play.ts'
import { Reached, races } from '../../approvals/setting.ts'

test('SE-31 in random histories of many people the rules do what the oracle says, and every race is reached', async () => {
  const reached = new Reached()
  const told = await playCore('short', 4_000, reached)
  expect(told.differences.slice(0, 1)).toEqual([])
  expect(races.filter((race) => reached.of(race) === 0)).toEqual([])
})

test('CP-002 in random histories the writer on SQLite does what the oracle says: approve never dispatches', async () => {
  const told = await playStore('sqlite', 'short', 50, new Reached())
  expect(told.differences.slice(0, 1)).toEqual([])
  expect(told.passed).toBe(50)
})
