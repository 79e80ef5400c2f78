import type { Breakage } from './breakage.ts'

const contract = ['src/store/sqlite/sqlite.test.ts', '-t', 'in memory keeps archives']
const tests = ['src/archive']

/** What is archived is not lost, and comes back as it was. */
export const archiveBreakages: readonly Breakage[] = [
  {
    name: 'an archived id is given again after a restart',
    edits: [
      {
        file: 'src/store/sqlite/counters.ts',
        find: "Math.max(next('requests', 'id'), next('archives', 'id'))",
        replace: "next('requests', 'id')",
      },
    ],
    shownBy: ['src/store/sqlite/sqlite.test.ts', '-t', 'in a file keeps archives'],
  },
  {
    name: 'an archived key is forgotten',
    edits: [
      {
        file: 'src/store/sqlite/key-owners.ts',
        find: 'if (!mayHoldArchives) return owner',
        replace: 'if (mayHoldArchives) return owner',
      },
    ],
    shownBy: contract,
  },
  {
    name: 'a damaged archive is believed',
    edits: [{ file: 'src/store/sqlite/archive.ts', find: 'sha256(text) === row[1] ?', replace: 'text !== "" ?' }],
    shownBy: contract,
  },
  {
    name: 'the ledger does not come into the archive',
    edits: [
      {
        file: 'src/store/sqlite/archive.ts',
        find: "  { name: 'execution_effects', key: 'execution' },\n",
        replace: '',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'an archived key answers any input',
    edits: [
      {
        file: 'src/commit/admission.ts',
        find: 'if (archived.inputHash === admission.inputHash) return',
        replace: 'if (archived.inputHash !== "") return',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'what is being redriven is archived under it',
    edits: [
      {
        file: 'src/commit/archives.ts',
        find: 'ids.filter((id) => !work.executions.has(id))',
        replace: 'ids.filter(() => true)',
      },
    ],
    shownBy: tests,
  },
  {
    name: 'a person of another tenant restores',
    edits: [
      {
        file: 'src/control/control-plane.ts',
        find: 'if (found === null || found.execution.tenant !== by.tenant) {',
        replace: 'if (found === null) {',
      },
      { file: 'src/commit/archives.ts', find: ' || archived.tenant !== tenant', replace: '' },
    ],
    shownBy: tests,
  },
]
