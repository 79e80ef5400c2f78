/** How many checks passed, failed and were skipped: read from what a step said, summed, and printed. */
export interface Counts {
  passed: number
  failed: number
  skipped: number
}

export function sum(all: readonly Counts[]): Counts {
  const total = { passed: 0, failed: 0, skipped: 0 }
  for (const { passed, failed, skipped } of all) {
    total.passed += passed
    total.failed += failed
    total.skipped += skipped
  }
  return total
}

/** Nothing that passed is not green: a run that found no tests must not look like one that found no errors. */
export function isGreen({ passed, failed }: Counts): boolean {
  return failed === 0 && passed > 0
}

export function closingLine({ passed, failed, skipped }: Counts): string {
  return `${passed} passed, ${failed} failed, ${skipped} skipped`
}

/** A command that fails without a failed test (a crash, a threshold) counts as one failure. */
export function withExit(counts: Counts, exitCode: number): Counts {
  return exitCode !== 0 && counts.failed === 0 ? { ...counts, failed: 1 } : counts
}

/** Reads the last line of the form `N passed, N failed[, N skipped]`; undefined if there is none. */
export function countPrinted(output: string): Counts | undefined {
  const found = [...output.matchAll(/(\d+) passed, (\d+) failed(?:, (\d+) skipped)?/g)].at(-1)
  if (!found) return undefined
  return { passed: Number(found[1]), failed: Number(found[2]), skipped: Number(found[3] ?? 0) }
}

interface VitestReport {
  numPassedTests: number
  numFailedTests: number
  numPendingTests: number
  numTodoTests: number
  testResults: { status: string; assertionResults: unknown[] }[]
}

/** Reads vitest's JSON report. A file that could not be loaded has no tests, and counts as one failure. */
export function countVitest(json: string): Counts | undefined {
  if (json === '') return undefined
  const report = JSON.parse(json) as VitestReport
  const unloaded = report.testResults.filter((file) => file.status === 'failed' && file.assertionResults.length === 0)
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded.length,
    skipped: report.numPendingTests + report.numTodoTests,
  }
}
