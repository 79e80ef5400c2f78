import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type ProjectFile, projectFiles, projectRoot } from '../../scripts/files.ts'
import { generators, stalePaths } from '../../scripts/generated.ts'
import { type Finding, importDirection } from './rooms.ts'
import {
  everyTestRuns,
  explainedDependencies,
  fileSize,
  meaningfulNames,
  noAny,
  noMachine,
  nothingLeftOpen,
  runnableEntries,
  shippedImports,
  worldOutside,
} from './rules.ts'

type Rule = (files: readonly ProjectFile[]) => Finding[]

const files = projectFiles()
const rules: Record<string, Rule> = {
  'imports go downwards only': importDirection,
  'no file is longer than 400 lines': fileSize,
  'no room or file has an empty name': meaningfulNames,
  'time, ids and randomness arrive as arguments': worldOutside,
  'every test runs': everyTestRuns,
  'nothing is left open or silenced': nothingLeftOpen,
  'nothing has the type any': noAny,
  'no machine and no registry is named': (all) => noMachine(all, projectRoot),
  'every dependency is explained': explainedDependencies,
  'what ships imports only what is installed with it': shippedImports,
  'the entry points can be run': runnableEntries,
}

describe('the project keeps to its rules', () => {
  test.each(Object.entries(rules))('%s', (_name, rule) => {
    expect(rule(files).map(({ sentence }) => sentence)).toEqual([])
  })

  test('no generated file is stale', async () => {
    const read = (path: string) =>
      existsSync(join(projectRoot, path)) ? readFileSync(join(projectRoot, path), 'utf8') : undefined
    expect(await stalePaths(generators, read)).toEqual([])
  })
})
