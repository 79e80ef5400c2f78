import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { countOf, type Fate, failedRoundsOf, fatesOf } from './aftermath.ts'
import { perRound, Supervisor, submitGood, untilSettled } from './bad-company.ts'
import type { Check } from './checks.ts'
import { Cluster } from './cluster.ts'
import { silence } from './kill.ts'
import { short, standard } from './profiles.ts'
import type { DrillReport } from './report.ts'

export interface HogsOptions {
  readonly rounds: number
  /** At the lease and the stall limit that hold if nothing is set. */
  readonly isFull: boolean
}

const actionsModule = new URL('./bad-workload.ts', import.meta.url).href
const goodMs = 100

/**
 * One execution that fills the memory it was given and one that lets nothing else run in its process, among good ones.
 * The first has a process of its own; the second loses its lease once its loop has stood still for too long.
 */
export async function hogsDrill({ rounds, isFull }: HogsOptions): Promise<DrillReport> {
  const [times, stallLimitMs] = isFull ? [standard, 60_000] : [short, 1_000]
  // Past the limit, past the rest of the lease that was renewed last before it, and past the sweep that finds it.
  const blockMs = stallLimitMs + times.leaseMs + 2 * times.sweepMs + (isFull ? 10_000 : 3_000)
  const cluster = new Cluster({ times, settings: { poisonLosses: 3, stallLimitMs }, actionsModule })
  try {
    await cluster.start()
    const supervisor = new Supervisor(cluster)
    await supervisor.start()
    const path = join(cluster.folder, 'blocked')
    const beganAt = performance.now()
    const loop = await cluster.submitOther({ key: 'loop', action: 'drill.loop_hog', input: { path, ms: blockMs } })
    const memory = await cluster.submitOther({ key: 'memory', action: 'drill.memory_hog', input: {} })
    const good = await submitGood(cluster, 'good', rounds * perRound, goodMs)
    const goodTookMs = await untilSettled(cluster, good, beganAt)
    const memoryMs = await untilSettled(cluster, [memory], beganAt)
    const loopMs = await untilSettled(cluster, [loop], beganAt)
    // When the frozen loop goes on, its worker has heard of the loss or is refused: either way it writes nothing more.
    const hasGivenUp = (): boolean =>
      [...cluster.workers.values()].some(
        ({ left, written }) =>
          left.has(loop.publicId) || written.some(({ id, refused }) => id === loop.id && refused === 'lease_lost'),
      )
    await cluster.signal.until('the frozen loop to go on and write nothing', hasGivenUp, blockMs + 30_000)
    const restarts = supervisor.restarts
    await supervisor.stop()
    await cluster.stop()
    const goodFates = fatesOf(cluster.database, good)
    const [loopFate, memoryFate] = [fateOf(cluster, loop), fateOf(cluster, memory)]
    const marks = existsSync(`${path}.marks`) ? readFileSync(`${path}.marks`, 'utf8').trim().split('\n').length : 0
    const checks: Check[] = [
      {
        promise: 'SE-23 what fills its memory ends as Poison, with what it held',
        complaints: memoryComplaints(memoryFate),
      },
      {
        promise: 'SE-25 a loop that stands still loses its lease, and the stall is on record',
        complaints: loopComplaints(loopFate),
      },
      {
        promise: 'CP-008d its effect is applied once',
        complaints: marks === 1 ? [] : [`${marks} times`],
      },
      {
        promise: 'SE-23 no hog takes a worker down',
        complaints: restarts === 0 ? [] : [`${restarts} were started anew`],
      },
      silence(cluster),
    ]
    return {
      name: 'hogs',
      rounds,
      failedRounds: failedRoundsOf(goodFates, perRound),
      checks,
      figures: {
        'good executions': good.length,
        'good ones lost beside the loop': goodFates.filter((fate) => countOf(fate, 'lease_expired') > 0).length,
        'stall limit ms': stallLimitMs,
        'loop stood still ms': blockMs,
        'good ones at rest after ms': goodTookMs,
        'memory hog at rest after ms': memoryMs,
        'loop hog at rest after ms': loopMs,
      },
    }
  } finally {
    await cluster.discard()
  }
}

function fateOf(cluster: Cluster, submitted: Parameters<typeof fatesOf>[1][number]): Fate {
  const [fate] = fatesOf(cluster.database, [submitted])
  if (fate === undefined) throw new Error('an execution has no fate')
  return fate
}

function memoryComplaints({ state, errorClass, events }: Fate): string[] {
  const said = events.filter(({ type }) => type === 'quarantined').map(({ data }) => data)
  const isRight = state === 'failed' && errorClass === 'Poison' && Number(said[0]?.memoryMb) > 64
  return isRight ? [] : [JSON.stringify({ state, errorClass, said })]
}

function loopComplaints(fate: Fate): string[] {
  const [stalls, losses] = [countOf(fate, 'worker_stalled'), countOf(fate, 'lease_expired')]
  const isRight = fate.state === 'succeeded' && stalls > 0 && losses === 1
  return isRight ? [] : [JSON.stringify({ state: fate.state, stalls, losses })]
}
