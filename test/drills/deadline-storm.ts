import { Cluster } from './cluster.ts'
import { type Life, livesOf, readLives, strangers } from './lives.ts'
import { Load } from './load.ts'
import type { Crowd } from './messages.ts'
import { standard } from './profiles.ts'
import { type DrillReport, percentile } from './report.ts'

const lanes = 4
const warmUp = 20
const calmCount = 80
/** Nobody ends later behind the deadline than this. */
const boundMs = 5_000

/**
 * Many executions whose time is over at the same moment, while workers do other work: all of them end `expired`, soon, and
 * the other work goes on. Under leases of standard length: at 1.5 s a storm may cost a lease, and then work with an effect
 * that is in doubt and cannot be looked at (every fourth here) ends the drill waiting for a person, which is right.
 */
export async function deadlineStorm({ count }: { readonly count: number }): Promise<DrillReport> {
  const cluster = new Cluster({ times: standard })
  try {
    await cluster.start()
    await Promise.all([cluster.addWorker('here-1'), cluster.addWorker('here-2', { overHttp: true })])
    const load = new Load(cluster, lanes)
    await load.more(warmUp)
    const calmFrom = Date.now()
    await load.more(calmCount)
    const calmTo = Date.now()
    // Far enough away that all of them have been submitted, and what that cost is over.
    const deadlineMs = 2_000 + count / 2
    const { ids, deadline } = await cluster.server.ask<Crowd>({
      crowd: { action: 'drill.unserved', count, deadlineMs },
    })
    const isOver = (): boolean => ids.every((id) => cluster.onlooker.isSettled(id))
    await cluster.signal.until('every deadline of the storm to be kept', isOver)
    const during = load.finished
    await load.more(lanes)
    await load.stop()
    await cluster.stop()

    const dueAt = deadline ?? 0
    const lives = readLives(cluster.database)
    const storm = livesOf(lives, ids)
    const lateMs = storm.map(({ at }) => at - dueAt)
    const lastAt = Math.max(...storm.map(({ at }) => at))
    const others = livesOf(
      lives,
      [...cluster.acknowledged.values()].map(({ id }) => id),
    )
    const tookMs = (from: number, to: number): number[] => others.filter(isWithin(from, to)).map(tookOf)
    const calm = tookMs(calmFrom, calmTo)
    // A storm may be over before any of the other work has come to its end.
    const stormy = tookMs(dueAt, Math.max(lastAt, dueAt + 1_000))
    return {
      name: 'deadline-storm',
      rounds: 1,
      failedRounds: [],
      checks: [
        { promise: 'SE-26 everything whose time is over ends expired', complaints: strangers(storm, 'expired') },
        {
          promise: `SE-26 none expires early, and none later than ${boundMs} ms behind its deadline`,
          complaints: lateMs
            .filter((ms) => ms < 0 || ms > boundMs)
            .map((ms) => `it ended ${ms} ms behind its deadline`),
        },
        {
          promise: 'SE-26 other work goes on throughout the storm, and all of it succeeds',
          complaints: [
            ...(stormy.length > 0 ? [] : ['none of the other work was done during the storm']),
            ...strangers(others, 'succeeded'),
          ],
        },
      ],
      figures: {
        'deadlines at one moment': count,
        'expired p50 ms behind the deadline': percentile(lateMs, 0.5),
        'expired last ms behind the deadline': percentile(lateMs, 1),
        'other work before, count': calm.length,
        'other work before, p95 ms': percentile(calm, 0.95),
        'other work during the storm, count': stormy.length,
        'other work during the storm, p95 ms': percentile(stormy, 0.95),
        'other work finished until the storm was over': during,
      },
    }
  } finally {
    await cluster.discard()
  }
}

/** Under way at some moment between the two. */
const isWithin =
  (from: number, to: number) =>
  ({ submittedAt, at }: Life): boolean =>
    submittedAt <= to && at >= from

const tookOf = ({ submittedAt, at }: Life): number => at - submittedAt
