import { describe, expect, test } from 'vitest'
import { byRoom, roomOf } from '../../../bench/profile/rooms.ts'
import { checkGoals, table } from '../../../bench/report.ts'
import type { Measured, Results } from '../../../bench/results.ts'
import { median, percentile, ratios, spread } from '../../../bench/statistics.ts'

describe('figures', () => {
  test('a median of an even number lies between the two in the middle', () => {
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([5, 1, 3])).toBe(3)
  })

  test('a percentile lies between the nearest ranks, and of nothing there is none', () => {
    expect(percentile([10, 20, 30, 40, 50], 0.9)).toBeCloseTo(46)
    expect(percentile([], 0.5)).toBeNaN()
    expect(spread([2, 9, 4])).toEqual({ min: 2, median: 4, max: 9 })
  })

  test('a ratio is taken within its round, so that a machine that slows down slows both', () => {
    expect(ratios([100, 50], [50, 25])).toEqual([2, 2])
  })
})

const contender = (name: Measured['name'], figures: Measured['figures']): Measured => ({
  name,
  title: name,
  configuration: '',
  figures,
  counts: {},
})

const results = (contenders: Results['contenders']): Results => ({
  at: '2026-01-01T00:00:00.000Z',
  commit: 'abc',
  command: 'npm run bench',
  rounds: 2,
  machine: {
    processor: 'p',
    cores: 2,
    memoryGb: 8,
    system: 's',
    node: 'v24',
    sqlite: '3',
    fsyncMs: { p50: 0.1, p99: 0.2 },
  },
  fsyncMsAtEnd: { p50: 0.1, p99: 0.2 },
  servers: [],
  contenders,
  audit: { executions: 1, eventsPerExecution: 3, walBytesPerExecution: 1000 },
})

describe('the table', () => {
  test('says it when a peer wins', () => {
    const text = table(results([contender('pawl', { drain: [10] }), contender('graphile', { drain: [20] })]))
    expect(text).toContain('**20**')
    expect(text).toContain('In S1 drain, graphile is ahead of Pawl.')
  })

  test('has no figure for a peer that was not measured, and says why', () => {
    const absent = { name: 'bullmq' as const, title: 'BullMQ', configuration: '', missing: 'no Redis' }
    const text = table(results([contender('pawl', { drain: [10] }), absent]))
    expect(text).toContain('| not measured here |')
    expect(text).toContain('BullMQ was not measured here: no Redis.')
  })

  test('a goal for rates is a least, a goal for times a most, and without the peer it is open', () => {
    const goals = checkGoals(
      results([
        contender('pawl', { drain: [26, 26], idleStart: [0.5] }),
        contender('graphile', { drain: [20, 13] }),
        contender('bullmq', { idleStart: [1] }),
        { name: 'plainjob', title: 'plainjob', configuration: '', missing: 'not installed' },
      ]),
    )
    const met = (title: string, peer: string) => goals.find((goal) => goal.title === title && goal.peer === peer)?.isMet
    expect(met('S1 drain', 'graphile')).toBe(true)
    expect(met('S4 idle: start, p50', 'bullmq')).toBe(true)
    expect(met('S1 drain', 'plainjob')).toBe(null)
  })
})

describe('the profile', () => {
  test('sums self time by room, wherever the checkout lies', () => {
    const frame = (functionName: string, url: string) => ({ functionName, url })
    const at = 'file:///somewhere/src'
    expect(roomOf(frame('apply', `${at}/commit/workset.ts`))).toBe('commit')
    expect(roomOf(frame('run', `${at}/store/sqlite/prepared.ts`))).toBe('commit statement, with the wait for fsync')
    expect(roomOf(frame('x', `${at}/store/sqlite/write.ts`))).toBe('store/sqlite: writes (node:sqlite)')
    expect(roomOf(frame('x', `${at}/worker.ts`))).toBe('worker.ts')
    const sums = byRoom({
      nodes: [
        { id: 1, callFrame: frame('a', `${at}/run/run.ts`) },
        { id: 2, callFrame: frame('(idle)', '') },
      ],
      samples: [1, 2, 1],
      timeDeltas: [10, 20, 30],
    })
    expect(Object.fromEntries(sums)).toEqual({ run: 40, idle: 20 })
  })
})
