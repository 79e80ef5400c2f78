/** What every file of the project keeps to. A rule takes all files and answers with a sentence for each place it objects to. */
import type { ProjectFile } from '../../scripts/files.ts'
import { sourceText } from '../../scripts/source-text.ts'
import { type Finding, moduleNames } from './rooms.ts'

const linesMax = 400
const isScript = ({ path }: ProjectFile): boolean => /\.[cm]?[jt]sx?$/.test(path)
const isTest = ({ path }: ProjectFile): boolean => path.endsWith('.test.ts') || path.startsWith('test/')
const isSource = (file: ProjectFile): boolean => file.path.startsWith('src/') && isScript(file) && !isTest(file)

export function fileSize(files: readonly ProjectFile[]): Finding[] {
  return files
    .filter((file) => isScript(file) || /\.(sql|sh)$/.test(file.path))
    .map(({ path, text }) => ({ path, lines: text.split('\n').length - 1 }))
    .filter(({ lines }) => lines > linesMax)
    .map(({ path, lines }) => ({
      path,
      sentence: `${path} has ${lines} lines, and ${linesMax} is the most; which second noun moved in?`,
    }))
}

/** A name that fits everything says nothing. */
export function meaningfulNames(files: readonly ProjectFile[]): Finding[] {
  const empty = /^(.*[-.])?(utils?|helpers?|common|misc|managers?)$/i
  return files.flatMap(({ path }) =>
    path
      .split('/')
      .map((part) => part.replace(/(\.test)?\.[a-z]+$/, ''))
      .filter((part) => empty.test(part))
      .map((part) => ({ path, sentence: `${path} is called "${part}", which says nothing; name it for its one idea` })),
  )
}

