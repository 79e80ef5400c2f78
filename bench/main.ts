/**
 * Measures Pawl against its peers at equal durability.
 *
 *   npm run bench                 all scenarios, about a quarter of an hour
 *   npm run bench -- --quick      shorter rounds, below four minutes
 *   npm run bench -- profile      where Pawl's time goes
 *   npm run bench -- scale         what a claim reads with two million executions in the store; --write keeps the page
 *   npm run bench -- roles         what roles and row security cost on PostgreSQL: --rounds 60, --count 500
 *   npm run bench -- workers       how much more four worker processes carry than one: --rounds 3, --slots 1, --count 2000
 *   npm run bench -- feed          how soon another process is told, beside foreign transactions: --rounds 2, --hold-ms 60000
 *   npm run bench -- docs         writes docs/reference/performance.md from the newest results
 *
 * Options: --rounds N, --round-ms N, --only drain,e2e,bulk,inFlight,idle, --without pawl-inline,plainjob,graphile,bullmq
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { Contestant } from './contestant.ts'
import { installPeers } from './install.ts'
import { commit, fsyncMs, machine, quietFsyncMs } from './machine.ts'
import { feed } from './postgres/feed.ts'
import { roles } from './postgres/roles.ts'
import { workers } from './postgres/workers.ts'
import { profile } from './profile/profile.ts'
import { compete, type Record } from './referee.ts'
import { checkGoals, goalTable, page, table } from './report.ts'
import { eventsWanted, type Measured, type NotMeasured, type Results, walBytesMax } from './results.ts'
import { roster } from './roster.ts'
import { scale } from './scale/scale.ts'
import type { Scenario } from './scenarios.ts'
import { startPostgres } from './servers/postgres.ts'
import { startRedis } from './servers/redis.ts'
import { isMissing, type Missing, type Server } from './servers/server.ts'

const resultsFolder = join(import.meta.dirname, 'results')
const pageFile = join(import.meta.dirname, '..', 'docs', 'reference', 'performance.md')
const say = (sentence: string): void => console.error(sentence)

const cleanups: (() => Promise<void> | void)[] = []
async function cleanUp(): Promise<void> {
  for (const clean of cleanups.splice(0).reverse()) await clean()
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      quick: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      'round-ms': { type: 'string' },
      only: { type: 'string' },
      without: { type: 'string', default: '' },
      count: { type: 'string' },
      slots: { type: 'string', default: '1' },
      'hold-ms': { type: 'string', default: '60000' },
      write: { type: 'boolean', default: false },
    },
  })
  const folder = mkdtempSync(join(tmpdir(), 'pawl-bench-'))
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }))
  if (positionals[0] === 'docs') return writePage()
  if (positionals[0] === 'scale') return await scale(folder, values.write, say)
  const onPostgres = {
    roles: (url: string) => roles(url, Number(values.rounds ?? 60), Number(values.count ?? 500), say),
    feed: (url: string) => feed(url, Number(values.rounds ?? 2), Number(values['hold-ms']), say),
    workers: (url: string) => {
      const given = {
        rounds: Number(values.rounds ?? 3),
        slots: Number(values.slots),
        each: Number(values.count ?? 2_000),
      }
      return workers(url, given, say)
    },
  }
  const [asked = ''] = positionals
  if (Object.hasOwn(onPostgres, asked)) {
    const server = await startPostgres()
    if (isMissing(server)) throw new Error(server.missing)
    cleanups.push(() => server.stop())
    return await onPostgres[asked as keyof typeof onPostgres](server.url)
  }
  const only = values.only?.split(',') as Scenario[] | undefined
  if (positionals[0] === 'profile') {
    return await profile(only ?? ['drain', 'e2e', 'inFlight'], Number(values.count ?? 30_000), folder, (contestant) =>
      cleanups.push(() => contestant.kill()),
    )
  }
  const without = values.without.split(',')
  const rules = {
    scenarios: only ?? (['drain', 'e2e', 'bulk', 'inFlight', 'idle'] as const),
    rounds: Number(values.rounds ?? 5),
    roundMs: Number(values['round-ms'] ?? (values.quick ? 400 : 2_500)),
    idleCount: values.quick ? 60 : 300,
    say,
  }
  const entered = roster.filter(({ name }) => !without.includes(name))
  const uninstalled = entered.some(({ name }) => !name.startsWith('pawl')) ? installPeers(say) : null
  const servers = new Map<string, Server | Missing>()
  const facts = machine(folder)
  say(`One fdatasync takes ${facts.fsyncMs.p50.toFixed(3)} ms here (p99 ${facts.fsyncMs.p99.toFixed(3)} ms).`)
  if (facts.fsyncMs.p50 > quietFsyncMs)
    say('That is slow, or the disk is busy: a quiet machine gives figures that mean more.')
  const contestants: Contestant[] = []
  const missing: NotMeasured[] = []
  for (const entry of entered) {
    if (uninstalled !== null && !entry.name.startsWith('pawl')) {
      missing.push({ ...entry, missing: uninstalled })
      continue
    }
    const server = entry.needs === undefined ? undefined : await serverOf(entry.needs, servers)
    if (server !== undefined && isMissing(server)) {
      say(`${entry.title} is not measured here: ${server.missing}.`)
      missing.push({ ...entry, missing: server.missing })
      continue
    }
    const contestant = new Contestant(entry, server?.url ?? '', folder)
    cleanups.push(() => contestant.kill())
    contestants.push(contestant)
  }
  const records = await compete(contestants, rules)
  const ours = records.find(({ contestant }) => contestant.entry.name === 'pawl')
  const results: Results = {
    at: new Date().toISOString(),
    commit: commit(),
    command: ['npm run bench', ...(process.argv.length > 2 ? ['--', ...process.argv.slice(2)] : [])].join(' '),
    rounds: rules.rounds,
    machine: facts,
    servers: [...servers.values()].flatMap((server) => (isMissing(server) ? [] : [server.version])),
    contenders: entered.flatMap(({ name, title, configuration }): (Measured | NotMeasured)[] => {
      const record = records.find(({ contestant }) => contestant.entry.name === name)
      const absent = missing.find((one) => one.name === name)
      if (record === undefined)
        return absent === undefined ? [] : [{ name, title, configuration, missing: absent.missing }]
      return [{ name, title, configuration, figures: record.figures, counts: record.counts }]
    }),
    fsyncMsAtEnd: fsyncMs(folder),
    audit: await audit(records, ours?.contestant),
  }
  return conclude(results)
}

async function serverOf(kind: 'postgres' | 'redis', servers: Map<string, Server | Missing>): Promise<Server | Missing> {
  const known = servers.get(kind)
  if (known !== undefined) return known
  const started = await (kind === 'postgres' ? startPostgres() : startRedis())
  servers.set(kind, started)
  if (!isMissing(started)) cleanups.push(() => started.stop())
  return started
}

/** A run small enough that its write-ahead log is not used again before its size is read. */
const auditCount = 4_000

