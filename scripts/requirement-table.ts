/** docs/requirements.md: its rows are written by hand, its last column is filled from the names of the tests. */
import type { ProjectFile } from './files.ts'
import { sourceText } from './source-text.ts'

export const requirementsPath = 'docs/requirements.md'

export interface Requirement {
  ids: string[]
  must: string
  shownWhen: string
}

export interface Evidence {
  id: string
  path: string
}

const idWord = /(?:REL|CP|SE|DG|EX)-[A-Za-z0-9]+(?:-[a-z]+)*/
const leadingIds = new RegExp(`^${idWord.source}(?:[ ,]+${idWord.source})*(?=[ ,:]+\\S)`)

/** The rows of the page: those whose first cell holds nothing but IDs. */
export function readRequirements(page: string): Requirement[] {
  return page.split('\n').flatMap((line) => {
    const [first = '', must = '', shownWhen = ''] = cells(line)
    const ids = first.split(' ')
    return ids.every((id) => new RegExp(`^${idWord.source}$`).test(id)) ? [{ ids, must, shownWhen }] : []
  })
}

/**
 * IDs that stand at the beginning of a test's name, or of any other sentence in a test file, such as a drill's promise.
 * An ID alone is no promise.
 */
export function readEvidence(files: readonly ProjectFile[]): Evidence[] {
  return files.filter(isTest).flatMap(({ path, text }) => {
    const ids = sourceText(text).strings.flatMap((name) => leadingIds.exec(name)?.[0].split(/[ ,]+/) ?? [])
    return [...new Set(ids)].map((id) => ({ id, path }))
  })
}

function isTest({ path }: ProjectFile): boolean {
  return path.endsWith('.test.ts') || path.startsWith('src/store/contract/') || /^test\/.+\.ts$/.test(path)
}

export function unknownIds(requirements: readonly Requirement[], evidence: readonly Evidence[]): Evidence[] {
  const known = new Set(requirements.flatMap(({ ids }) => ids))
  return evidence.filter(({ id }) => !known.has(id))
}

export function pathsFor(requirement: Requirement, evidence: readonly Evidence[]): string[] {
  return [...new Set(evidence.filter(({ id }) => requirement.ids.includes(id)).map(({ path }) => path))].sort()
}

/** The page with the last cell of every row of a requirement written anew; everything else stays as it is. */
export function renderRequirements(page: string, evidence: readonly Evidence[]): string {
  return page
    .split('\n')
    .map((line) => {
      const requirement = readRequirements(line)[0]
      if (!requirement) return line
      const [ids = '', must = '', shownWhen = ''] = cells(line)
      return `| ${[ids, must, shownWhen, pathsFor(requirement, evidence).map(link).join(' ')].join(' | ').trimEnd()} |`
    })
    .join('\n')
}

function cells(line: string): string[] {
  if (!line.startsWith('|')) return []
  return line
    .split('|')
    .slice(1, -1)
    .map((cell) => cell.trim())
}

function link(path: string): string {
  return `[${path}](../${path})`
}