/** The edges of a process, where time and chance come in. Everything else gets them as arguments. */
const edges: readonly RegExp[] = [
  /^src\/time\//,
  /^src\/identity\//,
  /^src\/cli\//,
  /\/main\.ts$/,
  // The entry of the writer thread.
  /^src\/sqlite-writer\.ts$/,
]
const worldCalls: readonly [RegExp, string][] = [
  [/\bDate\.now\b/, 'Date.now'],
  [/\bnew Date\(\s*\)/, 'new Date()'],
  [/\bperformance\.now\b/, 'performance.now'],
  [/\bprocess\.hrtime\b/, 'process.hrtime'],
  [/\bMath\.random\b/, 'Math.random'],
  [/\brandom(UUID|Bytes|Int|FillSync)\s*\(/, 'the randomness of node:crypto'],
  [/\bgetRandomValues\b/, 'getRandomValues'],
  [/\bset(Timeout|Interval)\s*\(/, 'setTimeout or setInterval'],
]

export function worldOutside(files: readonly ProjectFile[]): Finding[] {
  return files
    .filter((file) => isSource(file) && !edges.some((edge) => edge.test(file.path)))
    .flatMap((file) =>
      findLines(sourceText(file.text).code, worldCalls).map(({ line, name }) => ({
        path: file.path,
        sentence: `${file.path}:${line} calls ${name}; time, ids and randomness arrive as arguments`,
      })),
    )
}

const setAside: readonly [RegExp, string][] = [
  [/\b(it|test|describe|suite)(\.\w+)*\.(only|skip|todo|fails|skipIf|runIf)\b/, 'narrows or skips a test'],
  [/\bx(it|test|describe)\s*\(/, 'skips a test'],
]

export function everyTestRuns(files: readonly ProjectFile[]): Finding[] {
  return files.filter(isScript).flatMap((file) =>
    findLines(sourceText(file.text).code, setAside).map(({ line, name }) => ({
      path: file.path,
      sentence: `${file.path}:${line} ${name}; every test runs, or does not exist`,
    })),
  )
}

const leftOpen: readonly [RegExp, string][] = [[/\b(TODO|FIXME|XXX|HACK)\b/, 'a note of work left to do']]
const silenced: readonly [RegExp, string][] = [
  [/@ts-(ignore|nocheck|expect-error)\b/, 'a silenced type error'],
  [/\b(biome-ignore|oxlint-disable|eslint-disable)\b/, 'a silenced lint rule'],
]

export function nothingLeftOpen(files: readonly ProjectFile[]): Finding[] {
  return files.flatMap((file) => {
    const words = isScript(file) ? sourceText(file.text).comments : /\.(sh|sql|ya?ml)$/.test(file.path) ? file.text : ''
    return findLines(words, [...leftOpen, ...silenced]).map(({ line, name }) => ({
      path: file.path,
      sentence: `${file.path}:${line} holds ${name}; do it now, or write it down as an issue`,
    }))
  })
}

export function noAny(files: readonly ProjectFile[]): Finding[] {
  const untyped: readonly [RegExp, string][] = [[/\bas any\b|[:|<,] ?any\b(?!\s*[(.:])/, 'any']]
  return files
    .filter(({ path }) => path.endsWith('.ts'))
    .flatMap((file) =>
      findLines(sourceText(file.text).code, untyped).map(({ line }) => ({
        path: file.path,
        sentence: `${file.path}:${line} uses the type any; say what it is, or unknown`,
      })),
    )
}

/** Folders that exist on every machine, and so name none. */
const everywhere: readonly string[] = 'bin dev etc home lib mnt opt proc root run srv sys tmp usr var Users'.split(' ')

/** The folder of this checkout, and its top folder where that is one of its own, must not be written down. */
export function noMachine(files: readonly ProjectFile[], checkout: string): Finding[] {
  const top = checkout.split('/')[1] ?? ''
  const places = everywhere.includes(top) || top === '' ? [checkout] : [checkout, `/${top}`]
  const named: readonly [RegExp, string][] = [
    ...places.map((place): [RegExp, string] => [new RegExp(`(^|[^\\w.@/-])${place}/`), `the folder ${place}/`]),
    [/\/(home|Users)\/(?!runner\b|<)[a-z]\w*\//, 'a home folder'],
    [/\bregistry\.[a-z0-9-]+\.[a-z]+/, 'the host of a package registry'],
  ]
  return files.flatMap((file) =>
    findLines(
      file.text,
      file.path === 'package-lock.json' ? [...named, [/"resolved":/, 'where a package came from']] : named,
    ).map(({ line, name }) => ({
      path: file.path,
      sentence: `${file.path}:${line} names ${name}, which is nobody else's business`,
    })),
  )
}

interface Manifest {
  dependencies?: Record<string, string>
  devDependencies?: Record<string, string>
  peerDependencies?: Record<string, string>
}

/** Each dependency has a row in docs/dependencies.md: name, why it is here, how to leave it. And no row outlives it. */
export function explainedDependencies(files: readonly ProjectFile[]): Finding[] {
  const path = 'docs/dependencies.md'
  const manifest = manifestOf(files)
  const names = Object.keys({ ...manifest.dependencies, ...manifest.devDependencies })
  const page = files.find((file) => file.path === path)?.text ?? ''
  const explained = [...page.matchAll(/^\| `([^`]+)` \|[^|]*\w[^|]*\|[^|]*\w[^|]*\|$/gm)].map(([, name = '']) => name)
  return [
    ...names
      .filter((name) => !explained.includes(name))
      .map((name) => ({
        path,
        sentence: `${name} has no row in ${path} that says why it is here and how to leave it`,
      })),
    ...explained
      .filter((name) => !names.includes(name))
      .map((name) => ({ path, sentence: `${path} explains ${name}, which is no dependency any more` })),
  ]
}

/** What ships may import only what is installed with it, or named as what its user may install. The contract runs inside the test runner of whoever uses it. */
export function shippedImports(files: readonly ProjectFile[]): Finding[] {
  const { dependencies, peerDependencies } = manifestOf(files)
  const shipped = Object.keys({ ...dependencies, ...peerDependencies })
  return files
    .filter((file) => isSource(file) && !file.path.startsWith('src/store/contract/'))
    .flatMap((file) =>
      moduleNames(file.text)
        .filter((name) => !name.startsWith('.') && !name.startsWith('node:'))
        .filter((name) => !shipped.some((known) => name === known || name.startsWith(`${known}/`)))
        .map((name) => ({
          path: file.path,
          sentence: `${file.path} imports ${name}, which is not installed with pawl`,
        })),
    )
}

function manifestOf(files: readonly ProjectFile[]): Manifest {
  return JSON.parse(files.find(({ path }) => path === 'package.json')?.text ?? '{}') as Manifest
}

export function runnableEntries(files: readonly ProjectFile[]): Finding[] {
  return ['up', 'check', 'pawl', '.ci/run'].flatMap((path) => {
    const file = files.find((each) => each.path === path)
    return file?.isExecutable ? [] : [{ path, sentence: `${path} is missing or has no run bit` }]
  })
}

function findLines(text: string, patterns: readonly [RegExp, string][]): { line: number; name: string }[] {
  return text
    .split('\n')
    .flatMap((words, index) =>
      patterns.filter(([pattern]) => pattern.test(words)).map(([, name]) => ({ line: index + 1, name })),
    )
}
