import { describe, expect, test } from 'vitest'
import { projectFiles } from '../../scripts/files.ts'
import {
  readEvidence,
  readRequirements,
  renderRequirements,
  requirementsPath,
  unknownIds,
} from '../../scripts/requirement-table.ts'

const page =
  '# Page\n\n| id | must | shown when | tests |\n|---|---|---|---|\n| REL-01 CP-001a | be declared once | a test | |\n'
const testFile = (text: string, path = 'src/a.test.ts') => ({ path, text, isExecutable: false })

describe('the table of requirements', () => {
  const requirements = readRequirements(page)

  test('a row is read with all its IDs', () => {
    expect(requirements).toEqual([{ ids: ['REL-01', 'CP-001a'], must: 'be declared once', shownWhen: 'a test' }])
  })

  test('a test that names an unknown ID is found, together with its file', () => {
    const evidence = readEvidence([testFile("test('CP-001a REL-99 planted', () => {})")])
    expect(unknownIds(requirements, evidence)).toEqual([{ id: 'REL-99', path: 'src/a.test.ts' }])
  })

  test('an ID inside a name, in a comment or in a source file is no evidence', () => {
    const evidence = readEvidence([
      testFile("// 'REL-01'\ntest('as REL-01 says', () => {})"),
      testFile("const name = 'REL-01'", 'src/a.ts'),
    ])
    expect(evidence).toEqual([])
  })

  test.each(["'REL-01: a promise'", "'REL-01, CP-001a a promise'", '"REL-01 a promise"', '`REL-01 a promise`'])(
    '%s names its row',
    (name) => {
      const evidence = readEvidence([testFile(`test(${name}, () => {})`)])
      expect(renderRequirements(page, evidence)).toContain('| a test | [src/a.test.ts](../src/a.test.ts) |')
    },
  )

  test('a row whose test went away becomes empty again', () => {
    const shown = renderRequirements(page, [{ id: 'REL-01', path: 'src/a.test.ts' }])
    expect(renderRequirements(shown, [])).toBe(page)
  })
})

describe('the real page', () => {
  const files = projectFiles()
  const requirements = readRequirements(files.find(({ path }) => path === requirementsPath)?.text ?? '')

  test('it lists at least 80 rows and no ID twice', () => {
    const ids = requirements.flatMap((requirement) => requirement.ids)
    expect(requirements.length).toBeGreaterThanOrEqual(80)
    expect(ids.length).toBe(new Set(ids).size)
  })

  test('no test names an ID that the page does not list', () => {
    expect(unknownIds(requirements, readEvidence(files))).toEqual([])
  })
})
