import { openSqlite } from '../../src/store/sqlite/open.ts'
import type { Check, Evidence, Stroke } from './checks.ts'
import { close } from './closing.ts'
import { Cluster, type DrillWorker } from './cluster.ts'
import { Dice, passMs } from './dice.ts'
import { restingState } from './expected.ts'
import { Load } from './load.ts'
import { type Point, points } from './messages.ts'
import { short } from './profiles.ts'
import { checkedFigures, type DrillReport } from './report.ts'

export interface KillOptions {
  readonly rounds: number
  readonly seed: string
  /** The short form, for the self-test: these points only, hardly any load, and only workers that can be proven dead. */
  readonly only?: readonly Point[] | undefined
  /** The target honours neither keys nor fences. */
  readonly forgetful?: boolean | undefined
  readonly inspect?: ((evidence: Evidence) => void) | undefined
}

const lanes = 8
const warmUp = 24
const calmCount = 80
const randomInstantMs = 150
/** Executions that must have come to rest between one stroke and the next. */
const pace = 12

/**
 * SIGKILL of workers: every other round at a random instant, the rest at each point in turn. One of the three workers
 * claims to be on another machine, so that only its lease can tell. Half of the dead are started anew at once.
 */
export async function killDrill({ rounds, seed, only, forgetful, inspect }: KillOptions): Promise<DrillReport> {
  const cluster = new Cluster({ times: short, forgetful })
  try {
    await cluster.start()
    await Promise.all([
      cluster.addWorker('here-1'),
      cluster.addWorker('here-2', { overHttp: true }),
      ...(only === undefined ? [cluster.addWorker('elsewhere', { elsewhere: true, overHttp: true })] : []),
    ])
    const dice = new Dice(seed)
    const strokes: Stroke[] = []
    const failedRounds: string[] = []
    const load = new Load(cluster, only === undefined ? lanes : 2)
    if (only === undefined) await load.more(warmUp)
    const calmRate = only === undefined ? await rateOf(load, () => load.more(calmCount)) : 0
    const kept = only === undefined ? await keepOne(cluster) : []
    const rate = await rateOf(load, async () => {
      for (let round = 0; round < rounds; round += 1) {
        if (only === undefined) await load.more(pace)
        const point = only === undefined ? pointOf(round) : only[round % only.length]
        const failure =
          point === undefined
            ? await killAtRandom(cluster, dice, strokes)
            : await killAt(cluster, point, round, dice, strokes)
        if (failure !== null) failedRounds.push(`round ${round + 1} (${point ?? 'random instant'}): ${failure}`)
      }
    })
    await load.stop()
    const checked = await close(cluster, strokes, inspect)
    const keptCheck: Check = {
      promise: 'SE-13 a run that takes several heartbeats tells worker, attempt, renewals and checks for a cancel',
      complaints: kept,
    }
    return {
      name: 'kill',
      rounds,
      failedRounds,
      checks: [...checked.checks, progressFloor(calmRate, rate, rounds), silence(cluster), keptCheck],
      figures: {
        ...checkedFigures(checked),
        'asked a person': checked.waited,
        'calm executions per second': Number(calmRate.toFixed(1)),
        'executions per second': Number(rate.toFixed(1)),
      },
    }
  } finally {
    await cluster.discard()
  }
}

/** Every other round strikes at a random instant. */
const pointOf = (round: number): Point | undefined =>
  round % 2 === 0 ? undefined : points[(round >> 1) % points.length]

async function killAt(cluster: Cluster, point: Point, round: number, dice: Dice, strokes: Stroke[]) {
  const { signal, onlooker } = cluster
  const submitted = await cluster.submit({ key: `kill-${round}`, hold: point, blind: true, deaf: false })
  await cluster.catch(submitted)
  const victim = await cluster.holderOf(submitted)
  await kill(cluster, victim, strokes, dice.below(2) === 0, async () => {
    await signal.until(`the execution caught at ${point} to come to rest`, () => onlooker.isSettled(submitted.id))
  })
  const state = onlooker.of(submitted.id)?.state
  const expected = restingState(point, !victim.elsewhere)
  // A run that was caught early has a blind effect still to come, which nothing disturbs.
  return state === expected ? null : `it came to rest as ${state}, not ${expected}`
}

/** Keeps a run at its end for some heartbeats, and reads its row while it is kept. */
async function keepOne(cluster: Cluster): Promise<string[]> {
  const submitted = await cluster.submit({ key: 'kept', hold: 'settle', blind: false, deaf: false })
  const caught = await cluster.catch(submitted)
  const { key } = await cluster.holderOf(submitted)
  const opened = openSqlite({ path: cluster.database, readOnly: true })
  try {
    const views = opened.views()
    // Renewals are no events; but while others work, there is always a next occasion to look.
    const row = await cluster.signal.until('two renewals of a lease', () => {
      const execution = views.find(submitted.id)?.execution
      return (execution?.leaseRenewals ?? 0) >= 2 && execution
    })
    const { worker, attempt, cancelChecks, lastErrorClass, leaseRenewals } = row
    const isTold = worker === key && attempt === 1 && cancelChecks === leaseRenewals && lastErrorClass === null
    return isTold ? [] : [JSON.stringify({ key, worker, attempt, leaseRenewals, cancelChecks, lastErrorClass })]
  } finally {
    opened.close()
    caught.goOn()
  }
}

async function killAtRandom(cluster: Cluster, dice: Dice, strokes: Stroke[]): Promise<null> {
  const victim = dice.of([...cluster.workers.values()])
  await passMs(dice.below(randomInstantMs))
  await kill(cluster, victim, strokes, dice.below(2) === 0, async () => {})
  return null
}

/** Kills, waits for all its work to be taken from it and for `settled`, and sees to it that there is a successor. */
async function kill(
  cluster: Cluster,
  victim: DrillWorker,
  strokes: Stroke[],
  restartAtOnce: boolean,
  settled: () => Promise<void>,
): Promise<void> {
  strokes.push({ worker: victim.key, at: Date.now() })
  victim.child.kill('SIGKILL')
  const restart = () => cluster.addWorker(victim.identity, victim)
  const restarted = restartAtOnce ? restart() : undefined
  await victim.child.exited
  await cluster.signal.until('the work of a dead worker to be taken from it', () => {
    return cluster.onlooker.heldBy(victim.key).length === 0
  })
  await settled()
  await (restarted ?? restart())
}

export async function rateOf(load: Load, during: () => Promise<void>): Promise<number> {
  const before = load.finished
  const beganAt = performance.now()
  await during()
  return ((load.finished - before) * 1_000) / (performance.now() - beganAt)
}

export function progressFloor(calmRate: number, rate: number, rounds: number): Check {
  // A short run is mostly waiting for leases to end: its rate says little, but it may not stand still.
  const least = rounds >= roundsThatTell ? 0.5 : 0.1
  const complaints =
    rate >= calmRate * least ? [] : [`${rate.toFixed(1)} executions per second, in calm ${calmRate.toFixed(1)}`]
  return { promise: `CP-004a at least ${least} of the calm throughput is kept up throughout`, complaints }
}

const roundsThatTell = 50

/** A lease that ran out because there was no server to renew it at is no error of anybody's. */
export const silence = ({ errors }: Cluster): Check => ({
  promise: 'CP-004b no worker reports an error of the engine',
  complaints: errors.filter((error) => !error.includes('was not answered within the lease')),
})
