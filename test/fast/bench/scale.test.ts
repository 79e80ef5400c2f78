import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { emptySizes, measure } from '../../../bench/scale/scale.ts'

test('SE-24 a claim asks and reads as much in a store that holds much as in one that holds next to nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'pawl-scale-'))
  const faults: string[] = []
  const say = (sentence: string): void => {
    if (!sentence.startsWith('Filling')) faults.push(sentence)
  }
  try {
    const empty = await measure(join(folder, 'empty.db'), emptySizes, say)
    const sizes = { parked: 2_000, delayed: 5_000, finished: 5_000, tenants: 1_000 }
    const fuller = await measure(join(folder, 'fuller.db'), sizes, say)
    // Whole ones: now and then a claim falls on a millisecond at which the clock asks for something of its own.
    const counts = (costs: typeof empty) =>
      Object.values(costs).map(({ questions, rowsRead, rowsWritten }) =>
        [questions, rowsRead, rowsWritten].map(Math.round),
      )
    expect(counts(fuller)).toEqual(counts(empty))
    expect(faults).toEqual([])
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})
