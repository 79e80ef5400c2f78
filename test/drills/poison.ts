import { countOf, type Fate, failedRoundsOf, fatesOf } from './aftermath.ts'
import { perRound, Supervisor, submitGood, untilSettled } from './bad-company.ts'
import type { Check } from './checks.ts'
import { Cluster } from './cluster.ts'
import { silence } from './kill.ts'
import { short } from './profiles.ts'
import type { DrillReport } from './report.ts'

export interface PoisonOptions {
  readonly rounds: number
  /** Only a full run is long enough for its pace to tell anything. */
  readonly isFull: boolean
}

const actionsModule = new URL('./bad-workload.ts', import.meta.url).href
const goodMs = 100
const ratioMax = 2

/**
 * One execution that takes its process down, among good ones, in two worker processes that are started anew whenever
 * they end. The same good ones have run without it before: that is the calm they are measured by.
 */
export async function poisonDrill({ rounds, isFull }: PoisonOptions): Promise<DrillReport> {
  const cluster = new Cluster({ times: short, settings: { poisonLosses: 3 }, actionsModule })
  const count = rounds * perRound
  try {
    await cluster.start()
    const supervisor = new Supervisor(cluster)
    await supervisor.start()
    const calmAt = performance.now()
    const calmMs = await untilSettled(cluster, await submitGood(cluster, 'calm', count, goodMs), calmAt)
    const restartsBefore = supervisor.restarts
    const beganAt = performance.now()
    const ordering = submitGood(cluster, 'good', count, goodMs)
    const bad = await cluster.submitOther({ key: 'poison', action: 'drill.poison', input: {} })
    const good = await ordering
    const tookMs = await untilSettled(cluster, good, beganAt)
    const poisonMs = await untilSettled(cluster, [bad], beganAt)
    const restarts = supervisor.restarts - restartsBefore
    await supervisor.stop()
    await cluster.stop()
    const fates = fatesOf(cluster.database, good)
    const ratio = tookMs / calmMs
    const pace: Check = {
      promise: `SE-23 the others take at most ${ratioMax} times as long as in calm`,
      complaints: ratio <= ratioMax ? [] : [`${tookMs} ms, in calm ${calmMs} ms`],
    }
    return {
      name: 'poison',
      rounds,
      failedRounds: failedRoundsOf(fates, perRound),
      checks: [
        {
          promise: 'SE-23 poison ends as Poison after three lone crashes, with the evidence',
          complaints: fatesOf(cluster.database, [bad]).flatMap(complaintsOf),
        },
        {
          promise: 'SE-23 no good execution is lost more than twice',
          complaints: fates.filter((fate) => countOf(fate, 'lease_expired') > 2).map(({ id }) => `execution ${id}`),
        },
        silence(cluster),
        ...(isFull ? [pace] : []),
      ],
      figures: {
        'good executions': count,
        'good ones lost once': fates.filter((fate) => countOf(fate, 'lease_expired') === 1).length,
        'good ones lost twice': fates.filter((fate) => countOf(fate, 'lease_expired') === 2).length,
        'good ones that spent more than one attempt': fates.filter(({ attempt }) => attempt > 1).length,
        'workers started anew': restarts,
        'calm ms': calmMs,
        'beside poison ms': tookMs,
        'beside poison to calm': Number(ratio.toFixed(2)),
        'poison at rest after ms': poisonMs,
      },
    }
  } finally {
    await cluster.discard()
  }
}

function complaintsOf(fate: Fate): string[] {
  const { state, errorClass, events } = fate
  const said = events.filter(({ type }) => type === 'quarantined').map(({ data }) => data)
  const isPoison = state === 'failed' && errorClass === 'Poison' && said.length === 1
  const { exitCode, lastStep, loneLosses } = said[0] ?? {}
  const hasEvidence = exitCode === 7 && lastStep === 'swallowed' && loneLosses === 3
  return isPoison && hasEvidence ? [] : [JSON.stringify({ state, errorClass, said })]
}
