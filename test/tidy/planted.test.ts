/** Each rule is shown a file that breaks it, and one that nearly does: a rule that never objects protects nothing. */
import { describe, expect, test } from 'vitest'
import type { ProjectFile } from '../../scripts/files.ts'
import { stalePaths } from '../../scripts/generated.ts'
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

const file = (path: string, text = '', isExecutable = false): ProjectFile => ({ path, text, isExecutable })
const sentences = (findings: readonly Finding[]): string[] => findings.map(({ sentence }) => sentence)

describe('the direction of imports', () => {
  const imports = (path: string, target: string) =>
    sentences(importDirection([file(path, `import type { A } from '${target}'\n`)]))

  test('a stage that imports a stage is told where stages meet', () => {
    expect(imports('src/settle/fail.ts', '../run/attempt.ts')).toEqual([
      'settle/fail.ts imports run/attempt.ts; stages meet in worker.ts',
    ])
  })

  test('a lower room cannot import a higher one', () => {
    expect(imports('src/execution/decide.ts', '../store/store.ts')).toEqual([
      'execution/decide.ts imports store/store.ts; execution stands below store, and imports go downwards only',
    ])
    expect(imports('src/store/store.ts', '../execution/decide.ts')).toEqual([])
  })

  test('only its doors enter the SQLite store', () => {
    expect(imports('src/claim/claim.ts', '../store/sqlite/open.ts')).toEqual([
      'claim/claim.ts imports store/sqlite/open.ts; only sqlite.ts, sqlite-writer.ts, testing.ts, store/contract, store/postgres may enter store/sqlite/',
    ])
    expect(imports('src/sqlite.ts', './store/sqlite/open.ts')).toEqual([])
  })

  test('a room that nobody listed is named', () => {
    expect(imports('src/queue/queue.ts', '../errors/codes.ts')).toEqual([
      'queue/queue.ts lies in no room; the rooms and their order stand in test/tidy/rooms.ts',
    ])
  })

  test('the lowest room imports none, and src imports nothing outside itself', () => {
    expect(imports('src/errors/codes.ts', '../json/canonical.ts')).toHaveLength(1)
    expect(imports('src/json/canonical.ts', '../errors/codes.ts')).toEqual([])
    expect(imports('src/run/run.ts', '../../scripts/files.ts')).toHaveLength(1)
  })

  test.each([
    "import './../run/attempt.ts'",
    "export * from '../run/attempt.ts'",
    "const late = await import('../run/attempt.ts')",
    "import {\n  a,\n} from '../run/attempt.ts'",
  ])('%j is an import', (text) => {
    expect(importDirection([file('src/settle/fail.ts', text)])).toHaveLength(1)
  })

  test.each(["// import '../run/attempt.ts'", 'const text = "import \'../run/attempt.ts\'"'])('%j is none', (text) => {
    expect(importDirection([file('src/settle/fail.ts', text)])).toEqual([])
  })
})

describe('files and names', () => {
  test('a file of 401 lines is too long, one of 400 is not', () => {
    expect(sentences(fileSize([file('src/a.ts', 'x\n'.repeat(401))]))[0]).toContain('has 401 lines')
    expect(fileSize([file('src/a.ts', 'x\n'.repeat(400))])).toEqual([])
  })

  test.each(['src/utils/a.ts', 'src/run/helpers.ts', 'src/common.test.ts', 'src/run/lease-manager.ts', 'docs/misc.md'])(
    '%s has an empty name',
    (path) => {
      expect(meaningfulNames([file(path)])).toHaveLength(1)
    },
  )

  test('an entry point without its run bit is named', () => {
    const entries = ['up', 'check', 'pawl', '.ci/run'].map((path) => file(path, '', path !== 'check'))
    expect(sentences(runnableEntries(entries))).toEqual(['check is missing or has no run bit'])
  })
})

