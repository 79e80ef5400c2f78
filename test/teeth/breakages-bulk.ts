import type { Breakage } from './breakage.ts'

/** A bulk command is done once, to its snapshot, and goes on after a restart. */
export const bulkBreakages: readonly Breakage[] = [
  {
    name: 'a bulk command does not go on after a restart',
    edits: [
      {
        file: 'src/control/bulk-commands.ts',
        find: "if (bulk.state === 'running') this.#begin(bulk)",
        replace: "if (bulk.state === 'running') continue",
      },
    ],
    shownBy: ['test/fast/server/bulk.test.ts', '-t', 'after the restart', '--testTimeout=5000'],
  },
  {
    name: 'a bulk redrive forgets the targets of a plan',
    edits: [
      {
        file: 'src/commit/bulks.ts',
        find: "  if (bulk.command === 'redrive') yield* loadWholePlans(work, open)\n",
        replace: '',
      },
      {
        file: 'src/commit/bulks.ts',
        find: "import { loadWholePlans } from './approvals/plans.ts'\n",
        replace: '',
      },
    ],
    shownBy: ['test/fast/worker/plans.test.ts', '-t', 'a redrive of many'],
  },
  {
    name: 'a bulk command counts what was refused as done',
    edits: [
      {
        file: 'src/commit/bulks.ts',
        find: 'if (isRefusal(answer)) refused += 1',
        replace: 'if (isRefusal(answer)) done += 1',
      },
    ],
    shownBy: ['test/fast/server/bulk.test.ts', '-t', 'records each outcome'],
  },
]
