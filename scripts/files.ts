/** The project's own text files, read once: what tidy rules, requirements and generators look at. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'

export interface ProjectFile {
  /** From the project's root, with forward slashes. */
  path: string
  text: string
  isExecutable: boolean
}

export const projectRoot = resolve(import.meta.dirname, '..')

/** What git ignores or keeps for itself: in a linked work tree `.git` is a file. */
const foreign = new Set(['.git', 'node_modules', '.toolchain', '.pawl', 'dist', 'coverage'])
const binary = /\.(pdf|png|jpg|ico|woff2?|ttf|otf|db|db-wal|db-shm|gz|tgz|log)$/

export function projectFiles(root: string = projectRoot): ProjectFile[] {
  return pathsIn(root, '')
    .sort()
    .map((path) => readProjectFile(root, path))
}

function pathsIn(root: string, folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    // In a linked worktree, .git is a file.
    if (foreign.has(entry.name)) return []
    if (entry.isDirectory()) return pathsIn(root, path)
    return entry.isFile() && !binary.test(entry.name) ? [path] : []
  })
}

function readProjectFile(root: string, path: string): ProjectFile {
  const file = join(root, path)
  return { path, text: readFileSync(file, 'utf8'), isExecutable: (statSync(file).mode & 0o111) !== 0 }
}
