import { DatabaseSync } from 'node:sqlite'
import { openSqlite } from '../../src/store/sqlite/open.ts'
import { Cluster } from './cluster.ts'
import { passMs } from './dice.ts'
import { livesOf, readLives, strangers } from './lives.ts'
import type { Crowd } from './messages.ts'
import { standard } from './profiles.ts'
import { type DrillReport, percentile } from './report.ts'

const slots = 100

/**
 * Very many executions are cancelled at once, of which some hundred run in two worker processes and act all the time: all
 * end `canceled` within a heartbeat and a grace, nothing begins behind a cancel, and no lock is left.
 */
export async function cancelStorm({ count }: { readonly count: number }): Promise<DrillReport> {
  const boundMs = standard.heartbeatMs + 5_000
  const cluster = new Cluster({ times: standard })
  const { onlooker, signal, server } = await started(cluster)
  try {
    const { ids } = await server.ask<Crowd>({ crowd: { action: 'drill.patient', count, deadlineMs: null } })
    await passMs(3_000)
    const askedAt = Date.now()
    await server.ask<number>({ cancel: { ids } })
    const toldMs = Date.now() - askedAt
    await signal.until('the whole storm to be over', () => ids.every((id) => onlooker.isSettled(id)))
    const overMs = Date.now() - askedAt
    await cluster.stop()

    const storm = livesOf(readLives(cluster.database), ids)
    const { endedMs, zombies } = readCancels(cluster.database)
    const locks = permitsLeft(cluster.database)
    return {
      name: 'cancel-storm',
      rounds: 1,
      failedRounds: [],
      checks: [
        { promise: 'SE-25 everything that was cancelled ends canceled', complaints: strangers(storm, 'canceled') },
        {
          promise: `SE-25 what runs has ended within a heartbeat and a grace (${boundMs} ms)`,
          complaints: endedMs.filter((ms) => ms > boundMs).map((ms) => `one ended ${ms} ms after its cancel`),
        },
        { promise: 'SE-25 no effect begins behind the commit that asks', complaints: zombies },
        {
          promise: 'SE-25 no lock is left behind',
          complaints: locks === 0 ? [] : [`${locks} permits are still held or waited for`],
        },
        {
          promise: 'SE-25 some of them ran when the storm broke out',
          complaints: endedMs.length > 0 ? [] : ['none of them ran'],
        },
      ],
      figures: {
        'executions cancelled': count,
        'running when cancelled': endedMs.length,
        'cancels acknowledged, all after ms': toldMs,
        'running: cancel to end p50 ms': percentile(endedMs, 0.5),
        'running: cancel to end p99 ms': percentile(endedMs, 0.99),
        'running: cancel to end last ms': percentile(endedMs, 1),
        'whole storm over after ms': overMs,
      },
    }
  } finally {
    await cluster.discard()
  }
}

async function started(cluster: Cluster): Promise<Cluster> {
  await cluster.start()
  await Promise.all([cluster.addWorker('here-1', { slots }), cluster.addWorker('here-2', { slots, overHttp: true })])
  return cluster
}

/** How long what ran went on after its cancel was committed, and every effect that began behind one. */
function readCancels(path: string): { readonly endedMs: number[]; readonly zombies: string[] } {
  const opened = openSqlite({ path, readOnly: true })
  const askedAt = new Map<number, number>()
  const [endedMs, zombies]: [number[], string[]] = [[], []]
  try {
    const views = opened.views()
    let position = 0
    for (let rows = views.log(0, 1_000); rows.length > 0; rows = views.log(position, 1_000)) {
      for (const row of rows) {
        position = row.position
        for (const id of row.executions) {
          const asked = askedAt.get(id)
          if (row.type === 'cancel_requested') askedAt.set(id, row.at)
          else if (asked !== undefined && row.type === 'effect_intended') zombies.push(`execution ${id} acted again`)
          else if (asked !== undefined && row.to === 'canceled') endedMs.push(row.at - asked)
        }
      }
    }
    return { endedMs, zombies }
  } finally {
    opened.close()
  }
}

function permitsLeft(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true })
  try {
    const row = db.prepare('select (select count(*) from execution_locks) + (select count(*) from parked) as n').get()
    return row?.n as number
  } finally {
    db.close()
  }
}
