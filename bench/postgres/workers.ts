import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import pg from 'pg'
import type { StoreHost } from '../../src/commit/host.ts'
import { postgres } from '../../src/postgres.ts'
import { median, submit } from './load.ts'
import { fresh } from './roles.ts'

/** Processes that are compared. */
const few = 1
const many = 4

interface Turn {
  /** Executions a second, from the word to begin until the last end. */
  readonly rate: number
  /** Commits with a change, for each second and for each execution. */
  readonly commits: number
  readonly perCommit: number
  /** Milliseconds of a core that the processes of Pawl took, for each second: all worker processes together. */
  readonly cpuMs: number
}

/**
 * How much more four worker processes carry than one, with handlers that wait for five milliseconds and the same number
 * of slots each; turn by turn, each on a database of its own, the same number of executions for each process. Gives the
 * median of the ratios of neighbouring turns.
 */
export async function workers(
  server: string,
  { rounds, slots, each }: { readonly rounds: number; readonly slots: number; readonly each: number },
  say: (line: string) => void,
): Promise<number> {
  const ratios: number[] = []
  const found = new Map<number, Turn[]>([
    [few, []],
    [many, []],
  ])
  for (let round = 0; round < rounds; round += 1) {
    const rates = new Map<number, number>()
    for (const processes of round % 2 === 0 ? [few, many] : [many, few]) {
      const turn = await measure(await fresh(server, `workers_${round}_${processes}`), processes, slots, each)
      found.get(processes)?.push(turn)
      rates.set(processes, turn.rate)
      say(
        `round ${round + 1}, ${processes} processes: ${turn.rate.toFixed(0)} executions/s, ${turn.commits.toFixed(0)} commits/s, ${turn.perCommit.toFixed(1)} executions a commit, ${(turn.cpuMs / 10).toFixed(0)} % of a core`,
      )
    }
    ratios.push((rates.get(many) ?? 0) / (rates.get(few) ?? Number.NaN))
  }
  const rate = (processes: number): string => median((found.get(processes) ?? []).map((turn) => turn.rate)).toFixed(0)
  console.log(
    `worker processes of ${slots} slots, handlers of 5 ms: ${rate(few)}/s with ${few}, ${rate(many)}/s with ${many}, ratio ${median(ratios).toFixed(2)} (${ratios.map((ratio) => ratio.toFixed(2)).join(', ')})`,
  )
  return 0
}

async function measure(url: string, processes: number, slots: number, each: number): Promise<Turn> {
  const host = await postgres({ url })
  const children: ChildProcess[] = []
  try {
    const count = processes * each
    await submit(host, count, { tenant: 'bench', action: 'bench.wait' })
    for (let n = 0; n < processes; n += 1) {
      children.push(fork(join(import.meta.dirname, 'waiting.ts'), [url, String(slots)], { stdio: 'inherit' }))
    }
    await Promise.all(children.map((child) => once(child, 'message')))
    await untilAllRun(host, processes * slots)
    const beganAt = Date.now()
    for (const child of children) child.send('begin')
    await untilEnded(host, count)
    const spent = children.map(async (child) => {
      const told = once(child, 'message')
      child.send('end')
      const [{ cpuMs }] = (await told) as [{ readonly cpuMs: number }]
      return cpuMs
    })
    const cpuMs = (await Promise.all(spent)).reduce((sum, ms) => sum + ms, 0)
    const { endedAt, commits } = await toldBy(url, beganAt)
    const seconds = (endedAt - beganAt) / 1_000
    return {
      rate: count / seconds,
      commits: commits / seconds,
      perCommit: count / commits,
      cpuMs: cpuMs / seconds,
    }
  } finally {
    for (const child of children) {
      if (child.exitCode !== null || child.signalCode !== null) continue
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    }
    await host.close()
  }
}

/** Every slot has its execution, so that nobody starts cold. */
async function untilAllRun(host: StoreHost, slots: number): Promise<void> {
  await until(host, ({ running }) => running >= slots)
}

const untilEnded = (host: StoreHost, count: number): Promise<void> => until(host, ({ succeeded }) => succeeded >= count)

/** Asked seldom, for the log says when the last one ended: whoever measures must not be what is measured. */
const askMs = 1_000

async function until(
  host: StoreHost,
  isReached: (counts: { readonly running: number; readonly succeeded: number }) => boolean,
): Promise<void> {
  for (;;) {
    const counts = await host.views.countsByState('bench')
    const of = (wanted: string): number => counts.find(({ state }) => state === wanted)?.count ?? 0
    if (isReached({ running: of('running'), succeeded: of('succeeded') })) return
    await new Promise((next) => setTimeout(next, askMs))
  }
}

/** What the log says: when the last execution ended, and in how many commits all of them were claimed and ended. */
async function toldBy(url: string, since: number): Promise<{ readonly endedAt: number; readonly commits: number }> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    const { rows } = await client.query(
      `select max(at)::float8 as ended, count(distinct (at, worker))::int as commits from log where at >= $1`,
      [since],
    )
    return { endedAt: Number(rows[0]?.ended), commits: Number(rows[0]?.commits) }
  } finally {
    await client.end()
  }
}
