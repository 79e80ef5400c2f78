import type { Breakage } from './breakage.ts'

const artifactTests = ['src/artifacts/artifacts.test.ts']
const keptTests = ['test/fast/worker/kept.test.ts']

/** Rules of what runs leave behind: artifacts and log lines. */
export const keptBreakages: readonly Breakage[] = [
  {
    name: 'the sweep does not look at the date again when it deletes',
    edits: [
      {
        file: 'src/artifacts/files.ts',
        find: 'if ((await stat(aside)).mtimeMs >= unlessSince) {',
        replace: 'if ((await stat(aside)).mtimeMs === unlessSince) {',
      },
    ],
    shownBy: artifactTests,
  },
  {
    name: 'storing a content again leaves its old date',
    edits: [
      {
        file: 'src/artifacts/files.ts',
        find: 'return await utimes(path, at, at).then(',
        replace: 'return await utimes(path, 0, 0).then(',
      },
    ],
    shownBy: artifactTests,
  },
  {
    name: 'the sweep deletes contents that rows name',
    edits: [
      {
        file: 'src/artifacts/sweep.ts',
        find: 'if (entry.sha256 !== null && held.has(entry.sha256)) continue',
        replace: 'if (entry.sha256 !== null && held.has(entry.key)) continue',
      },
    ],
    shownBy: artifactTests,
  },
  {
    name: 'an artifact may grow beyond its limit',
    edits: [
      {
        file: 'src/artifacts/content.ts',
        find: 'if (this.bytes > this.#bytesMax) {',
        replace: 'if (this.bytes > this.#bytesMax + 100) {',
      },
    ],
    shownBy: artifactTests,
  },
  {
    name: 'a result of one byte too many stays in the row',
    edits: [
      {
        file: 'src/settle/settle.ts',
        find: "Buffer.byteLength(text, 'utf8') <= resultBytesMax",
        replace: "Buffer.byteLength(text, 'utf8') <= resultBytesMax + 1",
      },
    ],
    shownBy: keptTests,
  },
  {
    name: 'a doubled message adds its lines again',
    edits: [
      {
        file: 'src/execution/decide-log.ts',
        find: 'if (fence !== execution.fence || said <= known) return nothing',
        replace: 'if (fence !== execution.fence) return nothing',
      },
      {
        file: 'src/execution/decide-log.ts',
        find: 'const known = newest !== null && newest.fence === fence ? newest.line : 0',
        replace: 'const known = 0',
      },
    ],
    shownBy: keptTests,
  },
  {
    name: 'a claim that was overtaken may still talk',
    edits: [
      {
        file: 'src/execution/decide-log.ts',
        find: 'if (fence !== execution.fence || said <= known) return nothing',
        replace: 'if (said <= known) return nothing',
      },
    ],
    shownBy: keptTests,
  },
]
