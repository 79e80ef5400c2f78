import { Cluster } from './cluster.ts'
import { passMs } from './dice.ts'
import { type Life, livesOf, readLives, strangers } from './lives.ts'
import type { Crowd } from './messages.ts'
import { standard } from './profiles.ts'
import { type DrillReport, percentile } from './report.ts'

/** New work, which was submitted while the work of the night was let go, is done within this time. */
const boundMs = 2_000
/** From one piece of new work to the next. */
const freshEveryMs = 50
const deadlineMs = 3_000

/**
 * A night in short: much work is submitted while its action is paused, and the pause ends with a pace before workers have
 * looked at most of it; its deadlines pass meanwhile. All of it succeeds, in order and no faster than that, and new work does
 * not wait for it, also at a pace that the workers cannot keep.
 */
export async function unpauseAfterNight({ count }: { readonly count: number }): Promise<DrillReport> {
  const pacePerSecond = count >= 10_000 ? 250 : 100
  const cluster = new Cluster({ times: standard })
  const { onlooker, signal } = cluster
  try {
    await cluster.start()
    await Promise.all([
      cluster.addWorker('here-1', { slots: 16 }),
      cluster.addWorker('here-2', { slots: 16, overHttp: true }),
    ])
    const submit = async (many: number, inMs: number | null): Promise<Crowd> =>
      await cluster.server.ask<Crowd>({ crowd: { action: 'drill.quick', count: many, deadlineMs: inMs } })
    await cluster.server.ask({ pause: { action: 'drill.quick', on: true } })
    const submitFrom = Date.now()
    const night = await submit(count, deadlineMs)
    const submitMs = Date.now() - submitFrom
    const endedInTheNight = night.ids.filter((id) => onlooker.isSettled(id)).length
    const unpausedAt = Date.now()
    await cluster.server.ask({ pause: { action: 'drill.quick', on: false, pacePerSecond } })
    const isDone = (): boolean => night.ids.every((id) => onlooker.isSettled(id))
    const done = signal.until('all work of the night to be done', isDone, 120_000)
    const fresh: number[] = []
    while (!isDone()) {
      fresh.push(...(await submit(1, null)).ids)
      await Promise.race([done, passMs(freshEveryMs)])
    }
    await done
    await signal.until('the new work to be done', () => fresh.every((id) => onlooker.isSettled(id)))
    await cluster.stop()

    const lives = readLives(cluster.database)
    const held = livesOf(lives, night.ids)
    const freshLives = livesOf(lives, fresh)
    const freshMs = freshLives.map(({ submittedAt, at }) => at - submittedAt)
    const lastClaimAt = Math.max(...held.map(({ claimedAt }) => claimedAt ?? unpausedAt))
    const rate = (count * 1_000) / (lastClaimAt - unpausedAt)
    return {
      name: 'unpause-after-night',
      rounds: 1,
      failedRounds: [],
      checks: [
        {
          promise: 'SE-26 nothing expires because of a pause: everything that it held back succeeds',
          complaints: [
            ...(endedInTheNight === 0 ? [] : [`${endedInTheNight} ended while they were paused`]),
            ...strangers(held, 'succeeded'),
          ],
        },
        {
          promise: 'SE-26 what a pause held back starts in the order in which it was submitted',
          complaints: disorder(held),
        },
        {
          promise: 'SE-26 it starts at about the pace that was asked for: between 0.7 and 1.15 of it',
          complaints:
            rate >= pacePerSecond * 0.7 && rate <= pacePerSecond * 1.15
              ? []
              : [`${rate.toFixed(1)} a second, ${pacePerSecond} were asked for`],
        },
        {
          promise: `SE-26 new work is not held up meanwhile: all of it is done within ${boundMs} ms`,
          complaints: [
            ...strangers(freshLives, 'succeeded'),
            ...freshMs.filter((ms) => ms > boundMs).map((ms) => `it took ${ms} ms`),
          ],
        },
      ],
      figures: {
        'held back by the pause': count,
        'deadline after the submit, ms': deadlineMs,
        'submit of the night took ms': submitMs,
        'pace asked for, a second': pacePerSecond,
        'pace kept, a second': Number(rate.toFixed(1)),
        'most starts within one second': mostWithinOneSecond(held),
        'new work meanwhile, count': fresh.length,
        'new work meanwhile, p50 ms': percentile(freshMs, 0.5),
        'new work meanwhile, p95 ms': percentile(freshMs, 0.95),
        'new work meanwhile, max ms': percentile(freshMs, 1),
      },
    }
  } finally {
    await cluster.discard()
  }
}

function disorder(held: readonly Life[]): string[] {
  const places = held.map(({ claimedAs }) => claimedAs ?? Number.POSITIVE_INFINITY)
  return places.flatMap((place, index) =>
    index > 0 && place < (places[index - 1] ?? 0) ? [`number ${index + 1} was claimed before number ${index}`] : [],
  )
}

function mostWithinOneSecond(held: readonly Life[]): number {
  const starts = held.flatMap(({ claimedAt }) => (claimedAt === null ? [] : [claimedAt])).sort((a, b) => a - b)
  let from = 0
  let most = 0
  for (const [index, at] of starts.entries()) {
    while (at - (starts[from] ?? at) >= 1_000) from += 1
    most = Math.max(most, index - from + 1)
  }
  return most
}
