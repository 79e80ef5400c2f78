import { expect, test } from 'vitest'
import type { Leader } from '../../../src/store/fleet.ts'
import type { LogRow } from '../../../src/store/rows.ts'
import { exclusiveTogether, oneLeader, settledAgain } from '../../drills/many-checks.ts'

const row = (position: number, to: LogRow['to'], execution: number, worker: number | null = null): LogRow => ({
  position,
  tenant: 'acme',
  type: to === 'running' ? 'claim' : 'succeed',
  from: null,
  to,
  principal: 'system:test',
  worker,
  at: position,
  executions: [execution],
  numbers: [1],
  previous: [0],
  data: null,
})
const locks = new Map([
  [1, 'lane:0'],
  [2, 'lane:0'],
  [3, 'lane:1'],
])
const leader = (epoch: number, since: number, until: number, endedAt: number | null = null): Leader => ({
  epoch,
  holder: `p${epoch}`,
  host: 'h',
  pid: epoch,
  since,
  until,
  endedAt,
  refused: 0,
  refusedAt: null,
})

test('SE-24 the drill of many processes sees two that run under one lock', () => {
  const apart = [row(1, 'running', 1), row(2, 'running', 3), row(3, 'succeeded', 1), row(4, 'running', 2)]
  expect(exclusiveTogether(apart, locks).complaints).toEqual([])
  const together = [row(1, 'running', 1), row(2, 'running', 2)]
  expect(exclusiveTogether(together, locks).complaints).toEqual([
    'at position 2, executions 1 and 2 both ran under lane:0',
  ])
})

test('CP-004a the drill of many processes sees an epoch that began too early, or is missing', () => {
  expect(oneLeader([leader(2, 20, 30), leader(1, 10, 20)]).complaints).toEqual([])
  expect(oneLeader([leader(2, 15, 30), leader(1, 10, 20, 15)]).complaints).toEqual([])
  expect(oneLeader([leader(2, 19, 30), leader(1, 10, 20)]).complaints).toHaveLength(1)
  expect(oneLeader([leader(3, 40, 50), leader(1, 10, 20)]).complaints).toEqual(['epoch 3 follows 1'])
  expect(oneLeader([]).complaints).toEqual(['nobody ever led'])
})

test('CP-004a the drill of many processes sees a worker that lived and settled nothing', () => {
  const workers = [
    { key: 1, pid: 11 },
    { key: 2, pid: 12 },
  ]
  const lived = (pid: number, until: number | null) => ({ identity: 'w', pid, from: 0, until })
  const rows = [row(1, 'succeeded', 1, 1)]
  expect(settledAgain([lived(11, null), lived(12, 9_000)], workers, rows).complaints).toEqual([])
  expect(settledAgain([lived(12, 11_000)], workers, rows).complaints).toHaveLength(1)
})