describe('the text of a file', () => {
  test.each([
    'Date.now()',
    'new Date()',
    'Math.random()',
    'setTimeout(wake, 5)',
    'crypto.randomUUID()',
    'randomBytes(8)',
  ])('%s is refused in a room and allowed at an edge', (call) => {
    const text = `const value = ${call}\n`
    expect(worldOutside([file('src/claim/claim.ts', text)])).toHaveLength(1)
    expect(worldOutside([file('src/time/clock.ts', text), file('src/claim/claim.test.ts', text)])).toEqual([])
    expect(worldOutside([file('src/claim/claim.ts', `// ${call}\n`)])).toEqual([])
  })

  test.each(['test.only', 'it.skip', 'describe.todo', 'test.concurrent.skip'])('%s is refused', (call) => {
    expect(everyTestRuns([file('test/a.test.ts', `${call}('a promise', () => {})\n`)])).toHaveLength(1)
  })

  test.each(['TODO', 'FIXME', '@ts-ignore', '@ts-expect-error', 'biome-ignore'])(
    'a comment with %s is refused',
    (word) => {
      expect(nothingLeftOpen([file('src/a.ts', `const a = 1 // ${word} later\n`)])).toHaveLength(1)
      expect(nothingLeftOpen([file('src/a.ts', `const a = '${word}'\n`)])).toEqual([])
    },
  )

  test.each(['let a: any', 'f(a as any)', 'new Map<string, any>()', 'let a: string | any'])('%s is refused', (text) => {
    expect(noAny([file('src/a.ts', `${text}\n`)])).toHaveLength(1)
  })

  test('the word any in prose and in names is no type', () => {
    expect(noAny([file('src/a.ts', "// for any: any reason\nconst anyone = 'is: any'\nPromise.any(all)\n")])).toEqual(
      [],
    )
  })

  test('the folder of this checkout is refused, and its own top folder', () => {
    const planted = [file('docs/a.md', 'see /plant/pawl/src/a.ts and /plant/notes/b and /etc/pawl/c\n')]
    expect(sentences(noMachine(planted, '/plant/pawl'))).toHaveLength(2)
    expect(noMachine([file('docs/a.md', 'GET /v1/executions and /tmp/x\n')], '/tmp/pawl')).toEqual([])
  })

  test('a registry is refused, and where a locked package came from', () => {
    const host = ['registry', 'example', 'org'].join('.')
    expect(noMachine([file('a.md', `https://${host}/pawl\n`)], '/tmp/pawl')).toHaveLength(1)
    expect(
      noMachine([file('package-lock.json', '"resolved": "https://example.org/a.tgz"\n')], '/tmp/pawl'),
    ).toHaveLength(1)
  })
})

describe('dependencies and generated files', () => {
  const manifest = file('package.json', '{"dependencies":{"hono":"4"},"devDependencies":{"vitest":"5"}}')

  test('a dependency without a row and a row without a dependency are named', () => {
    const page = file(
      'docs/dependencies.md',
      '| `hono` | routes HTTP | any router |\n| `left-pad` | pads | padStart |\n',
    )
    expect(sentences(explainedDependencies([manifest, page]))).toEqual([
      'vitest has no row in docs/dependencies.md that says why it is here and how to leave it',
      'docs/dependencies.md explains left-pad, which is no dependency any more',
    ])
  })

  test('what ships cannot import a development dependency', () => {
    const shipped = file(
      'src/server/http.ts',
      "import { Hono } from 'hono'\nimport { test } from 'vitest'\nimport 'node:fs'\n",
    )
    expect(sentences(shippedImports([manifest, shipped]))).toEqual([
      'src/server/http.ts imports vitest, which is not installed with pawl',
    ])
  })

  test('a generated file that changed or is missing is named', async () => {
    const made = ['fresh.md', 'stale.md', 'missing.md'].map((path) => ({ path, render: () => 'new' }))
    const texts: Record<string, string> = { 'fresh.md': 'new', 'stale.md': 'old' }
    expect(await stalePaths(made, (path) => texts[path])).toEqual(['stale.md', 'missing.md'])
  })
})
