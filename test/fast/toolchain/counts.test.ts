import { describe, expect, test } from 'vitest'
import { closingLine, countPrinted, countVitest, isGreen, sum, withExit } from '../../../scripts/counts.ts'

describe('the closing line of ./check', () => {
  test('it is the sum of all steps', () => {
    const total = sum([
      { passed: 2, failed: 0, skipped: 1 },
      { passed: 3, failed: 1, skipped: 0 },
    ])
    expect(closingLine(total)).toBe('5 passed, 1 failed, 1 skipped')
    expect(isGreen(total)).toBe(false)
  })

  test('a run in which nothing ran is not green', () => {
    expect(isGreen({ passed: 0, failed: 0, skipped: 4 })).toBe(false)
    expect(isGreen({ passed: 1, failed: 0, skipped: 0 })).toBe(true)
  })

  test('a command that fails without a failed test counts as one failure', () => {
    expect(withExit({ passed: 9, failed: 0, skipped: 0 }, 1)).toEqual({ passed: 9, failed: 1, skipped: 0 })
    expect(withExit({ passed: 9, failed: 2, skipped: 0 }, 1)).toEqual({ passed: 9, failed: 2, skipped: 0 })
  })
})

describe('what a step says', () => {
  test('the last printed count holds, with or without skipped', () => {
    expect(countPrinted('1 passed, 0 failed\nmore\n30 passed, 2 failed, 1 skipped\n')).toEqual({
      passed: 30,
      failed: 2,
      skipped: 1,
    })
    expect(countPrinted('7 passed, 0 failed\n')).toEqual({ passed: 7, failed: 0, skipped: 0 })
  })

  test('a step that prints no count has none', () => {
    expect(countPrinted('Cannot find module\n')).toBeUndefined()
    expect(countVitest('')).toBeUndefined()
  })

  test('a test file that could not be loaded is a failure', () => {
    const report = {
      numPassedTests: 4,
      numFailedTests: 0,
      numPendingTests: 1,
      numTodoTests: 0,
      testResults: [
        { status: 'passed', assertionResults: [{}] },
        { status: 'failed', assertionResults: [] },
      ],
    }
    expect(countVitest(JSON.stringify(report))).toEqual({ passed: 4, failed: 1, skipped: 1 })
  })
})
