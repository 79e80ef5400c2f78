import { readFileSync } from 'node:fs'
import type { Breakage } from './breakage.ts'
import { allBreakages } from './breakages.ts'
import { Copy, type RunEnd } from './copy.ts'

/**
 * Do the tests bite? Breaks the source on purpose, one rule at a time, and each AND-conjunct of each statement of the
 * store; every breakage must turn something red. `npm run teeth [-- part of a name] [-- --full]`.
 *
 * On PostgreSQL a test of the contract takes some fifty times as long: of its conjuncts every sixteenth is tried, always the
 * same ones so that the same tree is as green tomorrow, and all of them with `--full`.
 */

interface Bite {
  readonly name: string
  readonly isCaught: boolean
  readonly detail: string
}

type Job = (copy: Copy) => Promise<readonly Bite[]>

const [filter = ''] = process.argv.slice(2).filter((word) => !word.startsWith('--'))
const isFull = process.argv.includes('--full')
const postgresShares = isFull ? 1 : 16
/** All conjuncts on PostgreSQL, on a machine that does much else. */
const fullMsMax = 3_600_000
const vitest = 'node_modules/vitest/vitest.mjs'
const survivors = JSON.parse(readFileSync(new URL('./survivors.json', import.meta.url), 'utf8')) as readonly {
  readonly name: string
  readonly reason: string
}[]

const breakages = allBreakages.filter(({ name }) => name.includes(filter))
const jobs: Job[] = [
  ...(filter === '' || filter === 'PostgreSQL' ? [conjunctJob('postgres-conjuncts', 0, postgresShares)] : []),
  ...(filter === '' ? [conjunctJob('conjuncts', 0, 1)] : []),
  ...baselines(breakages),
  ...breakages.map((breakage) => (copy: Copy) => bite(copy, breakage)),
]

const startedAt = performance.now()
const bites: Bite[] = []
await Promise.all([lane(), lane()])
report(bites)

/** Works through the jobs on a copy of its own. */
async function lane(): Promise<void> {
  const copy = new Copy()
  try {
    for (let job = jobs.shift(); job !== undefined; job = jobs.shift()) bites.push(...(await job(copy)))
  } finally {
    copy.remove()
  }
}

function commandOf({ shownBy }: Pick<Breakage, 'shownBy'>): readonly string[] {
  return typeof shownBy === 'number'
    ? ['test/simulation/main.ts', '--processes', '1', '--failures', '1', '--seeds', `${shownBy}`]
    : [vitest, 'run', '--project', 'fast', '--bail=1', ...shownBy]
}

/** A breakage counts as caught when tests failed, not when nothing could be run. */
function isRed({ code, output }: RunEnd): boolean {
  return code !== 0 && (output.includes('VIOLATED') || /Tests\s.*\d+ failed/.test(output))
}

async function bite(copy: Copy, breakage: Breakage): Promise<readonly Bite[]> {
  let restore: (() => void) | undefined
  try {
    restore = copy.break(breakage.edits)
    const end = await copy.run(commandOf(breakage))
    const violated = /VIOLATED (\S+):/.exec(end.output)?.[1]
    const detail = isRed(end) ? (violated ?? 'tests') : `not caught: ${end.output.trim().split('\n').at(-1)}`
    return [{ name: breakage.name, isCaught: isRed(end), detail }]
  } catch (error) {
    return [{ name: breakage.name, isCaught: false, detail: String(error) }]
  } finally {
    restore?.()
  }
}

/** What is to turn red must be green before: once for each test file, and once for the seeds of the simulation. */
function baselines(all: readonly Breakage[]): Job[] {
  const seeds = Math.max(0, ...all.map(({ shownBy }) => (typeof shownBy === 'number' ? shownBy : 0)))
  const files = [
    ...new Map(
      all.flatMap(({ shownBy }) => (typeof shownBy === 'number' ? [] : [[shownBy.join(' '), shownBy]])),
    ).values(),
  ]
  return [...files, Math.min(seeds, 300)]
    .filter((shownBy) => shownBy !== 0)
    .map((shownBy) => async (copy) => {
      const { code, output } = await copy.run(commandOf({ shownBy }))
      const name = `unbroken, ${typeof shownBy === 'number' ? `${shownBy} seeds` : shownBy.join(' ')} pass`
      return [{ name, isCaught: code === 0, detail: code === 0 ? 'green' : output.slice(-2_000) }]
    })
}

function conjunctJob(of: string, share: number, shares: number): Job {
  return async (copy) => {
    const file = `teeth-${of}.json`
    const tests = ['--config', 'test/teeth/vitest.config.ts', `test/teeth/${of}.mutants.ts`]
    const args = [vitest, 'run', ...tests, '--reporter=json', `--outputFile=${file}`]
    const { output } = await copy.run(args, { TEETH_SHARE: `${share}/${shares}` }, isFull ? fullMsMax : undefined)
    try {
      return groupsOf(JSON.parse(copy.read(file)) as VitestReport)
    } catch (error) {
      return [
        {
          name: `${of}, share ${share} of ${shares}`,
          isCaught: false,
          detail: `${String(error)}\n${output.slice(-2_000)}`,
        },
      ]
    }
  }
}

interface VitestReport {
  readonly testResults: readonly {
    readonly assertionResults: readonly { readonly ancestorTitles: readonly string[]; readonly status: string }[]
  }[]
}

function groupsOf({ testResults }: VitestReport): Bite[] {
  const groups = new Map<string, boolean>()
  for (const { ancestorTitles, status } of testResults.flatMap(({ assertionResults }) => assertionResults)) {
    const name = ancestorTitles[0] ?? ''
    if (name === 'unbroken' && status === 'failed') throw new Error('the contract fails on the unbroken store')
    if (name === 'unbroken') continue
    groups.set(name, (groups.get(name) ?? false) || status === 'failed')
  }
  if (groups.size === 0) throw new Error('no conjunct was tried')
  return [...groups].map(([name, isCaught]) => {
    const reason = survivors.find((survivor) => survivor.name === name)?.reason
    if (!isCaught && reason !== undefined) return { name, isCaught: true, detail: `survives: ${reason}` }
    // A survivor that something catches by now must leave the list.
    if (isCaught && reason !== undefined)
      return { name, isCaught: false, detail: 'is listed as a survivor and is caught' }
    return { name, isCaught, detail: isCaught ? 'contract' : 'not caught' }
  })
}

function report(all: readonly Bite[]): void {
  for (const { name, isCaught, detail } of all) console.log(`${isCaught ? 'ok    ' : 'MISSED'}  ${name} (${detail})`)
  const failed = all.filter(({ isCaught }) => !isCaught).length
  console.log(`${((performance.now() - startedAt) / 1000).toFixed(0)} s`)
  console.log(`${all.length - failed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
}
