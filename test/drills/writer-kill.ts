import { copyFileSync, existsSync, mkdirSync, rmSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { type OpenedSqlite, openSqlite } from '../../src/store/sqlite/open.ts'
import type { Check, Stroke } from './checks.ts'
import { close } from './closing.ts'
import { Cluster } from './cluster.ts'
import { Dice, passMs } from './dice.ts'
import { readHistory } from './history.ts'
import { progressFloor, rateOf, silence } from './kill.ts'
import { Load } from './load.ts'
import type { KnownWorker } from './messages.ts'
import { patient } from './profiles.ts'
import { checkedFigures, type DrillReport, spread } from './report.ts'

export interface WriterKillOptions {
  readonly rounds: number
  readonly seed: string
}

/** More than there are slots: work that waits for a lease must not keep the rest from being offered. */
const lanes = 24
const embeddedSlots = 3
const warmUp = 24
const calmCount = 80
const randomInstantMs = 120
/** Executions that must come to rest between two deaths of the server. */
const pace = 100

/**
 * SIGKILL of the process that holds the store, at random instants under load, its embedded worker with it. Two worker
 * processes live on and find the new server by themselves. Whatever was acknowledged is there; whatever was not is
 * submitted again under its key.
 */
export async function writerKillDrill({ rounds, seed }: WriterKillOptions): Promise<DrillReport> {
  const cluster = new Cluster({ times: patient, embeddedSlots })
  try {
    await cluster.start()
    await Promise.all([cluster.addWorker('outside-1'), cluster.addWorker('outside-2', { overHttp: true })])
    const dice = new Dice(seed)
    const strokes: Stroke[] = []
    const failedRounds: string[] = []
    const awayMs: number[] = []
    const changed: string[] = []
    const load = new Load(cluster, lanes)
    await load.more(warmUp)
    const calmRate = await rateOf(load, () => load.more(calmCount))
    const beganAt = performance.now()
    const totalRate = await rateOf(load, async () => {
      for (let round = 0; round < rounds; round += 1) {
        await load.more(pace)
        await passMs(dice.below(randomInstantMs))
        const { complaints, wasAwayMs } = await killServer(cluster, strokes)
        awayMs.push(wasAwayMs)
        changed.push(...complaints)
        if (complaints.length > 0) failedRounds.push(`round ${round + 1}: ${complaints.slice(0, 3).join('; ')}`)
      }
    })
    // Where there is no server, nothing can go on: what counts is the time that there was one.
    const drillMs = performance.now() - beganAt
    const rate = (totalRate * drillMs) / (drillMs - awayMs.reduce((sum, ms) => sum + ms, 0))
    await load.stop()
    await mournEmbedded(cluster, strokes)
    const checked = await close(cluster, strokes)
    const restarted: Check = {
      promise: 'CP-001d REL-06d a restart by itself changes nothing but by recoveries on record',
      complaints: changed,
    }
    const checks: Check[] = [...checked.checks, progressFloor(calmRate, rate, rounds), silence(cluster), restarted]
    return {
      name: 'writer-kill',
      rounds,
      failedRounds,
      checks,
      figures: {
        ...checkedFigures(checked),
        ...spread('server away', awayMs),
        'asked a person': checked.waited,
        'calm executions per second': Number(calmRate.toFixed(1)),
        'executions per second, server there': Number(rate.toFixed(1)),
      },
    }
  } finally {
    await cluster.discard()
  }
}

/**
 * Three looks at the store: as the dead process left it, as the new one opened it, and what lies between. A restart by
 * itself changes nothing but by recoveries that are on record.
 */
async function killServer(cluster: Cluster, strokes: Stroke[]) {
  const embedded = await embeddedWorker(cluster)
  const dead = cluster.server
  const killedAt = Date.now()
  dead.kill('SIGKILL')
  await dead.exited
  copyFiles(cluster)
  // Nobody can free a lease before somebody holds the store again: the bounds count from the new process on, also for
  // workers that could not renew theirs meanwhile.
  const startedAt = Date.now()
  await cluster.startServer()
  const graceMs = Date.now() - startedAt
  for (const worker of [embedded, ...[...cluster.workers.values()].map(({ key }) => key)]) {
    strokes.push({ worker, at: startedAt, graceMs })
  }
  const after = snapshot(openSqlite({ path: cluster.database, readOnly: true }), false)
  await cluster.serve()
  const wasAwayMs = Date.now() - killedAt
  const before = snapshot(openCopy(cluster), true)
  return { complaints: [...before.complaints, ...difference(before, after)], wasAwayMs }
}

const embeddedWorker = async (cluster: Cluster): Promise<number> =>
  (await cluster.server.ask<KnownWorker[]>({ workers: true })).findLast(({ identity }) => identity === 'embedded')
    ?.key ?? -1

/** The end of the drill is the end of the last embedded worker, too. */
async function mournEmbedded(cluster: Cluster, strokes: Stroke[]): Promise<void> {
  strokes.push({ worker: await embeddedWorker(cluster), at: Date.now() })
}

interface Snapshot {
  readonly complaints: readonly string[]
  readonly position: number
  /** Row and ledger of each execution, as text. */
  readonly rows: ReadonlyMap<number, string>
  readonly news: (
    after: number,
  ) => readonly { readonly type: string; readonly principal: string; readonly ids: readonly number[] }[]
}

function snapshot(opened: OpenedSqlite, whole: boolean): Snapshot {
  try {
    opened.raw.exec('begin')
    const complaints = whole ? readHistory(opened).complaints.filter((each) => !each.startsWith('liveness')) : []
    const ledger = new Map<unknown, unknown[]>()
    for (const row of opened.raw.prepare('select * from execution_effects order by execution, effect_key').all()) {
      const id = row.execution
      ledger.set(id, [...(ledger.get(id) ?? []), row])
    }
    const executions = opened.raw.prepare('select * from executions').all()
    const rows = new Map(executions.map((row) => [Number(row.id), JSON.stringify([row, ledger.get(row.id)])]))
    const views = opened.views()
    const position = views.headPosition()
    const log = whole ? [] : views.log(Math.max(0, position - 200), 1_000)
    return {
      complaints,
      position,
      rows,
      news: (after) =>
        log
          .filter((row) => row.position > after)
          .map(({ type, principal, executions: ids }) => ({ type, principal, ids })),
    }
  } finally {
    opened.close()
  }
}

function difference(before: Snapshot, after: Snapshot): string[] {
  const complaints: string[] = []
  const recovered = new Set<number>()
  for (const { type, principal, ids } of after.news(before.position)) {
    for (const id of ids) recovered.add(id)
    if (principal !== 'system:recovery' || !recoveries.has(type))
      complaints.push(`the restart wrote ${type} by ${principal}`)
  }
  for (const [id, row] of after.rows) {
    if (before.rows.get(id) !== row && !recovered.has(id))
      complaints.push(`the restart changed execution ${id} unrecorded`)
  }
  for (const id of before.rows.keys()) if (!after.rows.has(id)) complaints.push(`the restart lost execution ${id}`)
  return complaints
}

const recoveries: ReadonlySet<string> = new Set(['lease_expired', 'effect_in_doubt'])

const copyPath = (cluster: Cluster): string => join(cluster.folder, 'copy', 'pawl.db')

/** The files as they lie there, so that looking changes nothing. */
function copyFiles(cluster: Cluster): void {
  const path = copyPath(cluster)
  rmSync(dirname(path), { recursive: true, force: true })
  mkdirSync(dirname(path))
  for (const end of ['', '-wal']) {
    if (existsSync(`${cluster.database}${end}`)) copyFileSync(`${cluster.database}${end}`, `${path}${end}`)
  }
}

function openCopy(cluster: Cluster): OpenedSqlite {
  const path = copyPath(cluster)
  const db = new DatabaseSync(path)
  db.exec('pragma wal_checkpoint(truncate)')
  db.close()
  return openSqlite({ path, readOnly: true })
}
