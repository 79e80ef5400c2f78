/** The rooms of src/ in the order in which they may import: each only from those above it. */
import { posix } from 'node:path'
import type { ProjectFile } from '../../scripts/files.ts'
import { sourceText } from '../../scripts/source-text.ts'

export interface Finding {
  path: string
  sentence: string
}

/** Rooms in one row stand side by side. */
const rows: readonly (readonly string[])[] = [
  ['errors', 'json', 'time', 'identity', 'config'],
  // The table of permissions and built-in roles: people's commands and the commit ask the same one.
  ['commands/permissions.ts'],
  ['rights'],
  ['artifacts'],
  ['action'],
  ['execution'],
  ['policy'],
  ['store'],
  ['store/sqlite'],
  ['store/postgres'],
  ['claim'],
  ['commit'],
  ['admit', 'run', 'settle', 'recover'],
  ['store/contract'],
  ['schedule', 'archive', 'leader'],
  ['protocol'],
  ['isolate', 'dispatch'],
  ['dispatch/redis-carrier.ts'],
  ['worker.ts'],
  ['projections'],
  ['control'],
  ['commands'],
  ['server'],
  ['sqlite-writer.ts'],
  ['sqlite.ts', 'postgres.ts', 'bullmq.ts'],
  ['open-store.ts', 'open-dispatch.ts'],
  ['duties.ts'],
  ['engine.ts'],
  ['local-worker.ts', 'task-queue.ts', 'connection.ts'],
  ['operations'],
  ['embedded.ts'],
  ['pawl.ts', 'client.ts', 'server.ts'],
  ['testing'],
  ['testing.ts'],
  ['cli'],
]

const stages: readonly string[] = ['admit', 'claim', 'run', 'settle', 'recover']
const foundations: readonly string[] = ['errors', 'json', 'time', 'identity', 'config']
const doors: readonly string[] = [
  'pawl.ts',
  'client.ts',
  'server.ts',
  'sqlite.ts',
  'postgres.ts',
  'bullmq.ts',
  'testing.ts',
]

/** Rooms that only the named ones may enter, so that what is behind them can be exchanged. */
const keepers: Readonly<Record<string, readonly string[]>> = {
  // PostgreSQL keeps the same rows in the same columns, and reads them by the same readers.
  'store/sqlite': ['sqlite.ts', 'sqlite-writer.ts', 'testing.ts', 'store/contract', 'store/postgres'],
  'store/postgres': ['postgres.ts'],
  'sqlite-writer.ts': ['sqlite.ts'],
  // Whoever does not dispatch through Redis never loads its driver.
  'dispatch/redis-carrier.ts': ['bullmq.ts'],
  'store/contract': ['testing.ts'],
}

/** Tests may arrange their world from any room; the promises of the rooms concern what ships. */
export function importDirection(files: readonly ProjectFile[]): Finding[] {
  return files
    .filter(({ path }) => path.startsWith('src/') && path.endsWith('.ts') && !path.endsWith('.test.ts'))
    .flatMap((file) => {
      const from = roomOf(file.path)
      if (from === undefined) {
        const sentence = `${inSource(file.path)} lies in no room; the rooms and their order stand in test/tidy/rooms.ts`
        return [{ path: file.path, sentence }]
      }
      return importsOf(file).flatMap((target) => {
        const sentence = objection(file.path, from, target)
        return sentence === undefined ? [] : [{ path: file.path, sentence }]
      })
    })
}

/** The files in the project that this file imports, types included, as paths from the root. */
export function importsOf({ path, text }: ProjectFile): string[] {
  return moduleNames(text)
    .filter((name) => name.startsWith('.'))
    .map((name) => posix.join(posix.dirname(path), name))
}

/** The names in `import … from 'name'`, `export … from 'name'`, `import 'name'` and `import('name')`. */
export function moduleNames(text: string): string[] {
  const { code } = sourceText(text)
  return [...code.matchAll(/(?:\bfrom\s*|\bimport\s*\(?\s*)(['"])( *)\1/g)].map(
    ({ 0: found, 2: blank = '', index }) => {
      const end = index + found.length - 1
      return text.slice(end - blank.length, end)
    },
  )
}

function objection(path: string, from: string, target: string): string | undefined {
  const what = `${inSource(path)} imports ${inSource(target)}`
  if (!target.startsWith('src/')) return `${what}; src/ stands on its own and is imported by everything else`
  const to = roomOf(target)
  if (to === undefined) return `${what}, which lies in no room`
  if (to === from) return undefined
  if (doors.includes(from) && !doors.includes(to) && to !== 'cli') return undefined
  const keeper = keepers[to]
  if (keeper !== undefined && !keeper.includes(from)) return `${what}; only ${keeper.join(', ')} may enter ${to}/`
  if (stages.includes(from) && stages.includes(to)) return `${what}; stages meet in worker.ts`
  if (foundations.includes(from) && foundations.includes(to)) {
    // errors is the floor of the foundations; the others may use each other.
    return from === 'errors' ? `${what}; errors/ is the lowest room and imports none` : undefined
  }
  if (rank(to) < rank(from)) return undefined
  return `${what}; ${from} stands below ${to}, and imports go downwards only`
}

/** The room with the longest name that holds the path; undefined for a path in no room. */
function roomOf(path: string): string | undefined {
  const inside = inSource(path)
  return rows
    .flat()
    .filter((room) => inside === room || inside.startsWith(`${room}/`))
    .sort((a, b) => b.length - a.length)[0]
}

function rank(room: string): number {
  return rows.findIndex((row) => row.includes(room))
}

function inSource(path: string): string {
  return path.replace(/^src\//, '')
}
