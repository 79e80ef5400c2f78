/**
 * SE-30, SE-31, SE-32, CP-002: random histories of approvals and rights against rules that were written down a second time.
 * `npm run approvals -- [--histories N] [--sqlite N] [--postgres N] [--seed S] [--processes N]`; N of each kind, by default
 * 20,000, 200 and none, in 2 processes. Fails when a history differs, and when a race came up too rarely. The last line is
 * `N passed, N failed`.
 */
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { playCore, playStore, type Share, type Told } from './play.ts'
import { floorOf, Reached, races } from './setting.ts'

const { values } = parseArgs({
  options: {
    histories: { type: 'string', default: '20000' },
    sqlite: { type: 'string', default: '200' },
    postgres: { type: 'string', default: '0' },
    seed: { type: 'string', default: 'approvals' },
    processes: { type: 'string', default: '2' },
    part: { type: 'string' },
    from: { type: 'string', default: '0' },
    count: { type: 'string', default: '0' },
  },
})

type Kind = 'rules' | 'sqlite' | 'postgres'

interface Part extends Told {
  readonly counts: readonly (readonly [string, number])[]
}

if (values.part !== undefined) await playPart(values.part as Kind)
else await playAll()

async function playPart(kind: Kind): Promise<void> {
  // Differences are told by what was played, not by where in the code they were found.
  Error.stackTraceLimit = 5
  const share: Share = { seed: values.seed, from: Number(values.from), count: Number(values.count) }
  const reached = new Reached()
  const told = kind === 'rules' ? await playCore(share, reached) : await playStore(kind, share, reached)
  process.send?.({ ...told, counts: [...reached.counts] } satisfies Part)
  process.disconnect?.()
}

async function playAll(): Promise<void> {
  const reached = new Reached()
  let [failed, passed] = [0, 0]
  const counts = [
    ['rules', Number(values.histories)],
    ['sqlite', Number(values.sqlite)],
    ['postgres', Number(values.postgres)],
  ] as const
  for (const [kind, count] of counts) {
    if (count === 0) continue
    const startedAt = performance.now()
    const parts = await Promise.all(sharesOf(count, Number(values.processes)).map((share) => playInChild(kind, share)))
    const seconds = (performance.now() - startedAt) / 1_000
    const agreed = parts.reduce((sum, part) => sum + part.passed, 0)
    const differences = parts.flatMap((part) => part.differences)
    for (const part of parts) reached.add(part.counts)
    passed += agreed
    failed += differences.length
    const rate = `${seconds.toFixed(1)} s, ${Math.round(count / seconds)} per second`
    console.log(`${kind}: ${agreed} histories as the oracle says, ${differences.length} not; ${rate}`)
    for (const difference of differences.slice(0, 3)) console.error(difference)
  }
  const histories = counts.reduce((sum, [, count]) => sum + count, 0)
  console.log('\nhow often each came up, and how often it must:')
  for (const race of races) {
    console.log(`  ${String(reached.of(race)).padStart(9)} ${String(floorOf(race, histories)).padStart(6)}  ${race}`)
  }
  const missing = reached.missing(histories)
  for (const race of missing) console.log(`too rare in ${histories} histories: ${race}`)
  failed += missing.length
  console.log(`${passed} passed, ${failed} failed`)
  process.exitCode = failed > 0 || passed === 0 ? 1 : 0
}

function sharesOf(count: number, processes: number): readonly Pick<Share, 'from' | 'count'>[] {
  const each = Math.ceil(count / processes)
  return Array.from({ length: processes }, (_, index) => {
    return { from: index * each, count: Math.min(each, count - index * each) }
  }).filter((share) => share.count > 0)
}

function playInChild(kind: Kind, { from, count }: Pick<Share, 'from' | 'count'>): Promise<Part> {
  return new Promise((resolve) => {
    const args = ['--part', kind, '--seed', values.seed, '--from', `${from}`, '--count', `${count}`]
    const child = fork(new URL(import.meta.url), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
    let part: Part | undefined
    child.on('message', (message) => {
      part = message as Part
    })
    child.on('exit', (code) => {
      const difference = `the process that played ${kind} from ${from} on ended with ${code} and without a result`
      resolve(part ?? { passed: 0, differences: [difference], counts: [] })
    })
  })
}
