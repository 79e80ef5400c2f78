/** Runs every step of CI in order and closes with one line for people and programs: `N passed, N failed, N skipped`. */
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { type Counts, closingLine, countPrinted, countVitest, isGreen, sum, withExit } from './counts.ts'
import { leftProcesses, processesOf } from './processes.ts'
import { ensurePrograms, type SystemProgram } from './system-packages.ts'

interface Step {
  name: string
  command: string[]
  /** exit: the command is one check. vitest: its JSON report. printed: its last line `N passed, N failed`. */
  count: 'exit' | 'vitest' | 'printed'
  /** Programs of the system that it runs; installed when they are missing. */
  needs?: readonly SystemProgram[]
}

const root = resolve(import.meta.dirname, '..')
const reports = mkdtempSync(join(tmpdir(), 'pawl-check-'))
const vitestReport = join(reports, 'vitest.json')

const steps: Step[] = [
  { name: 'typecheck', command: ['node_modules/.bin/tsc', '-p', 'tsconfig.json'], count: 'exit' },
  { name: 'lint', command: ['node_modules/.bin/biome', 'check', '.'], count: 'exit' },
  { name: 'lint-types', command: ['node_modules/.bin/oxlint', '--type-aware'], count: 'exit' },
  {
    name: 'tests',
    command: [
      'node_modules/.bin/vitest',
      'run',
      '--coverage',
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${vitestReport}`,
    ],
    count: 'vitest',
    needs: ['postgres', 'redis-server', 'pgbouncer'],
  },
  { name: 'verify', command: ['node', 'scripts/verify.ts'], count: 'exit' },
  { name: 'requirements', command: ['node', 'scripts/requirements.ts'], count: 'exit' },
  { name: 'model', command: ['node', 'test/model/main.ts'], count: 'printed', needs: ['spin', 'gcc'] },
  { name: 'simulation', command: ['node', 'test/simulation/main.ts', '--seeds', '3000'], count: 'printed' },
  { name: 'teeth', command: ['node', 'test/teeth/main.ts'], count: 'printed' },
  {
    name: 'drills',
    command: ['node', 'test/drills/main.ts', '--rounds', '10'],
    count: 'printed',
    needs: ['postgres', 'redis-server'],
  },
]

let isInterrupted = false

/** Marks every process this run starts, also one that detached itself; the last step looks for the mark. */
const mark = `PAWL_CHECK=${process.pid}-${process.hrtime.bigint()}`

async function main(names: string[]): Promise<number> {
  const unknown = names.filter((name) => !steps.some((step) => step.name === name))
  if (unknown.length > 0) {
    console.error(
      `check: no step is called ${unknown.join(', ')}; the steps are ${steps.map((step) => step.name).join(', ')}`,
    )
    return 2
  }
  const before = processesOf(root)
  const results: { name: string; counts: Counts; seconds: number }[] = []
  for (const step of steps.filter(({ name }) => names.length === 0 || names.includes(name))) {
    if (isInterrupted) return 130
    const startedAt = performance.now()
    console.log(`\n== ${step.name}: ${step.command.join(' ')}`)
    const counts = await run(step)
    results.push({ name: step.name, counts, seconds: (performance.now() - startedAt) / 1000 })
  }
  results.push({ name: 'leaves no process', counts: await checkProcesses(before), seconds: 0 })

  console.log('')
  for (const { name, counts, seconds } of results) {
    console.log(
      `${isGreen(counts) ? 'ok    ' : 'FAILED'} ${name.padEnd(18)} ${closingLine(counts)} (${seconds.toFixed(1)} s)`,
    )
  }
  const total = sum(results.map(({ counts }) => counts))
  console.log(closingLine(total))
  return isGreen(total) ? 0 : 1
}

async function run(step: Step): Promise<Counts> {
  const missing = ensurePrograms(step.needs ?? [])
  if (missing !== null) {
    console.error(`check: ${step.name} cannot run. ${missing}`)
    return { passed: 0, failed: 1, skipped: 0 }
  }
  const { exitCode, output } = await spawned(step.command)
  if (step.count === 'exit') return withExit({ passed: exitCode === 0 ? 1 : 0, failed: 0, skipped: 0 }, exitCode)
  const counts = step.count === 'printed' ? countPrinted(output) : countVitest(readReport())
  if (counts === undefined)
    console.error(`check: ${step.name} did not say how many passed, which counts as one failure`)
  return withExit(counts ?? { passed: 0, failed: 1, skipped: 0 }, exitCode)
}

function readReport(): string {
  try {
    return readFileSync(vitestReport, 'utf8')
  } catch {
    return ''
  }
}

function spawned([program = '', ...args]: string[]): Promise<{ exitCode: number; output: string }> {
  return new Promise((done) => {
    const [name = '', value = ''] = mark.split('=')
    const child = spawn(program, args, {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, [name]: value },
    })
    const forward = (signal: NodeJS.Signals) => {
      isInterrupted = true
      child.kill(signal)
    }
    process.on('SIGINT', forward).on('SIGTERM', forward)
    let output = ''
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      output += text
      process.stdout.write(text)
    })
    child.on('error', (error) => {
      console.error(`check: ${program} could not be started: ${error.message}`)
      done({ exitCode: 1, output })
    })
    child.on('close', (code) => {
      process.off('SIGINT', forward).off('SIGTERM', forward)
      done({ exitCode: code ?? 1, output })
    })
  })
}

/** A process may need a moment to end after its parent did; five seconds later it is left behind. Kills nothing. */
async function checkProcesses(before: ReadonlySet<number>): Promise<Counts> {
  const until = performance.now() + 5000
  let left = leftProcesses(root, mark, before)
  while (left.length > 0 && performance.now() < until) {
    await new Promise((wake) => setTimeout(wake, 200))
    left = leftProcesses(root, mark, before)
  }
  for (const { pid, command } of left) console.error(`check: process ${pid} is left behind: ${command}`)
  return { passed: left.length === 0 ? 1 : 0, failed: left.length, skipped: 0 }
}

try {
  process.exitCode = await main(process.argv.slice(2))
} finally {
  rmSync(reports, { recursive: true, force: true })
}