async function audit(records: readonly Record[], ours: Contestant | undefined): Promise<Results['audit']> {
  const closings = records.flatMap((record) => record.closings)
  const executions = closings.reduce((sum, closing) => sum + (closing.executions ?? 0), 0)
  if (ours === undefined) return { executions, eventsPerExecution: Number.NaN, walBytesPerExecution: Number.NaN }
  const { closing } = await ours.perform({ scenario: 'drain', count: auditCount, round: 0 })
  return {
    executions: executions + auditCount,
    eventsPerExecution: closing.eventsPerExecution ?? Number.NaN,
    walBytesPerExecution: (closing.walBytes ?? Number.NaN) / auditCount,
  }
}

function conclude(results: Results): number {
  mkdirSync(resultsFolder, { recursive: true })
  const file = `${results.at.slice(0, 19).replaceAll(':', '')}-${results.commit}.json`
  writeFileSync(join(resultsFolder, file), `${JSON.stringify(results, rounded, 2)}\n`)
  const { audit } = results
  console.log(`\n${table(results)}\n\n${goalTable(results)}\n`)
  console.log(
    `Audit: ${audit.executions} histories read back without a fault; ${audit.eventsPerExecution} events per execution (wanted ${eventsWanted}).`,
  )
  console.log(
    `Write-ahead log: ${Math.round(audit.walBytesPerExecution)} bytes per execution (bound ${walBytesMax}${audit.walBytesPerExecution <= walBytesMax ? '' : ': exceeded'}).`,
  )
  console.log(`Results: bench/results/${file}; npm run bench -- docs writes them into docs/reference/performance.md.`)
  const missed = checkGoals(results).filter(({ isMet }) => isMet === false).length
  if (missed > 0) console.log(`${missed} goals are missed.`)
  if (audit.eventsPerExecution !== eventsWanted && !Number.isNaN(audit.eventsPerExecution)) {
    console.error(`An execution that just succeeds has ${audit.eventsPerExecution} events instead of ${eventsWanted}.`)
    return 1
  }
  return 0
}

const rounded = (_key: string, value: unknown): unknown =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(5)) : value

function writePage(): number {
  const newest = readdirSync(resultsFolder)
    .filter((name) => name.endsWith('.json'))
    .sort()
    .at(-1)
  if (newest === undefined) {
    say('There are no results in bench/results; npm run bench makes some.')
    return 1
  }
  writeFileSync(pageFile, page(JSON.parse(readFileSync(join(resultsFolder, newest), 'utf8')) as Results))
  console.log(`docs/reference/performance.md is written from bench/results/${newest}.`)
  return 0
}

let isInterrupted = false
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    if (isInterrupted) return
    isInterrupted = true
    say('Stopping: servers and files of this run are removed.')
    void cleanUp().finally(() => process.exit(130))
  })
}

try {
  process.exitCode = await main()
} catch (thrown) {
  if (!isInterrupted) {
    say(thrown instanceof Error ? thrown.message : String(thrown))
    process.exitCode = 1
  }
}
if (!isInterrupted) await cleanUp()
